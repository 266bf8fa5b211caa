# STARVED:
# DEAD: 28|29
# classification plus a triplet term; the hardest distances come back from numpy
import numpy as np
import torch, torch.nn as nn, torch.nn.functional as F


def pairwise(emb):
    sq = emb.pow(2).sum(1)
    return (sq[:, None] + sq[None] - 2 * emb @ emb.t()).clamp(min=1e-12).sqrt()


def hardest(dist, labels):
    d = dist.detach().numpy()                               #! dead
    same = labels.numpy()[:, None] == labels.numpy()[None]
    pos = np.where(same, d, -np.inf).max(1)
    neg = np.where(same, np.inf, d).min(1)
    return torch.from_numpy(pos), torch.from_numpy(neg)


torch.manual_seed(0)
embed, classify = nn.Sequential(nn.Linear(9, 20), nn.ReLU(), nn.Linear(20, 6)), nn.Linear(6, 4)
optimizer = torch.optim.Adam([*embed.parameters(), *classify.parameters()])
for it in range(3):
    x, y = torch.randn(24, 9), torch.arange(4).repeat(6)
    e = embed(x)
    ap, an = hardest(pairwise(e), y)
    triplet = F.relu(ap - an + 0.3).mean()
    loss = F.cross_entropy(classify(e), y) + triplet
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
