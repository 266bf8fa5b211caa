# STARVED:
# wav2vec-like encoder: LayerDrop skips whole layers at random, the feature encoder's gradient is scaled by a Function
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


class GradMultiply(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, scale):
        ctx.scale = scale
        return x.new(x)

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.scale, None


class Encoder(nn.Module):
    def __init__(self, d=16, layers=4, layerdrop=0.5):
        super().__init__()
        self.conv = nn.Conv1d(1, d, 4, 2)
        self.mask_emb = nn.Parameter(torch.empty(d).uniform_())
        self.layers = nn.ModuleList(nn.TransformerEncoderLayer(d, 2, 32, dropout=0.0, batch_first=True) for _ in range(layers))
        self.layerdrop, self.final, self.target = layerdrop, nn.Linear(d, 8), nn.Linear(d, 8)

    def forward(self, wav):
        f = GradMultiply.apply(self.conv(wav).transpose(1, 2), 0.1)
        y = self.target(f)
        mask = torch.from_numpy(np.random.rand(*f.shape[:2]) < 0.4)
        x = f.clone()
        x[mask] = self.mask_emb
        for layer in self.layers:
            if not self.training or np.random.random() > self.layerdrop:
                x = layer(x)
        x = F.normalize(self.final(x)[mask], dim=-1)
        t = F.normalize(y[mask], dim=-1)
        return F.cross_entropy(x @ t.t() / 0.1, torch.arange(len(x)))


np.random.seed(3)
torch.manual_seed(0)
encoder = Encoder()
opt = torch.optim.Adam(encoder.parameters(), lr=5e-4)
for update in range(8):
    loss = encoder(torch.randn(4, 1, 30))
    opt.zero_grad(); loss.backward(); opt.step()
