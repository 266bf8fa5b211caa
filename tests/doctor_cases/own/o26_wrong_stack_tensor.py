# STARVED: a.weight a.bias b.weight b.bias
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
a, b = nn.Linear(3, 1), nn.Linear(3, 1)
c = nn.Parameter(torch.tensor(0.5))
opt = torch.optim.SGD([*a.parameters(), *b.parameters(), c], lr=0.1)
for step in range(3):
    x, y = torch.randn(8, 3), torch.randn(8, 1)
    losses = []
    for net in (a, b):
        losses.append(F.mse_loss(net(x), y).item())  #! harmful
    loss = (torch.tensor(losses) * c.exp()).sum()
    opt.zero_grad()
    loss.backward()
    opt.step()
