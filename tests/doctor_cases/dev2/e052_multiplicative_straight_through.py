# STARVED:
# rotation-trick quantiser: the value is scaled and reflected by constants instead of the additive straight-through
import torch
import torch.nn as nn
import torch.nn.functional as F


def rotate_to(src, tgt):
    n_src, n_tgt = src.norm(dim=-1, keepdim=True), tgt.norm(dim=-1, keepdim=True)
    u, q = (src / n_src.clamp(min=1e-6)).detach(), (tgt / n_tgt.clamp(min=1e-6)).detach()    #! harmless
    w = F.normalize(u + q, dim=-1).detach()
    e = src
    rotated = e - 2 * (e * w).sum(-1, keepdim=True) * w + 2 * (e * u).sum(-1, keepdim=True) * q
    return rotated * (n_tgt / n_src.clamp(min=1e-6)).detach()    #! harmless


class VQ(nn.Module):
    def __init__(self, k=16, d=6):
        super().__init__()
        self.codebook = nn.Parameter(torch.randn(k, d))

    def forward(self, z):
        with torch.no_grad():
            idx = torch.cdist(z, self.codebook).argmin(-1)    #! harmless
        q = self.codebook[idx]
        commit = F.mse_loss(z, q.detach()) * 0.25 + F.mse_loss(q, z.detach())    #! harmless
        return rotate_to(z, q), idx, commit


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc, self.vq, self.dec = nn.Linear(10, 6), VQ(), nn.Linear(6, 10)

    def forward(self, x):
        q, idx, commit = self.vq(self.enc(x))
        return F.mse_loss(self.dec(q), x) + commit, idx


torch.manual_seed(0)
model = Model()
opt = torch.optim.AdamW(model.parameters(), lr=1e-3)
for _ in range(4):
    loss, idx = model(torch.randn(64, 10))
    opt.zero_grad(); loss.backward(); opt.step()
    print(loss.item(), idx.unique().numel())    #! offpath
