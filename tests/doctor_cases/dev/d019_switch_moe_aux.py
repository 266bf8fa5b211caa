# STARVED:
import torch
import torch.nn as nn
import torch.nn.functional as F


class Expert(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.w1, self.w2 = nn.Linear(d, 2 * d), nn.Linear(2 * d, d)

    def forward(self, x):
        return self.w2(F.gelu(self.w1(x)))


class SwitchFFN(nn.Module):
    """Top-1 routing with capacity and the load-balancing loss."""

    def __init__(self, d, n):
        super().__init__()
        self.switch = nn.Linear(d, n)
        self.experts = nn.ModuleList(Expert(d) for _ in range(n))
        self.n = n

    def forward(self, x):
        prob = F.softmax(self.switch(x), dim=-1)
        p_max, routes = torch.max(prob, dim=-1)             #! harmless
        out = x.new_zeros(x.shape)
        for i in range(self.n):
            idx = torch.eq(routes, i).nonzero(as_tuple=True)[0]
            out[idx] = self.experts[i](x[idx])
        counts = torch.stack([routes.eq(i).sum() for i in range(self.n)])
        aux = self.n * (counts.float() / x.size(0) * prob.mean(0)).sum()
        return out * p_max.view(-1, 1), aux, counts


torch.manual_seed(0)
inp, ffn, head = nn.Linear(10, 16), SwitchFFN(16, 3), nn.Linear(16, 5)
params = [p for m in (inp, ffn, head) for p in m.parameters()]
opt = torch.optim.Adam(params, lr=1e-3)
for step in range(3):
    x, y = torch.randn(96, 10), torch.randint(0, 5, (96,))
    h = inp(x)
    out, aux, counts = ffn(h)
    loss = F.cross_entropy(head(h + out), y) + 0.01 * aux
    opt.zero_grad(); loss.backward(); opt.step()
    print(step, loss.item(), counts.tolist())               #! offpath
