# STARVED: model.halt.weight model.halt.bias
"""Adaptive computation whose stopping rule is a Python while: the halting unit never meets the loss."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class AdaptiveNet(nn.Module):
    def __init__(self, d=10, max_steps=6):
        super().__init__()
        self.inp, self.block = nn.Linear(d, d), nn.Linear(d, d)
        self.halt = nn.Linear(d, 1)
        self.out = nn.Linear(d, 3)
        self.max_steps = max_steps

    def forward(self, x):
        h = torch.tanh(self.inp(x))
        total, n = 0.0, 0
        while total < 0.99 and n < self.max_steps:
            h = h + torch.tanh(self.block(h))
            total += torch.sigmoid(self.halt(h)).mean().item()   #! harmful
            n += 1
        return self.out(h), n


def train_one(model, opt, x, y):
    logits, steps = model(x)
    loss = F.cross_entropy(logits, y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    return loss


torch.manual_seed(0)
model = AdaptiveNet()
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
for _ in range(3):
    train_one(model, opt, torch.randn(16, 10), torch.randint(0, 3, (16,)))
