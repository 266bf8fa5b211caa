# STARVED:
"""Autoencoder with an adversarial term whose weight is a detached ratio of gradient norms."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class AE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(16, 24), nn.ReLU(), nn.Linear(24, 4))
        self.mid, self.last = nn.Linear(4, 24), nn.Linear(24, 16)

    def forward(self, x):
        return self.last(F.relu(self.mid(self.enc(x))))


def adaptive_weight(nll, g_loss, last_layer):
    nll_grads = torch.autograd.grad(nll, last_layer, retain_graph=True)[0]
    g_grads = torch.autograd.grad(g_loss, last_layer, retain_graph=True)[0]
    w = nll_grads.norm() / (g_grads.norm() + 1e-4)
    return torch.clamp(w, 0.0, 1e4).detach()                     #! harmless


torch.manual_seed(0)
ae = AE()
disc = nn.Sequential(nn.Linear(16, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
opt_ae = torch.optim.Adam(ae.parameters(), lr=1e-3, betas=(0.5, 0.9))
opt_d = torch.optim.Adam(disc.parameters(), lr=1e-3, betas=(0.5, 0.9))
for step in range(3):
    x = torch.randn(24, 16)
    rec = ae(x)
    nll = (rec - x).abs().mean()
    g = -disc(rec).mean()
    loss = nll + 0.8 * adaptive_weight(nll, g, ae.last.weight) * g
    opt_ae.zero_grad(); loss.backward(); opt_ae.step()
    real, fake = disc(x.contiguous().detach()), disc(rec.contiguous().detach())      #! harmless
    d_loss = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    opt_d.zero_grad(); d_loss.backward(); opt_d.step()
