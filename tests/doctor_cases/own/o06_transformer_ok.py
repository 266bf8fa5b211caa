# STARVED: 
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
class Block(nn.Module):
    def __init__(self, d=16):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.proj = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.mlp = nn.Sequential(nn.Linear(d, 2 * d), nn.GELU(), nn.Linear(2 * d, d))

    def forward(self, x):
        q, k, v = self.qkv(self.ln1(x)).chunk(3, -1)
        mask = torch.ones(x.size(1), x.size(1)).triu(1).bool()
        att = (q @ k.transpose(1, 2) / 4).masked_fill(mask, float("-inf")).softmax(-1)
        x = x + self.proj(att @ v)
        return x + self.mlp(self.ln2(x))


class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.tok, self.pos = nn.Embedding(20, 16), nn.Parameter(torch.zeros(8, 16))
        self.blocks = nn.ModuleList(Block() for _ in range(2))
        self.head = nn.Linear(16, 20, bias=False)
        self.head.weight = self.tok.weight

    def forward(self, idx, targets=None):
        x = self.tok(idx) + self.pos
        for block in self.blocks:
            x = block(x)
        logits = self.head(x)
        return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1)


gpt = GPT()
opt = torch.optim.AdamW(gpt.parameters(), lr=1e-3)
sched = torch.optim.lr_scheduler.LambdaLR(opt, lambda s: min(1, s / 3))
for step in range(3):
    idx = torch.randint(0, 20, (4, 9))
    logits, loss = gpt(idx[:, :-1], idx[:, 1:])
    acc = (logits.argmax(-1) == idx[:, 1:]).float().mean()  #! offpath
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(gpt.parameters(), 1.0)
    opt.step()
    sched.step()
    print(f"loss {loss.item():.3f} acc {acc.item():.2f}")
