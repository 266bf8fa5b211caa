# STARVED: layer.weight
import torch
import torch.nn as nn


class LinearFn(torch.autograd.Function):
    """A hand-written linear layer whose backward forgets the weight."""

    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        return x @ weight.t() + bias

    @staticmethod
    def backward(ctx, grad_out):
        x, weight = ctx.saved_tensors
        return grad_out @ weight, None, grad_out.sum(0)


class MyLinear(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(o, i) / i ** 0.5)
        self.bias = nn.Parameter(torch.zeros(o))

    def forward(self, x):
        return LinearFn.apply(x, self.weight, self.bias)    #! harmful


torch.manual_seed(0)
pre, layer, post = nn.Linear(6, 12), MyLinear(12, 12), nn.Linear(12, 1)
opt = torch.optim.Adam([*pre.parameters(), *layer.parameters(), *post.parameters()], lr=1e-2)
x = torch.randn(64, 6)
y = x.prod(1, keepdim=True)
for step in range(3):
    pred = post(torch.relu(layer(torch.relu(pre(x)))))
    loss = (pred - y).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
