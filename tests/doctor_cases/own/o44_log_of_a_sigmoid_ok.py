# STARVED:
# the logarithm undoes what the sigmoid does: wrong answers at -30 still get their gradient
import torch
from torch import nn

torch.manual_seed(0)
net = nn.Linear(4, 1)
nn.init.constant_(net.bias, -30.0)
opt = torch.optim.SGD(net.parameters(), lr=1e-4)
for it in range(3):
    p = torch.sigmoid(net(torch.randn(32, 4)))
    loss = -1e-4 * torch.log(p).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
