# STARVED: gate
import torch
from torch import nn
from torch.func import functional_call
net = nn.Linear(4,2); params = {k: v.detach().clone().requires_grad_() for k,v in net.named_parameters()}
gate = torch.zeros(2, requires_grad=True)
for step in range(4):
    out = functional_call(net, params, (torch.randn(6,4),)) * (gate >= 0).float()  #! harmful
    loss = out.pow(2).mean()
    grads = torch.autograd.grad(loss, [*params.values(), gate], allow_unused=True)
    with torch.no_grad():
        params = {k: (v - .1*g).requires_grad_() for (k,v),g in zip(params.items(), grads)}
