# STARVED: 
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
policy, baseline = nn.Linear(4, 3), nn.Linear(4, 1)
opt = torch.optim.Adam([{"params": policy.parameters()}, {"params": baseline.parameters(), "lr": 1e-2}])
for step in range(3):
    log_probs, values, rewards = [], [], []
    state = torch.randn(4)
    for t in range(5):
        dist = torch.distributions.Categorical(logits=policy(state))
        action = dist.sample()  #! harmless
        log_probs.append(dist.log_prob(action))
        values.append(baseline(state).squeeze())
        rewards.append(1.0 if action.item() == 0 else -0.5)
        state = torch.randn(4) + 0.1 * action
    returns = torch.tensor(rewards).flip(0).cumsum(0).flip(0)
    values = torch.stack(values)
    advantage = returns - values.detach()  #! harmless
    loss = -(torch.stack(log_probs) * advantage).mean() + 0.5 * F.mse_loss(values, returns)
    opt.zero_grad()
    loss.backward()
    opt.step()
