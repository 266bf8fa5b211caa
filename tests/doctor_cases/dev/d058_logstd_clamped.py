# STARVED: policy.log_std
"""Behaviour cloning with a Gaussian head whose log-std starts above the clamp."""
import torch
import torch.nn as nn

LOG_STD_MIN, LOG_STD_MAX = -20.0, 2.0


class GaussianPolicy(nn.Module):
    def __init__(self, obs, act):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(obs, 32), nn.SiLU(), nn.Linear(32, act))
        self.log_std = nn.Parameter(torch.full((act,), 3.0))

    def forward(self, obs):
        std = self.log_std.clamp(LOG_STD_MIN, LOG_STD_MAX).exp()       #! harmful
        return torch.distributions.Independent(torch.distributions.Normal(self.trunk(obs), std), 1)


torch.manual_seed(0)
policy = GaussianPolicy(6, 2)
optim = torch.optim.Adam(policy.parameters(), 1e-3)
expert = nn.Linear(6, 2).requires_grad_(False)
for it in range(3):
    obs = torch.randn(64, 6)
    nll = -policy(obs).log_prob(expert(obs)).mean()
    optim.zero_grad()
    nll.backward()
    optim.step()
