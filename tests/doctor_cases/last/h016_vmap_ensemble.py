# STARVED:
"""An ensemble by torch.func: per-member gradients are written to .grad for an ordinary optimiser."""
import copy
import torch
import torch.nn as nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

torch.manual_seed(0)
members = [nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 1)) for _ in range(4)]
params, buffers = stack_module_state(members)
skeleton = copy.deepcopy(members[0]).to("meta")
opt = torch.optim.Adam(params.values(), lr=1e-2)


def loss_fn(p, b, x, y):
    return (functional_call(skeleton, (p, b), (x,)) - y).pow(2).mean()


step_fn = vmap(grad_and_value(loss_fn), in_dims=(0, 0, 0, 0))
for step in range(3):
    x = torch.randn(4, 32, 3)
    y = x.sum(-1, keepdim=True).sin()
    grads, losses = step_fn(params, buffers, x, y)
    for name, p in params.items():
        p.grad = grads[name].detach()
    opt.step()
    print(step, losses.mean().item(), losses.argmin().item())
