# STARVED: arch_normal
import torch
import torch.nn as nn
import torch.nn.functional as F

OPS = [lambda c: nn.Conv1d(c, c, 3, padding=1), lambda c: nn.AvgPool1d(3, 1, 1), lambda c: nn.Identity()]


class Cell(nn.Module):
    def __init__(self, c, edges=2):
        super().__init__()
        self.edges = nn.ModuleList(nn.ModuleList(make(c) for make in OPS) for _ in range(edges))

    def forward(self, x, alphas):
        for ops, alpha in zip(self.edges, alphas):
            choice = alpha.softmax(-1).argmax()             #! harmful
            x = ops[int(choice)](x)
        return x


torch.manual_seed(0)
stem, cell, fc = nn.Conv1d(1, 4, 3, padding=1), Cell(4), nn.Linear(4, 3)
arch_normal = torch.zeros(2, 3, requires_grad=True)
with torch.no_grad():
    arch_normal[:, 0] = 1e-3
w_opt = torch.optim.SGD([*stem.parameters(), *cell.parameters(), *fc.parameters()], 0.025, momentum=0.9)
a_opt = torch.optim.Adam([arch_normal], lr=3e-4, betas=(0.5, 0.999), weight_decay=1e-3)


def forward(x):
    return fc(cell(F.relu(stem(x)), arch_normal).mean(-1))


for step in range(3):
    xt, yt, xv, yv = torch.randn(8, 1, 10), torch.randint(0, 3, (8,)), torch.randn(8, 1, 10), torch.randint(0, 3, (8,))
    a_opt.zero_grad()
    F.cross_entropy(forward(xv), yv).backward()
    a_opt.step()
    w_opt.zero_grad()
    F.cross_entropy(forward(xt), yt).backward()
    w_opt.step()
