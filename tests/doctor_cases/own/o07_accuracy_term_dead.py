# STARVED: 
# DEAD: 14|15
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3))
opt = torch.optim.SGD(net.parameters(), lr=0.1)
x, y = torch.randn(40, 6), torch.randint(0, 3, (40,))
for step in range(3):
    logits = net(x)
    ce = F.cross_entropy(logits, y)
    errors = (logits.argmax(1) != y).float().mean()  #! dead
    loss = ce + 0.5 * errors
    opt.zero_grad()
    loss.backward()
    opt.step()
