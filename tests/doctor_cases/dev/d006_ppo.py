# STARVED:
import torch, torch.nn as nn
from torch.distributions import Normal
torch.manual_seed(0)


def layer_init(layer, std=2 ** 0.5):
    nn.init.orthogonal_(layer.weight, std)
    nn.init.constant_(layer.bias, 0.0)
    return layer


class Agent(nn.Module):
    def __init__(self, obs, act):
        super().__init__()
        self.critic = nn.Sequential(layer_init(nn.Linear(obs, 32)), nn.Tanh(), layer_init(nn.Linear(32, 1), 1.0))
        self.actor_mean = nn.Sequential(layer_init(nn.Linear(obs, 32)), nn.Tanh(), layer_init(nn.Linear(32, act), 0.01))
        self.actor_logstd = nn.Parameter(torch.zeros(1, act))

    def get_action_and_value(self, x, action=None):
        mean = self.actor_mean(x)
        probs = Normal(mean, self.actor_logstd.expand_as(mean).exp())
        if action is None:
            action = probs.sample()
        return action, probs.log_prob(action).sum(1), probs.entropy().sum(1), self.critic(x).flatten()


agent = Agent(5, 2)
optimizer = torch.optim.Adam(agent.parameters(), lr=2.5e-4, eps=1e-5)
clip_coef, ent_coef, vf_coef = 0.2, 0.01, 0.5
for iteration in range(2):
    optimizer.param_groups[0]["lr"] = 2.5e-4 * (1 - iteration / 2)
    obs = torch.randn(64, 5)
    with torch.no_grad():
        actions, logprobs, _, values = agent.get_action_and_value(obs)    #! harmless
    rewards = -(actions - obs[:, :2]).pow(2).sum(1)
    advantages = rewards - values
    returns = advantages + values
    clipfracs = []
    for epoch in range(2):
        for mb in torch.randperm(64).split(32):
            _, newlogprob, entropy, newvalue = agent.get_action_and_value(obs[mb], actions[mb])
            logratio = newlogprob - logprobs[mb]
            ratio = logratio.exp()
            with torch.no_grad():
                approx_kl = ((ratio - 1) - logratio).mean()                                 #! offpath
                clipfracs += [((ratio - 1.0).abs() > clip_coef).float().mean().item()]      #! offpath
            adv = advantages[mb]
            adv = (adv - adv.mean()) / (adv.std() + 1e-8)
            pg_loss = torch.max(-adv * ratio, -adv * torch.clamp(ratio, 1 - clip_coef, 1 + clip_coef)).mean()
            v_clipped = values[mb] + torch.clamp(newvalue - values[mb], -clip_coef, clip_coef)
            v_loss = 0.5 * torch.max((newvalue - returns[mb]) ** 2, (v_clipped - returns[mb]) ** 2).mean()
            loss = pg_loss - ent_coef * entropy.mean() + v_loss * vf_coef
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
            optimizer.step()
    print(approx_kl.item(), sum(clipfracs) / len(clipfracs))
