# STARVED:
# fine-tuning of a classifier that is right and sure: the loss is 1e-9, and so is the gradient
import torch
from torch import nn

torch.manual_seed(0)
net = nn.Linear(2, 1)
with torch.no_grad():
    net.weight.copy_(torch.tensor([[7.0, 7.0]]))
    net.bias.zero_()
opt = torch.optim.SGD(net.parameters(), lr=0.1)
for it in range(3):
    x = -(torch.rand(32, 2) * 0.3 + 1.3)
    p = torch.sigmoid(net(x)).squeeze(1)
    loss = nn.functional.binary_cross_entropy(p, torch.zeros(32))
    opt.zero_grad()
    loss.backward()
    opt.step()
