# STARVED: net.gate.weight net.gate.bias
# VANISHING: net.gate.weight net.gate.bias
# a gate that was meant to start closed (bias -30) and cannot open again: the sigmoid passes 1e-13
import torch
from torch import nn


class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(6, 8)
        self.gate = nn.Linear(6, 8)
        self.head = nn.Linear(8, 1)
        nn.init.constant_(self.gate.bias, -30.0)

    def forward(self, x):
        opened = torch.sigmoid(self.gate(x))  #! harmful
        return self.head(self.body(x) + opened * x.sum(1, keepdim=True))


torch.manual_seed(0)
net = Gated()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
for step in range(4):
    x = torch.randn(32, 6)
    loss = (net(x) - x[:, :1]).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
