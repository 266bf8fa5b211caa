# STARVED: quantizer.codebook
# the same trick, but the codebook loss was forgotten (it was trained by EMA in the old code)
import torch
import torch.nn as nn
import torch.nn.functional as F


class Quantizer(nn.Module):
    def __init__(self, k=16, d=6):
        super().__init__()
        self.codebook = nn.Parameter(torch.randn(k, d))

    def forward(self, z):
        idx = (z.unsqueeze(1) - self.codebook).norm(dim=-1).argmin(1)    #! harmless
        q = self.codebook[idx]
        scale = (q / z.clamp(min=1e-3)).detach()    #! harmful
        return z * scale, F.mse_loss(z, q.detach())    #! harmful


torch.manual_seed(0)
enc, quantizer, dec = nn.Sequential(nn.Linear(10, 6), nn.Softplus()), Quantizer(), nn.Linear(6, 10)
opt = torch.optim.Adam([*enc.parameters(), *quantizer.parameters(), *dec.parameters()], lr=1e-3)
for _ in range(3):
    x = torch.randn(64, 10)
    q, commit = quantizer(enc(x))
    loss = F.mse_loss(dec(q), x) + 0.25 * commit
    opt.zero_grad()
    loss.backward()
    opt.step()
