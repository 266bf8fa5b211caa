# STARVED: b
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
w = torch.randn(5, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
x, y = torch.randn(30, 5), torch.randn(30)
for step in range(3):
    bias = b.round()  #! harmful
    loss = ((x @ w + bias - y) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        for p in (w, b):
            p -= 0.1 * p.grad
            p.grad = None
