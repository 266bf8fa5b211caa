# STARVED: model.pool.score
"""Graph classification; top-k pooling keeps the best nodes but forgets to scale them by their score."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class GCNConv(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.lin = nn.Linear(i, o)

    def forward(self, x, adj):
        deg = adj.sum(-1, keepdim=True).clamp(min=1)
        return self.lin(adj @ x / deg)


class TopKPool(nn.Module):
    def __init__(self, dim, ratio=0.5):
        super().__init__()
        self.score = nn.Parameter(torch.randn(dim))
        self.ratio = ratio

    def forward(self, x, adj):
        s = (x @ self.score) / self.score.norm()
        k = max(1, int(self.ratio * x.size(1)))
        perm = torch.sort(s, dim=1, descending=True).indices[:, :k]         #! harmful
        rows = torch.arange(x.size(0)).unsqueeze(1)
        x = x[rows, perm]
        adj = adj[rows.unsqueeze(-1), perm.unsqueeze(-1), perm.unsqueeze(1)]
        return x, adj


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = GCNConv(5, 16), GCNConv(16, 16)
        self.pool = TopKPool(16)
        self.lin = nn.Linear(32, 2)

    def forward(self, x, adj):
        x = F.relu(self.conv1(x, adj))
        x, adj = self.pool(x, adj)
        x = F.relu(self.conv2(x, adj))
        return self.lin(torch.cat([x.mean(1), x.max(1).values], -1))


torch.manual_seed(12345)
model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
criterion = torch.nn.CrossEntropyLoss()
for epoch in range(1, 4):
    x, adj = torch.randn(8, 10, 5), (torch.rand(8, 10, 10) < 0.3).float()
    y = torch.randint(0, 2, (8,))
    loss = criterion(model(x, adj), y)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
