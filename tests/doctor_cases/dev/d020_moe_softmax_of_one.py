# STARVED: model.layers.0.router.weight model.layers.1.router.weight
"""Routers whose weight is a softmax over the single chosen logit: it is 1, whatever the router says."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class MoELayer(nn.Module):
    def __init__(self, dim, n_experts=3, k=1):
        super().__init__()
        self.router = nn.Linear(dim, n_experts, bias=False)
        self.experts = nn.ModuleList(nn.Linear(dim, dim) for _ in range(n_experts))
        self.k = k

    def forward(self, x):
        logits, idx = torch.topk(self.router(x), self.k, dim=-1)
        weights = F.softmax(logits, dim=-1)                 #! harmful
        y = torch.zeros_like(x)
        for e, expert in enumerate(self.experts):
            tok, slot = torch.where(idx == e)
            y[tok] += weights[tok, slot].unsqueeze(-1) * expert(x[tok])
        return x + y


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(50, 12)
        self.layers = nn.ModuleList(MoELayer(12) for _ in range(2))
        self.norm = nn.LayerNorm(12)
        self.out = nn.Linear(12, 50)

    def forward(self, t):
        h = self.embed(t)
        for layer in self.layers:
            h = layer(h)
        return self.out(self.norm(h))


torch.manual_seed(0)
model = Net()
opt = torch.optim.AdamW(model.parameters(), lr=1e-3)
for step in range(3):
    tokens = torch.randint(0, 50, (128,))
    loss = F.cross_entropy(model(tokens), tokens.roll(1))
    loss.backward()
    opt.step()
    opt.zero_grad()
