# STARVED:
# most of the batch saturates the gate, a few samples do not: those carry the gradient
import torch
from torch import nn

torch.manual_seed(0)
gate, head = nn.Linear(3, 4), nn.Linear(4, 1)
opt = torch.optim.SGD([*gate.parameters(), *head.parameters()], lr=1e-3)
for it in range(3):
    x = torch.randn(64, 3) * 100
    x[5] = 0.1
    loss = 1e-3 * (head(torch.sigmoid(gate(x))) - 1).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
