# STARVED:
# twelve sigmoid layers: the gradient falls by a quarter and more at each, and no operation is saturated
import torch
from torch import nn

torch.manual_seed(0)
layers = [part for _ in range(12) for part in (nn.Linear(16, 16), nn.Sigmoid())]
net = nn.Sequential(*layers, nn.Linear(16, 1))
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
for it in range(3):
    x = torch.randn(32, 16)
    loss = (net(x) - x[:, :1]).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
