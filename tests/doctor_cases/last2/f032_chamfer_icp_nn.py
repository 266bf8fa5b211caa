# STARVED:
# point cloud autoencoder, nearest neighbours are looked up in numpy; folding decoder; learned alignment
import numpy as np
import torch
from torch import nn


def nn_index(a, b):
    """for each point of a the index of the nearest of b (KD-tree replacement)"""
    d = ((a[:, None, :] - b[None, :, :]) ** 2).sum(-1)
    return d.argmin(1)


def chamfer(x, y):
    total = 0
    for p, q in zip(x, y):
        with torch.no_grad():
            pn, qn = p.detach().numpy(), q.detach().numpy()    #! harmless
            i = torch.from_numpy(nn_index(pn, qn))
            j = torch.from_numpy(nn_index(qn, pn))
        total = total + ((p - q[i]) ** 2).sum(-1).mean() + ((q - p[j]) ** 2).sum(-1).mean()
    return total / len(x)


class FoldingNet(nn.Module):
    def __init__(self, code=16, grid=5):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv1d(3, 32, 1), nn.BatchNorm1d(32), nn.ReLU(), nn.Conv1d(32, code, 1))
        g = np.linspace(-0.3, 0.3, grid)
        mesh = np.stack(np.meshgrid(g, g), -1).reshape(-1, 2)
        self.register_buffer("grid", torch.tensor(mesh, dtype=torch.float32))
        self.fold1 = nn.Sequential(nn.Linear(code + 2, 32), nn.ReLU(), nn.Linear(32, 3))
        self.fold2 = nn.Sequential(nn.Linear(code + 3, 32), nn.ReLU(), nn.Linear(32, 3))
        self.log_scale = nn.Parameter(torch.zeros(3))

    def forward(self, pts):
        code = torch.max(self.encoder(pts.transpose(1, 2)), dim=2)[0]
        c = code.unsqueeze(1).expand(-1, len(self.grid), -1)
        g = self.grid.unsqueeze(0).expand(len(pts), -1, -1)
        f1 = self.fold1(torch.cat([c, g], -1))
        return self.fold2(torch.cat([c, f1], -1)) * self.log_scale.exp()


rng = np.random.RandomState(4)
torch.manual_seed(4)
model = FoldingNet()
optim = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-6)
best = np.inf
for epoch in range(3):
    v = rng.randn(4, 30, 3)
    pts = torch.from_numpy((v / np.linalg.norm(v, axis=-1, keepdims=True)).astype(np.float32))
    out = model(pts)
    loss = chamfer(out, pts)
    optim.zero_grad()
    loss.backward()
    optim.step()
    if loss.item() < best:    #! offpath
        best = loss.item()    #! offpath
    print("epoch %d chamfer %.4f" % (epoch, best))
