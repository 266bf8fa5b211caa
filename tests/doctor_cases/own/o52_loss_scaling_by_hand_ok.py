# STARVED:
# a loss scale of 1,024, gradients divided by it before the step, autocast to bfloat16
import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Linear(32, 32), nn.Sigmoid(), nn.Linear(32, 3))
opt = torch.optim.SGD(net.parameters(), lr=0.1)
scale = 1024.0
for it in range(3):
    x, y = torch.randn(64, 6), torch.randint(0, 3, (64,))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = nn.functional.cross_entropy(net(x), y)
    (loss * scale).backward()
    for p in net.parameters():
        p.grad.div_(scale)
    opt.step()
    opt.zero_grad()
