# STARVED:
# batch-hard mining: indices are chosen without gradient, distances are computed again with it
import torch, torch.nn as nn, torch.nn.functional as F
torch.manual_seed(0)


class Embedder(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(9, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 8))

    def forward(self, x):
        return F.normalize(self.net(x), dim=-1)


def mine(emb, labels):
    with torch.no_grad():
        d = torch.cdist(emb, emb)                           #! harmless
        same = labels[:, None] == labels[None]
        hardest_pos = (d * same).argmax(1)
        hardest_neg = (d + 1e6 * same).argmin(1)
        semi = d[torch.arange(len(d)), hardest_neg] < d[torch.arange(len(d)), hardest_pos] + 0.5
    return hardest_pos[semi], hardest_neg[semi], semi


model = Embedder()
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
for step in range(3):
    x, y = torch.randn(32, 9), torch.arange(8).repeat(4)
    emb = model(x)
    p, n, anchor = mine(emb, y)
    loss = F.triplet_margin_loss(emb[anchor], emb[p], emb[n], margin=0.5)
    opt.zero_grad(); loss.backward(); opt.step()
    print(step, int(anchor.sum()), loss.item())             #! offpath
