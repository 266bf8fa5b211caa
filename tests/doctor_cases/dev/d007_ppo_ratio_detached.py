# STARVED:
# DEAD: 29|31
# PPO on a discrete bandit: the new log-probs are read under no_grad, so the policy term is constant
import torch, torch.nn as nn, torch.nn.functional as F
torch.manual_seed(0)
actor = nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Linear(32, 4))
critic = nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Linear(32, 1))
optim = torch.optim.Adam(list(actor.parameters()) + list(critic.parameters()), lr=1e-3)
best = torch.randint(0, 4, (128,))
obs = torch.randn(128, 6)


def evaluate(o, a):
    logp = F.log_softmax(actor(o), dim=-1)
    return logp.gather(1, a[:, None]).squeeze(1), -(logp.exp() * logp).sum(-1)


with torch.no_grad():
    acts = torch.distributions.Categorical(logits=actor(obs)).sample()
    old_logp, _ = evaluate(obs, acts)
rew = (acts == best).float()
for epoch in range(4):
    for mb in torch.randperm(128).chunk(2):
        logp, entropy = evaluate(obs[mb], acts[mb])
        value = critic(obs[mb]).squeeze(-1)
        adv = (rew[mb] - value).detach()                 #! harmless
        ratio = torch.exp(logp.detach() - old_logp[mb])           #! dead
        surr = torch.min(ratio * adv, ratio.clamp(0.8, 1.2) * adv)
        policy_loss = -surr.mean()
        value_loss = F.mse_loss(value, rew[mb])
        loss = policy_loss + 0.5 * value_loss - 0.01 * entropy.mean()
        optim.zero_grad()
        loss.backward()
        optim.step()
