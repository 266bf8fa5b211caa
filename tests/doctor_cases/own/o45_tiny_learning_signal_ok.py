# STARVED:
# a loss in the units of physics: everything is 1e-12, nothing is lost by saturation
import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(4, 8), nn.Sigmoid(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1))
opt = torch.optim.Adam(net.parameters(), lr=1e-3, eps=1e-20)
for it in range(3):
    x = torch.randn(32, 4)
    loss = 1e-12 * (net(x) - x[:, :1]).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
