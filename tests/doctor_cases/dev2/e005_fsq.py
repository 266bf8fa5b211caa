# STARVED:
"""Finite scalar quantization autoencoder."""
import torch
from torch import Tensor, nn
from torch.nn import Module


def round_ste(z: Tensor) -> Tensor:
    zhat = z.round()    #! harmless
    return z + (zhat - z).detach()    #! harmless


class FSQ(Module):
    def __init__(self, levels):
        super().__init__()
        self.register_buffer("_levels", torch.tensor(levels, dtype=torch.int32), persistent=False)
        self.register_buffer("_basis", torch.cumprod(torch.tensor([1] + levels[:-1]), 0).int(), persistent=False)

    def bound(self, z, eps=1e-3):
        half_l = (self._levels - 1) * (1 + eps) / 2
        offset = torch.where(self._levels % 2 == 0, 0.5, 0.0)
        shift = (offset / half_l).atanh()
        return (z + shift).tanh() * half_l - offset

    def quantize(self, z):
        return round_ste(self.bound(z)) / (self._levels // 2)

    def codes_to_indices(self, zhat):
        return ((zhat * (self._levels // 2) + self._levels // 2) * self._basis).sum(-1).to(torch.int32)    #! offpath

    def forward(self, z):
        codes = self.quantize(z)
        return codes, self.codes_to_indices(codes)


class SimpleFSQAutoEncoder(nn.Module):
    def __init__(self, levels):
        super().__init__()
        self.layers = nn.ModuleList([
            nn.Conv2d(1, 8, 3, padding=1), nn.MaxPool2d(2), nn.GELU(), nn.Conv2d(8, len(levels), 1),
            FSQ(levels), nn.Conv2d(len(levels), 8, 3, padding=1), nn.Upsample(scale_factor=2), nn.GELU(), nn.Conv2d(8, 1, 3, padding=1)])

    def forward(self, x):
        for layer in self.layers:
            if isinstance(layer, FSQ):
                x, indices = layer(x.permute(0, 2, 3, 1))
                x = x.permute(0, 3, 1, 2)
            else:
                x = layer(x)
        return x.clamp(-1, 1), indices


def train(model, train_iterations=4):
    opt = torch.optim.AdamW(model.parameters(), lr=3e-4)
    for i in range(train_iterations):
        opt.zero_grad()
        x = torch.rand(8, 1, 8, 8) * 2 - 1
        out, indices = model(x)
        rec_loss = (out - x).abs().mean()
        rec_loss.backward()
        opt.step()
        print(f"rec loss: {rec_loss.item():.3f} | active %: {indices.unique().numel() / 240 * 100:.3f}")    #! offpath


torch.random.manual_seed(1234)
model = SimpleFSQAutoEncoder([8, 6, 5])
train(model)
