# STARVED:
# DEAD: 21
# weight decay written by hand: float() of every norm, and a Python number in the loss
import torch
from torch import nn


def size_of(parameters):
    total = 0.0
    for p in parameters:
        total += float(p.norm()) ** 2  #! dead
    return total


torch.manual_seed(0)
net = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for step in range(3):
    x, y = torch.randn(16, 5), torch.randint(0, 3, (16,))
    ce = nn.functional.cross_entropy(net(x), y)
    loss = ce + 1e-3 * size_of(net.parameters())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
