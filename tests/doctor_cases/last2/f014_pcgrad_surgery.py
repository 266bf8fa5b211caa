# STARVED:
import copy
import random
import torch
import torch.nn as nn
import torch.nn.functional as F


class PCGrad:
    def __init__(self, optimizer):
        self._optim = optimizer

    def zero_grad(self):
        return self._optim.zero_grad(set_to_none=True)

    def step(self):
        return self._optim.step()

    def pc_backward(self, objectives):
        grads, shapes, has = [], [], []
        for obj in objectives:
            self._optim.zero_grad(set_to_none=True)
            obj.backward(retain_graph=True)
            g, s, h = [], [], []
            for group in self._optim.param_groups:
                for p in group["params"]:
                    s.append(p.shape)
                    g.append((torch.zeros_like(p) if p.grad is None else p.grad.clone()).flatten())
                    h.append((torch.zeros_like(p) if p.grad is None else torch.ones_like(p)).flatten())
            grads.append(torch.cat(g)); has.append(torch.cat(h)); shapes.append(s)
        shared = torch.stack(has).prod(0).bool()
        pc = copy.deepcopy(grads)
        for g_i in pc:
            random.shuffle(grads)
            for g_j in grads:
                dot = torch.dot(g_i, g_j)
                if dot < 0:
                    g_i -= dot * g_j / (g_j.norm() ** 2)
        merged = torch.zeros_like(grads[0])
        merged[shared] = torch.stack([g[shared] for g in pc]).mean(dim=0)
        merged[~shared] = torch.stack([g[~shared] for g in pc]).sum(dim=0)
        i = 0
        for group in self._optim.param_groups:
            for p in group["params"]:
                p.grad = merged[i:i + p.numel()].view_as(p).clone()
                i += p.numel()


class MultiHead(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(8, 24), nn.Tanh())
        self.seg, self.depth = nn.Linear(24, 4), nn.Linear(24, 1)

    def forward(self, x):
        h = self.trunk(x)
        return self.seg(h), self.depth(h)


random.seed(0); torch.manual_seed(0)
net = MultiHead()
optimizer = PCGrad(torch.optim.Adam(net.parameters(), lr=1e-3))
for it in range(3):
    x, y1, y2 = torch.randn(16, 8), torch.randint(4, (16,)), torch.randn(16, 1)
    a, b = net(x)
    losses = [F.cross_entropy(a, y1), F.mse_loss(b, y2)]
    optimizer.zero_grad()
    optimizer.pc_backward(losses)
    optimizer.step()
    print([l.item() for l in losses])    #! offpath
