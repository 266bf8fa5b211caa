# STARVED:
# a cold softmax over scores that are close together: divided by the temperature, the gradient is large
import torch
from torch import nn

torch.manual_seed(0)
score = nn.Linear(4, 5)
with torch.no_grad():
    score.weight.mul_(1e-3)
    score.bias.copy_(torch.linspace(0, 2e-3, 5))
opt = torch.optim.SGD(score.parameters(), lr=1e-8)
places = torch.linspace(-1, 1, 5)
for it in range(3):
    weight = torch.softmax(score(torch.randn(16, 4)) / 1e-4, -1)
    loss = ((weight * places).sum(-1) - 0.3).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
