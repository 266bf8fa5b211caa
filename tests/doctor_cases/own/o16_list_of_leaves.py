# STARVED: layers[1]
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
layers = [torch.randn(5, 5, requires_grad=True) for _ in range(3)]
opt = torch.optim.SGD(layers, lr=0.01)
x = torch.randn(12, 5)
for step in range(3):
    h = x
    for i, w in enumerate(layers):
        h = torch.tanh(h @ (w.detach() if i == 1 else w))  #! harmful
    loss = h.pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
