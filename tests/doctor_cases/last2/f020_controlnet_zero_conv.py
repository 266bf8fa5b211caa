# STARVED:
import copy
import torch
import torch.nn as nn
import torch.nn.functional as F


def zero_module(module):
    for p in module.parameters():
        p.detach().zero_()
    return module


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.norm, self.conv, self.temb = nn.GroupNorm(2, c), nn.Conv2d(c, c, 3, padding=1), nn.Linear(8, c)

    def forward(self, x, t):
        return x + self.conv(F.silu(self.norm(x) + self.temb(t)[:, :, None, None]))


class UNet(nn.Module):
    def __init__(self, c=8):
        super().__init__()
        self.inp, self.down, self.mid, self.up, self.out = nn.Conv2d(3, c, 3, padding=1), Block(c), Block(c), Block(c), nn.Conv2d(c, 3, 1)

    def forward(self, x, t, control=None):
        with torch.no_grad():
            d = self.down(self.inp(x), t)
            m = self.mid(d, t)
        if control is not None:
            m = m + control.pop()
            d = d + control.pop()
        return self.out(self.up(m + d, t))


class ControlNet(nn.Module):
    def __init__(self, unet, c=8):
        super().__init__()
        self.inp, self.down, self.mid = (copy.deepcopy(m) for m in (unet.inp, unet.down, unet.mid))
        self.hint = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.SiLU(), zero_module(nn.Conv2d(8, c, 1)))
        self.zero_convs = nn.ModuleList([zero_module(nn.Conv2d(c, c, 1)) for _ in range(2)])

    def forward(self, x, hint, t):
        h = self.down(self.inp(x) + self.hint(hint), t)
        outs = [self.zero_convs[0](h)]
        return outs + [self.zero_convs[1](self.mid(h, t))]


def timestep_embedding(t, dim=8):
    f = torch.exp(-torch.arange(dim // 2) / (dim // 2) * 9.2)
    a = t[:, None].float() * f[None]
    return torch.cat([a.cos(), a.sin()], -1)


torch.manual_seed(0)
unet = UNet()
unet.requires_grad_(False)
control = ControlNet(unet)
for p in control.parameters():
    p.requires_grad_(True)
optimizer = torch.optim.AdamW(control.parameters(), lr=1e-3)
abar = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 100), 0)
for step in range(4):
    x0, hint = torch.rand(4, 3, 8, 8), (torch.rand(4, 1, 8, 8) > 0.8).float()
    t, noise = torch.randint(100, (4,)), torch.randn(4, 3, 8, 8)
    a = abar[t].view(-1, 1, 1, 1)
    x_t = a.sqrt() * x0 + (1 - a).sqrt() * noise
    emb = timestep_embedding(t)
    loss = F.mse_loss(unet(x_t, emb, control(x_t, hint, emb)), noise)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    print(f"step {step} loss {loss.detach():.4f}")    #! offpath
