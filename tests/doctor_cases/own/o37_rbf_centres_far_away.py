# STARVED: centres
# VANISHING: centres
# a radial basis network: the centres start five units from the data, the kernel has width 1
import torch
from torch import nn


def kernel(x, centres):
    return torch.exp(-torch.cdist(x, centres).pow(2))  #! harmful


torch.manual_seed(0)
centres = nn.Parameter(torch.randn(7, 2) * 0.1 + 5)
out = nn.Linear(7, 1)
optimizer = torch.optim.Adam([centres, *out.parameters()], lr=1e-2)
for step in range(4):
    x = torch.randn(64, 2).clamp(-1.5, 1.5)
    y = x.sin().sum(1, keepdim=True)
    loss = (out(kernel(x, centres)) - y).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
