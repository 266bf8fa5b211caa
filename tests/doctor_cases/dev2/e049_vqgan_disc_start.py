# STARVED:
# autoencoder with a discriminator that joins later (disc_start), as in taming-transformers
import torch
import torch.nn as nn
import torch.nn.functional as F


def adopt_weight(weight, global_step, threshold=0, value=0.0):
    return value if global_step < threshold else weight


class Loss(nn.Module):
    def __init__(self, disc_start=2, disc_weight=0.8):
        super().__init__()
        self.discriminator = nn.Sequential(nn.Conv2d(1, 8, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(8, 1, 3, 1, 1, bias=False))
        self.disc_start, self.disc_weight = disc_start, disc_weight

    def adaptive(self, nll, g, last):
        n = torch.autograd.grad(nll, last, retain_graph=True)[0]
        q = torch.autograd.grad(g, last, retain_graph=True)[0]
        return torch.clamp(n.norm() / (q.norm() + 1e-4), 0.0, 1e4).detach()

    def forward(self, x, rec, idx, step, last):
        factor = adopt_weight(1.0, step, self.disc_start)
        if idx == 0:
            nll = (x - rec).abs().mean()
            g = -self.discriminator(rec).mean()
            return nll + self.disc_weight * self.adaptive(nll, g, last) * factor * g
        real, fake = self.discriminator(x.detach()), self.discriminator(rec.detach())    #! harmless
        return factor * 0.5 * (F.relu(1.0 - real).mean() + F.relu(1.0 + fake).mean())


torch.manual_seed(0)
ae = nn.Sequential(nn.Conv2d(1, 8, 3, 2, 1), nn.SiLU(), nn.ConvTranspose2d(8, 1, 4, 2, 1))
loss_fn = Loss()
opt_ae = torch.optim.Adam(ae.parameters(), lr=4.5e-4, betas=(0.5, 0.9))
opt_disc = torch.optim.Adam(loss_fn.discriminator.parameters(), lr=4.5e-4, betas=(0.5, 0.9))
for step in range(5):
    x = torch.rand(4, 1, 8, 8) * 2 - 1
    for idx, opt in enumerate((opt_ae, opt_disc)):
        loss = loss_fn(x, ae(x), idx, step, ae[2].weight)
        opt_ae.zero_grad(); opt_disc.zero_grad()
        loss.backward()
        opt.step()
