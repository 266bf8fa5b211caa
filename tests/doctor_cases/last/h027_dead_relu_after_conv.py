# STARVED: model.block.0.weight model.block.0.bias model.block.2.weight
"""Residual denoiser; an initialisation helper sets every bias to -100 in the residual block."""
import torch
import torch.nn as nn


def init_block(m):
    if isinstance(m, nn.Conv1d):
        nn.init.kaiming_normal_(m.weight)
        m.bias.data.fill_(-100.0)


class Denoiser(nn.Module):
    def __init__(self, c=6):
        super().__init__()
        self.inp = nn.Conv1d(1, c, 3, padding=1)
        self.block = nn.Sequential(nn.Conv1d(c, c, 3, padding=1), nn.ReLU(), nn.Conv1d(c, c, 3, padding=1))
        self.out = nn.Conv1d(c, 1, 1)
        self.block.apply(init_block)

    def forward(self, x):
        h = self.inp(x)
        r = self.block(h)                                        #! harmful
        return x - self.out(h + r)


torch.manual_seed(0)
model = Denoiser()
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
for step in range(4):
    clean = torch.sin(torch.linspace(0, 12, 40) + torch.rand(8, 1) * 6).unsqueeze(1)
    noisy = clean + 0.2 * torch.randn_like(clean)
    loss = (model(noisy) - clean).abs().mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
