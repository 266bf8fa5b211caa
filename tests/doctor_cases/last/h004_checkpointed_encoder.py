# STARVED:
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint, checkpoint_sequential


class Model(nn.Module):
    def __init__(self, d=16, n=3, vocab=25):
        super().__init__()
        self.tok = nn.Embedding(vocab, d)
        self.pos = nn.Parameter(torch.zeros(1, 12, d))
        self.blocks = nn.ModuleList(nn.TransformerEncoderLayer(d, 2, 32, dropout=0.1, batch_first=True, norm_first=True) for _ in range(n))
        self.tail = nn.Sequential(nn.Linear(d, d), nn.GELU(), nn.Linear(d, d), nn.LayerNorm(d))
        self.head = nn.Linear(d, vocab)

    def forward(self, x, mask):
        h = self.tok(x) + self.pos[:, :x.size(1)]
        for block in self.blocks:
            h = checkpoint(block, h, None, mask, use_reentrant=False)
        h = checkpoint_sequential(self.tail, 2, h, use_reentrant=False)
        return self.head(h)


torch.manual_seed(0)
model = Model()
optimizer = torch.optim.NAdam(model.parameters(), lr=1e-3)
warmup = torch.optim.lr_scheduler.LinearLR(optimizer, 0.5, total_iters=3)
for step in range(3):
    x = torch.randint(1, 25, (4, 12))
    masked = torch.rand(x.shape) < 0.3
    pad = torch.zeros(4, 12, dtype=torch.bool)
    pad[:, -2:] = True
    logits = model(x.masked_fill(masked, 0), pad)
    loss = F.cross_entropy(logits[masked & ~pad], x[masked & ~pad])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    warmup.step()
