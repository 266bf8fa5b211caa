# STARVED:
import torch
import torch.nn as nn
import torch.nn.functional as F


class ModelBase(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Sequential(nn.Linear(12, 32), nn.ReLU())
        self.g = nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 8))

    def forward(self, x):
        h = self.f(x)
        return F.normalize(h, dim=-1), F.normalize(self.g(h), dim=-1)


def info_nce(features, n, temperature=0.07):
    labels = torch.cat([torch.arange(n)] * 2)
    labels = (labels[None] == labels[:, None]).float()
    sim = features @ features.T
    mask = torch.eye(2 * n, dtype=torch.bool)
    labels = labels[~mask].view(2 * n, -1)
    sim = sim[~mask].view(2 * n, -1)
    pos = sim[labels.bool()].view(2 * n, -1)
    neg = sim[~labels.bool()].view(2 * n, -1)
    return torch.cat([pos, neg], 1) / temperature, torch.zeros(2 * n, dtype=torch.long)


def accuracy(output, target, topk=(1, 5)):
    with torch.no_grad():
        _, pred = output.topk(max(topk), 1)                 #! offpath
        correct = pred.t().eq(target.view(1, -1))
        return [correct[:k].reshape(-1).float().sum().item() / target.size(0) for k in topk]    #! offpath


torch.manual_seed(0)
model = ModelBase()
optimizer = torch.optim.Adam(model.parameters(), 3e-4, weight_decay=1e-4)
criterion = nn.CrossEntropyLoss()
for step in range(3):
    x = torch.randn(16, 12)
    views = torch.cat([x + 0.1 * torch.randn_like(x), x + 0.1 * torch.randn_like(x)])
    _, z = model(views)
    logits, labels = info_nce(z, 16)
    loss = criterion(logits, labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(accuracy(logits, labels))
