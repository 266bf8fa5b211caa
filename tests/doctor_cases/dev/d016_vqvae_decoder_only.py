# STARVED: model.encoder.0.weight model.encoder.0.bias model.encoder.2.weight model.encoder.2.bias
# VQ-VAE with a reconstruction loss alone: no commitment term, no straight-through
import torch
import torch.nn as nn
import torch.nn.functional as F


class Quantizer(nn.Module):
    def __init__(self, n=32, d=6):
        super().__init__()
        self.codebook = nn.Embedding(n, d)
        self.codebook.weight.data.uniform_(-1 / n, 1 / n)

    def forward(self, z):
        d2 = (z.unsqueeze(1) - self.codebook.weight.unsqueeze(0)).pow(2).sum(-1)
        codes = torch.argmin(d2, dim=1)                 #! harmful
        return self.codebook(codes), codes


class VQVAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(12, 24), nn.ReLU(), nn.Linear(24, 6))
        self.quantizer = Quantizer()
        self.decoder = nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 12))


torch.manual_seed(7)
model = VQVAE()
optim = torch.optim.Adam(model.parameters(), lr=1e-3)
for step in range(3):
    x = torch.randn(64, 12)
    z = model.encoder(x)
    q, codes = model.quantizer(z)
    rec = model.decoder(q)
    used = codes.unique().numel()                       #! offpath
    loss = F.mse_loss(rec, x)
    optim.zero_grad()
    loss.backward()
    optim.step()
    print(step, used)
