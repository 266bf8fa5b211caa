# STARVED: gates.net.0.weight gates.net.0.bias gates.net.2.weight gates.net.2.bias
# DEAD: 29|30
"""Conditional computation with sampled gates and a budget that is measured on the samples."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class Gates(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(i, 8), nn.ReLU(), nn.Linear(8, o))

    def forward(self, x):
        p = torch.sigmoid(self.net(x))
        return torch.bernoulli(p)                                #! harmful


torch.manual_seed(0)
gates = Gates(10, 24)
fc1, fc2 = nn.Linear(10, 24), nn.Linear(24, 3)
optimizer = torch.optim.SGD([*gates.parameters(), *fc1.parameters(), *fc2.parameters()], lr=0.1)
lam = 0.05
for step in range(3):
    x, y = torch.randn(32, 10), torch.randint(0, 3, (32,))
    z = gates(x)
    logits = fc2(F.relu(fc1(x)) * z)
    cost = F.cross_entropy(logits, y)
    budget = (z.mean() - 0.3) ** 2
    loss = cost + lam * budget
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
