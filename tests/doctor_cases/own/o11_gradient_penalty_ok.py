# STARVED: 
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
critic = nn.Sequential(nn.Linear(2, 16), nn.Softplus(), nn.Linear(16, 1, bias=False))
opt = torch.optim.Adam(critic.parameters())
for step in range(3):
    real, fake = torch.randn(16, 2), torch.rand(16, 2)
    mix = (0.5 * real + 0.5 * fake).requires_grad_(True)
    (g,) = torch.autograd.grad(critic(mix).sum(), mix, create_graph=True)
    loss = critic(fake).mean() - critic(real).mean() + 10 * (g.norm(dim=1) - 1).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
