# STARVED: inner_lr.lrs.w1 inner_lr.lrs.b1 inner_lr.lrs.w2 inner_lr.lrs.b2
"""Meta-SGD: initial weights and one inner learning rate a tensor are meta-learned."""
import math
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)


def net(x, p):
    return F.linear(torch.tanh(F.linear(x, p["w1"], p["b1"])), p["w2"], p["b2"])


class LearnedLR(nn.Module):
    def __init__(self, names, init=0.01):
        super().__init__()
        self.lrs = nn.ParameterDict({n: nn.Parameter(torch.tensor(init)) for n in names})

    def step(self, params, grads):
        new = {}
        for (name, w), g in zip(params.items(), grads):
            lr = float(self.lrs[name])    #! harmful
            new[name] = w - lr * g
        return new


theta = nn.ParameterDict({
    "w1": nn.Parameter(torch.randn(20, 1) * 0.5), "b1": nn.Parameter(torch.zeros(20)),
    "w2": nn.Parameter(torch.randn(1, 20) * 0.2), "b2": nn.Parameter(torch.zeros(1))})
inner_lr = LearnedLR(theta.keys())
meta_opt = torch.optim.Adam([*theta.parameters(), *inner_lr.parameters()], lr=1e-3)


def sample_task():
    a, ph = 0.1 + 4.9 * torch.rand(1).item(), math.pi * torch.rand(1).item()
    return lambda n: (lambda x: (x, a * torch.sin(x + ph)))(10 * torch.rand(n, 1) - 5)


for it in range(3):
    meta_loss = 0.0
    for _ in range(4):
        task = sample_task()
        fast = dict(theta.items())
        x_s, y_s = task(10)
        for _ in range(2):
            loss = F.mse_loss(net(x_s, fast), y_s)
            grads = torch.autograd.grad(loss, list(fast.values()), create_graph=True)
            fast = inner_lr.step(fast, grads)
        x_q, y_q = task(10)
        meta_loss = meta_loss + F.mse_loss(net(x_q, fast), y_q)
    meta_opt.zero_grad()
    meta_loss.backward()
    meta_opt.step()
    print(it, meta_loss.item() / 4, {k: round(v.item(), 4) for k, v in inner_lr.lrs.items()})    #! offpath
