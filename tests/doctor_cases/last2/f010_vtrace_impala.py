# STARVED:
import collections
import torch
from torch import nn
from torch.nn import functional as F

VTrace = collections.namedtuple("VTrace", "vs pg_advantages")


@torch.no_grad()
def from_importance_weights(log_rhos, discounts, rewards, values, bootstrap_value, clip_rho=1.0, clip_pg=1.0):
    rhos = torch.exp(log_rhos)
    clipped_rhos, cs = torch.clamp(rhos, max=clip_rho), torch.clamp(rhos, max=1.0)
    values_t_plus_1 = torch.cat([values[1:], torch.unsqueeze(bootstrap_value, 0)], dim=0)
    deltas = clipped_rhos * (rewards + discounts * values_t_plus_1 - values)
    acc, result = torch.zeros_like(bootstrap_value), []
    for t in range(discounts.shape[0] - 1, -1, -1):
        acc = deltas[t] + discounts[t] * cs[t] * acc
        result.append(acc)
    result.reverse()
    vs = torch.add(torch.stack(result), values)
    broadcasted = torch.ones_like(vs[0]) * bootstrap_value
    vs_t_plus_1 = torch.cat([vs[1:], broadcasted.unsqueeze(0)], dim=0)
    return VTrace(vs, torch.clamp(rhos, max=clip_pg) * (rewards + discounts * vs_t_plus_1 - values))


class Net(nn.Module):
    def __init__(self, obs=6, actions=3, h=24):
        super().__init__()
        self.fc, self.core = nn.Linear(obs, h), nn.LSTM(h + actions + 1, h, 1)
        self.policy, self.baseline, self.n = nn.Linear(h, actions), nn.Linear(h, 1), actions

    def forward(self, frame, last_action, reward):
        one_hot = F.one_hot(last_action, self.n).float()
        x = torch.cat([F.relu(self.fc(frame)), torch.clamp(reward, -1, 1).unsqueeze(-1), one_hot], dim=-1)
        out, _ = self.core(x)
        return self.policy(out), self.baseline(out).squeeze(-1)


def learn(flags, actor_model, model, batch, optimizer):
    logits, baseline = model(batch["frame"], batch["last_action"], batch["reward"])
    bootstrap_value = baseline[-1]
    action, rewards = batch["last_action"][1:], batch["reward"][1:].clamp(-1, 1)
    behavior, logits, values = batch["logits"][:-1], logits[:-1], baseline[:-1]
    lp = lambda l: -F.nll_loss(F.log_softmax(l.flatten(0, 1), -1), action.flatten(), reduction="none").view_as(action)
    log_rhos = lp(logits) - lp(behavior)
    vt = from_importance_weights(log_rhos, (~batch["done"][1:]).float() * 0.99, rewards, values, bootstrap_value)    #! harmless
    pg_loss = torch.sum(-lp(logits) * vt.pg_advantages.detach())
    baseline_loss = flags["baseline_cost"] * 0.5 * torch.sum((vt.vs - values) ** 2)
    policy = F.softmax(logits, dim=-1)
    entropy_loss = flags["entropy_cost"] * torch.sum(policy * F.log_softmax(logits, dim=-1))
    total_loss = pg_loss + baseline_loss + entropy_loss
    optimizer.zero_grad()
    total_loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 40.0)
    optimizer.step()
    actor_model.load_state_dict(model.state_dict())
    return {"total_loss": total_loss.item(), "pg_loss": pg_loss.item()}    #! offpath


if __name__ == "__main__":
    torch.manual_seed(0)
    actor, learner = Net(), Net()
    actor.load_state_dict(learner.state_dict())
    opt = torch.optim.RMSprop(learner.parameters(), lr=5e-4, alpha=0.99, eps=0.01)
    for it in range(3):
        T, B = 6, 4
        batch = dict(frame=torch.randn(T, B, 6), last_action=torch.randint(3, (T, B)), reward=torch.randn(T, B), done=torch.rand(T, B) < 0.1)
        with torch.no_grad():
            batch["logits"], _ = actor(batch["frame"], batch["last_action"], batch["reward"])
        print(learn(dict(baseline_cost=0.5, entropy_cost=0.01), actor, learner, batch, opt))
