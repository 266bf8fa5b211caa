# STARVED:
# fast.ai style: discriminative rates, the body is unfrozen after an epoch, all its parameters are in the optimizer from the start
import torch
from torch import nn

torch.manual_seed(0)


class AWD(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.ModuleList([nn.Sequential(nn.Linear(12, 24), nn.ReLU()), nn.Sequential(nn.Linear(24, 24), nn.ReLU())])
        self.head = nn.Linear(24, 2)

    def forward(self, x):
        for layer in self.body:
            x = layer(x)
        return self.head(x)


def freeze_to(model, n):
    groups = [*model.body, model.head]
    for i, g in enumerate(groups):
        for p in g.parameters():
            p.requires_grad_(i >= n)


model = AWD()
opt = torch.optim.Adam([{"params": g.parameters(), "lr": lr} for g, lr in zip([*model.body, model.head], (1e-4, 3e-4, 1e-3))])
for epoch, n in enumerate((2, 1, 0)):
    freeze_to(model, n)
    for _ in range(2):
        x = torch.randn(16, 12)
        loss = nn.functional.cross_entropy(model(x), (x[:, 0] > 0).long())
        opt.zero_grad()
        loss.backward()
        opt.step()
