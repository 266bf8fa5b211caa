# STARVED:
# a running average of the loss is a baseline: it changes no gradient, by design
import torch
from torch import nn

torch.manual_seed(0)
net = nn.Linear(4, 1)
opt = torch.optim.SGD(net.parameters(), lr=0.05)
baseline, history = 0.0, []
for step in range(4):
    x = torch.randn(16, 4)
    error = (net(x) - x[:, :1]).pow(2).mean()
    baseline = 0.9 * baseline + 0.1 * error.item()
    history.append(baseline)
    loss = error - baseline
    opt.zero_grad()
    loss.backward()
    opt.step()
