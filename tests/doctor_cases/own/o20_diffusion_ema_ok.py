# STARVED: 
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
import copy

model = nn.Sequential(nn.Linear(3, 32), nn.SiLU(), nn.Linear(32, 2))
ema = copy.deepcopy(model)
opt = torch.optim.AdamW(model.parameters(), lr=1e-3)
betas = torch.linspace(1e-4, 0.02, 50)
alpha_bar = (1 - betas).cumprod(0)
for step in range(4):
    x0, t = torch.randn(32, 2), torch.randint(0, 50, (32,))
    noise = torch.randn_like(x0)
    a = alpha_bar[t, None]
    xt = a.sqrt() * x0 + (1 - a).sqrt() * noise
    loss = F.mse_loss(model(torch.cat([xt, t[:, None] / 50], 1)), noise)
    opt.zero_grad()
    loss.backward()
    opt.step()
    with torch.no_grad():
        for p, q in zip(model.parameters(), ema.parameters()):
            q.lerp_(p, 0.01)
