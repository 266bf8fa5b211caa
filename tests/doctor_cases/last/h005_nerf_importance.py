# STARVED:
"""Coarse-to-fine radiance field on rays in a plane; fine depths are drawn from detached coarse weights."""
import torch
import torch.nn as nn


class Field(nn.Module):
    def __init__(self, h=32):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(2 * 8, h), nn.ReLU(), nn.Linear(h, h), nn.ReLU())
        self.sigma, self.rgb = nn.Linear(h, 1), nn.Linear(h, 3)

    def forward(self, p):
        f = 2.0 ** torch.arange(4) * p.unsqueeze(-1)
        h = self.trunk(torch.cat([f.sin(), f.cos()], -1).flatten(-2))
        return torch.nn.functional.softplus(self.sigma(h)).squeeze(-1), self.rgb(h).sigmoid()


def sample_pdf(bins, weights, n):
    weights = weights + 1e-5
    pdf = weights / weights.sum(-1, keepdim=True)
    cdf = torch.cat([torch.zeros_like(pdf[..., :1]), pdf.cumsum(-1)], -1)
    u = torch.rand(*cdf.shape[:-1], n)
    inds = torch.searchsorted(cdf, u, right=True)
    below, above = (inds - 1).clamp(min=0), inds.clamp(max=cdf.size(-1) - 1)
    c0, c1 = cdf.gather(-1, below), cdf.gather(-1, above)
    b0, b1 = bins.gather(-1, below), bins.gather(-1, above.clamp(max=bins.size(-1) - 1))
    denom = torch.where(c1 - c0 < 1e-5, torch.ones_like(c0), c1 - c0)
    return b0 + (u - c0) / denom * (b1 - b0)


def render(field, origins, dirs, z):
    sigma, rgb = field(origins[:, None] + dirs[:, None] * z[..., None])
    delta = torch.cat([z[:, 1:] - z[:, :-1], torch.full_like(z[:, :1], 0.1)], -1)
    alpha = 1 - torch.exp(-sigma * delta)
    trans = torch.cumprod(torch.cat([torch.ones_like(alpha[:, :1]), 1 - alpha + 1e-10], -1), -1)[:, :-1]
    w = alpha * trans
    return (w[..., None] * rgb).sum(1), w


torch.manual_seed(0)
coarse, fine = Field(), Field()
optimizer = torch.optim.Adam(list(coarse.parameters()) + list(fine.parameters()), lr=5e-4)
for step in range(3):
    o, d = torch.zeros(16, 2), nn.functional.normalize(torch.randn(16, 2), dim=-1)
    target = torch.rand(16, 3)
    z = torch.linspace(0.5, 2.0, 12).expand(16, 12)
    rgb0, w = render(coarse, o, d, z)
    mids = 0.5 * (z[:, 1:] + z[:, :-1])
    z_fine = sample_pdf(mids, w[:, 1:-1].detach(), 8)            #! harmless
    z_all, _ = torch.sort(torch.cat([z, z_fine], -1), -1)
    rgb1, _ = render(fine, o, d, z_all)
    loss = ((rgb0 - target) ** 2).mean() + ((rgb1 - target) ** 2).mean()
    psnr = -10 * torch.log10(loss.detach())                      #! offpath
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(step, psnr.item())
