# STARVED:
import torch
import torch.nn as nn
import torch.nn.functional as F
from math import log2


def entropy(prob):
    return (-prob * prob.clamp(min=1e-5).log()).sum(dim=-1)


class LFQ(nn.Module):
    def __init__(self, dim, codebook_size, entropy_loss_weight=0.1, commitment=0.25, diversity_gamma=1.0):
        super().__init__()
        bits = int(log2(codebook_size))
        self.project_in, self.project_out = nn.Linear(dim, bits), nn.Linear(bits, dim)
        self.w, self.c, self.gamma = entropy_loss_weight, commitment, diversity_gamma
        self.register_buffer("mask", 2 ** torch.arange(bits - 1, -1, -1))
        all_codes = ((torch.arange(codebook_size)[:, None].int() & self.mask) != 0).float() * 2 - 1
        self.register_buffer("codebook", all_codes)

    def forward(self, x, inv_temperature=10.0):
        x = self.project_in(x)
        original_input = x
        ones = torch.ones_like(x)
        quantized = torch.where(x > 0, ones, -ones)    #! harmless
        if self.training:
            x = x + (quantized - x).detach()    #! harmless
        else:
            x = quantized
        indices = ((x > 0).int() * self.mask.int()).sum(-1)    #! offpath
        distance = -2 * torch.einsum("...id,jd->...ij", original_input, self.codebook)
        prob = (-distance * inv_temperature).softmax(dim=-1)
        per_sample_entropy = entropy(prob).mean()
        codebook_entropy = entropy(prob.flatten(0, -2).mean(0))
        aux = per_sample_entropy - self.gamma * codebook_entropy
        commit = F.mse_loss(original_input, quantized.detach())
        return self.project_out(x), indices, self.w * aux + self.c * commit


class Tokenizer(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(10, 32), nn.SiLU(), nn.Linear(32, 16))
        self.quant = LFQ(16, 16)
        self.dec = nn.Sequential(nn.Linear(16, 32), nn.SiLU(), nn.Linear(32, 10))

    def forward(self, x, return_loss=True):
        z, ids, aux = self.quant(self.enc(x))
        recon = self.dec(z)
        return F.mse_loss(recon, x) + aux, recon, ids


torch.manual_seed(0)
vae = Tokenizer()
optim = torch.optim.AdamW(vae.parameters(), 1e-3)
for it in range(4):
    loss, recon, ids = vae(torch.randn(4, 6, 10))
    optim.zero_grad(); loss.backward(); optim.step()
    usage = len(set(ids.flatten().tolist())) / 16
    print(it, loss.item(), usage)    #! offpath
