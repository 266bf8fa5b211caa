# STARVED: model.gate.weight model.gate.bias
"""Mixture of depths: per token the gate chooses among three blocks. Annealing ended at tau = 1e-4."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class ChooseBlock(nn.Module):
    def __init__(self, d=12, n=3, tau=1e-4):
        super().__init__()
        self.embed = nn.Linear(6, d)
        self.gate = nn.Linear(d, n)
        self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(d, d), nn.GELU(), nn.Linear(d, d)) for _ in range(n))
        self.head, self.tau = nn.Linear(d, 2), tau

    def forward(self, x):
        h = self.embed(x)
        logits = self.gate(h)
        w = F.softmax(logits / self.tau, dim=-1)    #! harmful
        y = torch.stack([b(h) for b in self.blocks], dim=-2)
        return self.head(h + (w.unsqueeze(-1) * y).sum(-2)), w


torch.manual_seed(3)
model = ChooseBlock()
opt = torch.optim.Adam(model.parameters(), lr=3e-4)
x = torch.randn(96, 6)
with torch.no_grad():
    x = x[(model.gate(model.embed(x)).topk(2, -1)[0].diff(dim=-1).abs().squeeze(-1) > 0.05)]
y = (x.sum(1) > 0).long()
for step in range(4):
    out, w = model(x)
    loss = F.cross_entropy(out, y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    print(step, loss.item(), w.mean(0).tolist())    #! offpath
