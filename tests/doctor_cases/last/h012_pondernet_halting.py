# STARVED:
"""Halting probabilities weigh the losses of all steps; nothing is cut at a hard number of steps."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class Ponder(nn.Module):
    def __init__(self, d=8, h=16, steps=4):
        super().__init__()
        self.cell, self.out, self.lam = nn.GRUCell(d, h), nn.Linear(h, 2), nn.Linear(h, 1)
        self.steps = steps

    def forward(self, x):
        h = torch.zeros(x.size(0), 16)
        keep, ps, ys = torch.ones(x.size(0)), [], []
        for n in range(self.steps):
            h = self.cell(x, h)
            lam = torch.sigmoid(self.lam(h)).squeeze(1) if n < self.steps - 1 else torch.ones(x.size(0))
            ps.append(keep * lam)
            ys.append(self.out(h))
            keep = keep * (1 - lam)
        p = torch.stack(ps)
        halted = torch.multinomial(p.t(), 1).squeeze(1)          #! offpath
        return p, torch.stack(ys), halted


torch.manual_seed(0)
net = Ponder()
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
prior = torch.distributions.Geometric(0.4).log_prob(torch.arange(4.0)).softmax(0)
for it in range(3):
    x = torch.randint(-1, 2, (32, 8)).float()
    y = (x.sum(1) > 0).long()
    p, ys, halted = net(x)
    rec = sum((p[n] * F.cross_entropy(ys[n], y, reduction="none")).mean() for n in range(4))
    kl = (p * (p.clamp(min=1e-8).log() - prior[:, None].log())).sum(0).mean()
    loss = rec + 0.01 * kl
    opt.zero_grad(); loss.backward(); opt.step()
    print(it, halted.float().mean().item())
