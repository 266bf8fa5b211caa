# STARVED: vae.encoder.0.weight vae.encoder.0.bias vae.encoder.2.weight vae.encoder.2.bias
import torch
from torch import nn
import torch.nn.functional as F


class AutoencoderKL(nn.Module):
    def __init__(self, zc=2):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 8, 4, 2, 1), nn.SiLU(), nn.Conv2d(8, zc, 3, padding=1))
        self.decoder = nn.Sequential(nn.ConvTranspose2d(zc, 8, 4, 2, 1), nn.SiLU(), nn.Conv2d(8, 3, 3, padding=1))
        self.scaling_factor = 0.18215

    @torch.no_grad()
    def encode(self, x):
        return self.encoder(x) * self.scaling_factor    #! harmful

    def decode(self, z):
        return self.decoder(z / self.scaling_factor)


class Denoiser(nn.Module):
    def __init__(self, zc=2, c=12):
        super().__init__()
        self.time = nn.Embedding(50, c)
        self.inp, self.mid, self.out = nn.Conv2d(zc, c, 3, padding=1), nn.Conv2d(c, c, 3, padding=1), nn.Conv2d(c, zc, 3, padding=1)

    def forward(self, z, t):
        h = F.silu(self.inp(z) + self.time(t)[:, :, None, None])
        return self.out(F.silu(h + self.mid(h)))


def main():
    torch.manual_seed(0)
    vae, unet = AutoencoderKL(), Denoiser()
    optimizer = torch.optim.AdamW([
        {"params": unet.parameters(), "lr": 1e-3},
        {"params": vae.parameters(), "lr": 1e-4},
    ])
    alphas = torch.cumprod(1 - torch.linspace(1e-4, 0.05, 50), dim=0)
    for step in range(4):
        pixels = torch.rand(8, 3, 8, 8) * 2 - 1
        latents = vae.encode(pixels)
        recon = vae.decode(latents)
        t = torch.randint(0, 50, (8,))
        noise = torch.randn_like(latents)
        a = alphas[t][:, None, None, None]
        noisy = a.sqrt() * latents + (1 - a).sqrt() * noise
        loss_diff = F.mse_loss(unet(noisy, t), noise)
        loss_rec = F.l1_loss(recon, pixels)
        loss = loss_diff + 0.5 * loss_rec
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        print(step, f"{loss_diff.item():.4f} {loss_rec.item():.4f}")    #! offpath


main()
