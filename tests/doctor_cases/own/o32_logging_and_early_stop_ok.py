# STARVED: 
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(5, 8), nn.Dropout(0.2), nn.ReLU(), nn.Linear(8, 2))
opt = torch.optim.Adam(net.parameters())
best = float("inf")
for epoch in range(3):
    net.train()
    x, y = torch.randn(20, 5), torch.randint(0, 2, (20,))
    loss = F.cross_entropy(net(x), y)
    if torch.isnan(loss):
        raise RuntimeError("diverged")
    opt.zero_grad()
    loss.backward()
    norm = sum(p.grad.norm() ** 2 for p in net.parameters()) ** 0.5
    opt.step()
    net.eval()
    with torch.no_grad():
        val = F.cross_entropy(net(x), y).item()
        acc = (net(x).argmax(1) == y).float().mean().item()
    if val < best:
        best, weights = val, {k: v.clone() for k, v in net.state_dict().items()}
    print(epoch, val, acc, float(norm))
