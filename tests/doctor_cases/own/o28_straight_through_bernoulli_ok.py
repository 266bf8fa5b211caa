# STARVED: 
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
selector, net = nn.Linear(6, 6), nn.Linear(6, 1)
opt = torch.optim.Adam([*selector.parameters(), *net.parameters()])
for step in range(3):
    x, y = torch.randn(16, 6), torch.randn(16, 1)
    p = torch.sigmoid(selector(x))
    hard = torch.bernoulli(p)  #! harmless
    mask = (hard - p).detach() + p  #! harmless
    loss = F.mse_loss(net(x * mask), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
