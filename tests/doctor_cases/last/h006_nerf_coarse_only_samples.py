# STARVED: prop.0.weight prop.0.bias prop.2.weight prop.2.bias
# proposal network whose weights only decide where to sample, by searchsorted; it has no loss of its own
import torch, torch.nn as nn, torch.nn.functional as F
torch.manual_seed(0)
prop = nn.Sequential(nn.Linear(1, 16), nn.ReLU(), nn.Linear(16, 1))
nerf = nn.Sequential(nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 4))
opt = torch.optim.Adam([*prop.parameters(), *nerf.parameters()], lr=1e-3)
edges = torch.linspace(0.0, 1.0, 33)
for step in range(3):
    centers = ((edges[1:] + edges[:-1]) / 2).unsqueeze(-1)
    density = F.softplus(prop(centers)).squeeze(-1)
    cdf = torch.cumsum(density / density.sum(), 0)
    u = torch.rand(24, 10)
    bins = torch.searchsorted(cdf, u).clamp(max=31)              #! harmful
    t, _ = (edges[bins] + torch.rand_like(u) / 32).sort(-1)
    raw = nerf(t.unsqueeze(-1))
    alpha = 1 - torch.exp(-F.softplus(raw[..., 3]) * 0.1)
    trans = torch.cumprod(1 - alpha + 1e-8, -1)
    color = ((alpha * trans).unsqueeze(-1) * raw[..., :3].sigmoid()).sum(1)
    loss = F.mse_loss(color, torch.rand(24, 3))
    opt.zero_grad()
    loss.backward()
    opt.step()
