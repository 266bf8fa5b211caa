# STARVED:
# numbers that leave torch and come back as weights, learning rates and counters, but never as a term
import torch
from torch import nn


class Meter:
    def __init__(self):
        self.total, self.count = 0.0, 0

    def update(self, value, n=1):
        self.total += value * n
        self.count += n

    @property
    def average(self):
        return self.total / max(self.count, 1)


torch.manual_seed(0)
encoder, decoder = nn.Linear(6, 4), nn.Linear(2, 6)
opt = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
meter, best, patience, beta = Meter(), float("inf"), 0, 0.1
for step in range(4):
    x = torch.randn(16, 6)
    mean, logvar = encoder(x).chunk(2, 1)
    z = mean + torch.randn_like(mean) * (0.5 * logvar).exp()
    total = 0.0
    rec = (decoder(z) - x).pow(2).mean()
    kl = -0.5 * (1 + logvar - mean.pow(2) - logvar.exp()).sum(1).mean()
    balance = rec.item() / max(kl.item(), 1e-6)
    beta = min(1.0, beta * (1.1 if kl.item() < 1.0 else 0.9))
    for weight, term in ((1.0, rec), (beta * balance, kl)):
        total = total + weight * term / max(term.item(), 0.1)
    meter.update(total.item(), len(x))
    loss = total + 1e-8
    if meter.average < best:
        best, patience = meter.average, 0
    else:
        patience += 1
    for group in opt.param_groups:
        group["lr"] = 1e-3 / (1 + meter.average)
    opt.zero_grad()
    loss.backward()
    opt.step()
    total = loss.item()
