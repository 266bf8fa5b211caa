# STARVED: lm.blocks.0.span lm.blocks.1.span
import math
import torch
import torch.nn as nn
import torch.nn.functional as F


class SpanAttention(nn.Module):
    def __init__(self, d, heads, max_span):
        super().__init__()
        self.h, self.max_span = heads, max_span
        self.qkv, self.proj, self.norm = nn.Linear(d, 3 * d), nn.Linear(d, d), nn.LayerNorm(d)
        self.span = nn.Parameter(torch.full((heads, 1, 1), 0.5))

    def forward(self, x):
        B, T, D = x.shape
        q, k, v = self.qkv(self.norm(x)).view(B, T, 3, self.h, D // self.h).permute(2, 0, 3, 1, 4)
        att = (q @ k.transpose(-1, -2)) / math.sqrt(D // self.h)
        pos = torch.arange(T)
        dist = (pos[:, None] - pos[None, :]).float()
        causal = dist >= 0
        near = dist < self.span * self.max_span + 1    #! harmful
        att = att.masked_fill(~(causal & near), float("-inf"))
        y = att.softmax(-1) @ v
        return x + self.proj(y.transpose(1, 2).reshape(B, T, D))


class LM(nn.Module):
    def __init__(self, vocab=25, d=16, T=10, layers=2):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocab, d), nn.Embedding(T, d)
        self.blocks = nn.ModuleList(SpanAttention(d, 2, T) for _ in range(layers))
        self.ln, self.head = nn.LayerNorm(d), nn.Linear(d, vocab, bias=False)

    def forward(self, idx):
        x = self.wte(idx) + self.wpe(torch.arange(idx.size(1)))
        for b in self.blocks:
            x = b(x)
        return self.head(self.ln(x))


torch.manual_seed(0)
lm = LM()
spans = [b.span for b in lm.blocks]
opt = torch.optim.Adam([{"params": spans, "lr": 1e-2}, {"params": [p for n, p in lm.named_parameters() if not n.endswith("span")], "lr": 1e-3}])
for step in range(4):
    data = torch.randint(25, (6, 11))
    loss = F.cross_entropy(lm(data[:, :-1]).reshape(-1, 25), data[:, 1:].reshape(-1))
    opt.zero_grad()
    loss.backward()
    opt.step()
print("mean span", torch.stack(spans).mean().item())    #! offpath
