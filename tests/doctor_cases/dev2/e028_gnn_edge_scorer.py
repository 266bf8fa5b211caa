# STARVED: scorer.q.weight scorer.q.bias scorer.k.weight scorer.k.bias
"""Latent graph learning: an edge scorer proposes a graph, a GCN classifies nodes on it."""
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(5)
N, D, C = 40, 12, 3
X = torch.randn(N, D)
Y = X[:, :C].argmax(1)
train_mask = torch.rand(N) < 0.5


class EdgeScorer(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.q, self.k = nn.Linear(d, 8), nn.Linear(d, 8)

    def forward(self, x):
        return torch.sigmoid(self.q(x) @ self.k(x).t())


class GCNConv(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.lin = nn.Linear(i, o)

    def forward(self, x, edge_index):
        src, dst = edge_index
        deg = torch.zeros(len(x)).index_add(0, dst, torch.ones(len(dst))).clamp(min=1)
        norm = (deg[src] * deg[dst]).rsqrt().unsqueeze(1)
        return torch.zeros(len(x), self.lin.out_features).index_add(0, dst, self.lin(x)[src] * norm)


class GCN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = GCNConv(D, 16), GCNConv(16, C)

    def forward(self, x, edge_index):
        x = F.dropout(F.relu(self.conv1(x, edge_index)), 0.2, self.training)
        return self.conv2(x, edge_index)


scorer, gcn = EdgeScorer(D), GCN()
optimizer = torch.optim.Adam([{"params": scorer.parameters(), "lr": 1e-2}, {"params": gcn.parameters(), "lr": 1e-2, "weight_decay": 5e-4}])
for epoch in range(4):
    adj = scorer(X)
    edge_index = (adj > 0.5).nonzero().t()    #! harmful
    loops = torch.arange(N).expand(2, N)
    out = gcn(X, torch.cat([edge_index, loops], 1))
    loss = F.cross_entropy(out[train_mask], Y[train_mask])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    acc = (out.argmax(1)[~train_mask] == Y[~train_mask]).float().mean()    #! offpath
    print(f"Epoch {epoch:03d} Loss {loss:.4f} Test {acc:.4f} edges {edge_index.size(1)}")    #! offpath
