# STARVED:
import torch
import torch.nn as nn


class Scorer(nn.Module):
    def __init__(self, f):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(f, 16), nn.Dropout(0.1), nn.Tanh(), nn.Linear(16, 1, bias=False))

    def forward(self, x):
        return self.net(x).squeeze(-1)


def delta_ndcg(scores, rel):
    with torch.no_grad():
        order = scores.argsort(dim=1, descending=True)           #! harmless
        rank = torch.empty_like(order).scatter_(1, order, torch.arange(order.size(1)).expand_as(order))
        disc = 1 / torch.log2(rank.float() + 2)
        gain = 2 ** rel - 1
        ideal = (gain.sort(1, descending=True).values / torch.log2(torch.arange(rel.size(1)) + 2.0)).sum(1)
        d = (gain[:, :, None] - gain[:, None]) * (disc[:, :, None] - disc[:, None])
        return d.abs() / ideal.clamp(min=1e-6)[:, None, None]


def lambda_loss(scores, rel):
    pairs = rel[:, :, None] > rel[:, None]
    diff = scores[:, :, None] - scores[:, None]
    return (delta_ndcg(scores, rel) * nn.functional.softplus(-diff))[pairs].mean()


torch.manual_seed(0)
model = Scorer(6)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for query in range(3):
    x, rel = torch.randn(4, 8, 6), torch.randint(0, 4, (4, 8)).float()
    loss = lambda_loss(model(x), rel)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
