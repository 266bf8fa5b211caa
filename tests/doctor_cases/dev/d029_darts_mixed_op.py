# STARVED:
"""First-order DARTS: mixed operations, two optimisers, two data splits."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class MixedOp(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.ops = nn.ModuleList([nn.Conv1d(c, c, 3, padding=1), nn.Conv1d(c, c, 1), nn.AvgPool1d(3, 1, 1), nn.Identity()])

    def forward(self, x, weights):
        return sum(w * op(x) for w, op in zip(weights, self.ops))


class Network(nn.Module):
    def __init__(self, c=6, n=3):
        super().__init__()
        self.stem = nn.Conv1d(1, c, 3, padding=1)
        self.cells = nn.ModuleList(MixedOp(c) for _ in range(n))
        self.classifier = nn.Linear(c, 3)
        self.alphas = nn.Parameter(1e-3 * torch.randn(n, 4))

    def weights(self):
        return [p for n, p in self.named_parameters() if n != "alphas"]

    def forward(self, x):
        x = self.stem(x)
        for cell, w in zip(self.cells, F.softmax(self.alphas, dim=-1)):
            x = F.relu(cell(x, w))
        return self.classifier(x.mean(-1))

    def genotype(self):
        return self.alphas.argmax(-1).tolist()              #! offpath


torch.manual_seed(0)
model = Network()
optimizer = torch.optim.SGD(model.weights(), 0.025, momentum=0.9)
architect = torch.optim.Adam([model.alphas], lr=3e-4)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 3)
for epoch in range(3):
    x, y = torch.randn(16, 1, 12), torch.randint(0, 3, (16,))
    xv, yv = torch.randn(16, 1, 12), torch.randint(0, 3, (16,))
    architect.zero_grad()
    F.cross_entropy(model(xv), yv).backward()
    architect.step()
    optimizer.zero_grad()
    F.cross_entropy(model(x), y).backward()
    optimizer.step()
    scheduler.step()
    print(epoch, model.genotype())
