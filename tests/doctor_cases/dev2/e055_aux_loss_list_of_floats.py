# STARVED:
# DEAD: 46|47
"""MoE language model: the balance losses of the layers are collected as floats and summed."""
import torch
import torch.nn as nn
import torch.nn.functional as F

AUX = []


class Top2(nn.Module):
    def __init__(self, d, n):
        super().__init__()
        self.gate, self.n = nn.Linear(d, n, bias=False), n
        self.w = nn.Parameter(torch.randn(n, d, d) * d ** -0.5)

    def forward(self, x):
        p = self.gate(x).softmax(-1)
        val, idx = p.topk(2, -1)    #! harmless
        val = val / val.sum(-1, keepdim=True)
        density = F.one_hot(idx[..., 0], self.n).float().mean((0, 1))
        AUX.append((density * p.mean((0, 1))).sum().item() * self.n)    #! dead
        y = torch.einsum("btd,btkde->btke", x, self.w[idx])
        return x + (val.unsqueeze(-1) * y).sum(2)


class LM(nn.Module):
    def __init__(self, v=30, d=12):
        super().__init__()
        self.emb, self.layers, self.out = nn.Embedding(v, d), nn.ModuleList(Top2(d, 4) for _ in range(2)), nn.Linear(d, v)

    def forward(self, ids):
        h = self.emb(ids)
        for layer in self.layers:
            h = layer(h)
        return self.out(h)


torch.manual_seed(0)
lm = LM()
opt = torch.optim.Adam(lm.parameters(), lr=1e-3)
for step in range(3):
    AUX.clear()
    ids = torch.randint(30, (4, 9))
    ce = F.cross_entropy(lm(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
    aux = sum(AUX) / len(AUX)
    loss = ce + 0.01 * aux
    opt.zero_grad()
    loss.backward()
    opt.step()
