# STARVED:
import torch, torch.nn as nn
from torch.distributions import MultivariateNormal
torch.manual_seed(0)


class RealNVP(nn.Module):
    def __init__(self, masks, hidden=24):
        super().__init__()
        self.prior = MultivariateNormal(torch.zeros(2), torch.eye(2))
        self.register_buffer("mask", masks)
        mk = lambda last: nn.Sequential(nn.Linear(2, hidden), nn.LeakyReLU(), nn.Linear(hidden, 2), *last)
        self.s = nn.ModuleList(mk([nn.Tanh()]) for _ in range(len(masks)))
        self.t = nn.ModuleList(mk([]) for _ in range(len(masks)))

    def f(self, x):
        log_det, z = x.new_zeros(x.shape[0]), x
        for i in reversed(range(len(self.t))):
            z_ = self.mask[i] * z
            s = self.s[i](z_) * (1 - self.mask[i])
            t = self.t[i](z_) * (1 - self.mask[i])
            z = (1 - self.mask[i]) * (z - t) * torch.exp(-s) + z_
            log_det -= s.sum(1)
        return z, log_det

    def log_prob(self, x):
        z, logp = self.f(x)
        return self.prior.log_prob(z) + logp


flow = RealNVP(torch.tensor([[0.0, 1.0], [1.0, 0.0]] * 2))
optimizer = torch.optim.Adam([p for p in flow.parameters() if p.requires_grad], lr=1e-4)
for t in range(3):
    r, a = 1 + 0.1 * torch.randn(64), torch.rand(64) * 6.28
    noisy = torch.stack([r * a.cos(), r * a.sin()], 1)
    loss = -flow.log_prob(noisy).mean()
    optimizer.zero_grad()
    loss.backward(retain_graph=True)
    optimizer.step()
