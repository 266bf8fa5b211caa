# STARVED:
import torch
import torch.nn.functional as F

torch.manual_seed(0)


def init(*shape):
    return (torch.randn(*shape) * 0.3).requires_grad_(True)


meta = {"w1": init(20, 1), "b1": init(20), "w2": init(1, 20), "b2": init(1)}
inner_lr = torch.tensor(0.05, requires_grad=True)
meta_opt = torch.optim.Adam([*meta.values(), inner_lr], lr=1e-3)


def net(params, x):
    h = torch.tanh(F.linear(x, params["w1"], params["b1"]))
    return F.linear(h, params["w2"], params["b2"])


def task():
    amp, phase = 0.1 + 4.9 * torch.rand(1), 3.14 * torch.rand(1)
    xs, xq = torch.rand(10, 1) * 10 - 5, torch.rand(10, 1) * 10 - 5
    return xs, amp * torch.sin(xs + phase), xq, amp * torch.sin(xq + phase)


for it in range(3):
    meta_loss = 0.0
    for _ in range(4):
        xs, ys, xq, yq = task()
        fast = dict(meta)
        for _ in range(2):
            inner = F.mse_loss(net(fast, xs), ys)
            grads = torch.autograd.grad(inner, list(fast.values()), create_graph=True)
            fast = {k: v - inner_lr * g for (k, v), g in zip(fast.items(), grads)}
        meta_loss = meta_loss + F.mse_loss(net(fast, xq), yq) / 4
    meta_opt.zero_grad()
    meta_loss.backward()
    meta_opt.step()
