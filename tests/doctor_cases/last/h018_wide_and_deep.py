# STARVED:
"""Wide & deep recommender: the *inputs* are bucketised, nothing learned is."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Clicks(Dataset):
    def __init__(self, n=96):
        g = torch.Generator().manual_seed(0)
        self.age = torch.randint(18, 80, (n,), generator=g).float()
        self.price = torch.rand(n, generator=g) * 100
        self.item = torch.randint(0, 40, (n,), generator=g)
        self.y = ((self.age / 80 + self.price / 100) > 1).float()

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.age[i], self.price[i], self.item[i], self.y[i]


class WideDeep(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("age_edges", torch.tensor([25.0, 35.0, 50.0, 65.0]))
        self.register_buffer("price_edges", torch.linspace(10, 90, 9))
        self.cross = nn.Embedding(50, 1)
        self.age, self.price, self.item = nn.Embedding(5, 4), nn.Embedding(10, 4), nn.Embedding(40, 8)
        self.deep = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.BatchNorm1d(16), nn.Linear(16, 1))

    def forward(self, age, price, item):
        a = torch.bucketize(age, self.age_edges)
        p = torch.searchsorted(self.price_edges, price.contiguous())
        deep = self.deep(torch.cat([self.age(a), self.price(p), self.item(item)], -1))
        return (deep + self.cross(a * 10 + p)).squeeze(-1)


torch.manual_seed(0)
model = WideDeep()
optimizer = torch.optim.Adagrad(model.parameters(), lr=0.05)
for age, price, item, y in DataLoader(Clicks(), batch_size=32):
    logit = model(age, price, item)
    loss = F.binary_cross_entropy_with_logits(logit, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    hits = ((logit > 0) == y.bool()).sum().item()                #! offpath
