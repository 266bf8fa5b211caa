# STARVED:
import torch
import torch.nn as nn
import torch.nn.functional as F


class Associator(nn.Module):
    """Matches detections of two frames; a dustbin takes the unmatched."""

    def __init__(self, d=5, h=16):
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(d, h), nn.ReLU(), nn.Linear(h, h))
        self.bin = nn.Parameter(torch.tensor(0.1))

    def forward(self, a, b, iters=6):
        s = self.embed(a) @ self.embed(b).t() / 4
        n, m = s.shape
        top = torch.cat([s, self.bin.expand(n, 1)], 1)
        z = torch.cat([top, self.bin.expand(1, m + 1)], 0)
        for _ in range(iters):
            z = z - z.logsumexp(1, keepdim=True)
            z = z - z.logsumexp(0, keepdim=True)
        return z


def mutual_matches(z):
    p = z[:-1, :-1]
    row, col = p.max(1).indices, p.max(0).indices                #! offpath
    return torch.arange(len(row)) == col[row]


torch.manual_seed(0)
net = Associator()
optim = torch.optim.Adam(net.parameters(), lr=1e-3)
for it in range(3):
    prev = torch.randn(7, 5)
    perm = torch.randperm(7)
    cur = prev[perm][:5] + 0.05 * torch.randn(5, 5)
    logp = net(prev, cur)
    gt = torch.full((7,), 5)
    gt[perm[:5]] = torch.arange(5)
    loss = -logp[torch.arange(7), gt].mean()
    optim.zero_grad()
    loss.backward()
    optim.step()
    print(it, int(mutual_matches(logp).sum()))
