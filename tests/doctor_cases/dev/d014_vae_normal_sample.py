# STARVED:
"""A VAE that draws its code with sample(): only the KL term reaches the encoder."""
import torch
import torch.nn as nn
import torch.distributions as td

torch.manual_seed(0)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 8))
        self.dec = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 20))

    def training_step(self, x):
        mean, log_var = self.enc(x).chunk(2, dim=-1)
        q = td.Normal(mean, (0.5 * log_var).exp())
        z = q.sample()                                  #! partial
        nll = (self.dec(z) - x).pow(2).sum(-1).mean()
        kl = td.kl_divergence(q, td.Normal(torch.zeros_like(mean), 1.0)).sum(-1).mean()
        return nll + kl


model = Model()
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
for _ in range(3):
    opt.zero_grad()
    model.training_step(torch.randn(64, 20)).backward()
    opt.step()
