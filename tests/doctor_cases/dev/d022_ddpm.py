# STARVED:
import copy, math
import torch
import torch.nn as nn
import torch.nn.functional as F


class SinusoidalPosEmb(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.dim = dim

    def forward(self, t):
        half = self.dim // 2
        freqs = torch.exp(torch.arange(half) * -(math.log(10000) / (half - 1)))
        arg = t[:, None].float() * freqs[None]
        return torch.cat((arg.sin(), arg.cos()), -1)


class Denoiser(nn.Module):
    def __init__(self, d=2, h=32):
        super().__init__()
        self.time = nn.Sequential(SinusoidalPosEmb(h), nn.Linear(h, h), nn.SiLU())
        self.inp, self.mid, self.out = nn.Linear(d, h), nn.Linear(h, h), nn.Linear(h, d)

    def forward(self, x, t):
        h = F.silu(self.inp(x)) + self.time(t)
        return self.out(F.silu(self.mid(h)))


class GaussianDiffusion(nn.Module):
    def __init__(self, model, T=50):
        super().__init__()
        self.model, self.T = model, T
        betas = torch.linspace(1e-4, 0.02, T)
        self.register_buffer("acp", torch.cumprod(1 - betas, 0))

    def forward(self, x0):
        t = torch.randint(0, self.T, (x0.size(0),))
        noise = torch.randn_like(x0)
        a = self.acp[t].unsqueeze(1)
        pred = self.model(a.sqrt() * x0 + (1 - a).sqrt() * noise, t)
        loss = F.mse_loss(pred, noise, reduction="none").mean(1)
        weight = torch.clamp(a.squeeze(1) / (1 - a.squeeze(1)), max=5.0)
        return (loss * weight).mean()


class EMA:
    def __init__(self, model, beta=0.995):
        self.ma, self.beta = copy.deepcopy(model), beta

    def update(self, model):
        for c, m in zip(model.parameters(), self.ma.parameters()):
            m.data = m.data * self.beta + c.data * (1 - self.beta)      #! offpath


torch.manual_seed(0)
diffusion = GaussianDiffusion(Denoiser())
ema = EMA(diffusion)
opt = torch.optim.Adam(diffusion.parameters(), lr=8e-5, betas=(0.9, 0.99))
for step in range(3):
    total = 0.0
    for micro in range(2):
        loss = diffusion(torch.randn(64, 2)) / 2
        total += loss.item()                                #! offpath
        loss.backward()
    nn.utils.clip_grad_norm_(diffusion.parameters(), 1.0)
    opt.step()
    opt.zero_grad()
    ema.update(diffusion)
