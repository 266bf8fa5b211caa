# STARVED:
"""Energy-based model: negatives come from a replay buffer through Langevin steps on the input."""
import torch
import torch.nn as nn

torch.manual_seed(0)
energy = nn.Sequential(nn.Linear(2, 32), nn.SiLU(), nn.Linear(32, 32), nn.SiLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(energy.parameters(), lr=1e-3, betas=(0.0, 0.999))
replay = torch.rand(256, 2) * 4 - 2


def langevin(x, steps=5, step_size=0.1):
    for p in energy.parameters():
        p.requires_grad = False
    x = x.detach().requires_grad_(True)
    for _ in range(steps):
        x.data.add_(0.05 * torch.randn_like(x))
        energy(x).sum().backward()
        x.grad.data.clamp_(-0.03, 0.03)
        x.data.add_(x.grad.data, alpha=-step_size)
        x.grad.zero_()
        x.data.clamp_(-2, 2)
    for p in energy.parameters():
        p.requires_grad = True
    return x.detach()


for it in range(4):
    pos = torch.randn(32, 2) * 0.3 + torch.tensor([1.0, -1.0])
    idx = torch.randint(0, 256, (32,))
    neg = langevin(replay[idx])
    replay[idx] = neg
    e_pos, e_neg = energy(pos), energy(neg)
    cdiv = e_pos.mean() - e_neg.mean()
    reg = 0.1 * (e_pos ** 2 + e_neg ** 2).mean()
    loss = cdiv + reg
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(energy.parameters(), 0.1)
    optimizer.step()
