# STARVED: att.k.weight att.v.weight
# attention with a preallocated cache that is filled under no_grad, also while training
import torch
import torch.nn as nn
import torch.nn.functional as F


class CachedAttention(nn.Module):
    def __init__(self, dim=12, max_len=16):
        super().__init__()
        self.q = nn.Linear(dim, dim, bias=False)
        self.k = nn.Linear(dim, dim, bias=False)
        self.v = nn.Linear(dim, dim, bias=False)
        self.o = nn.Linear(dim, dim)
        self.cache_k = torch.zeros(4, max_len, dim)
        self.cache_v = torch.zeros(4, max_len, dim)

    def forward(self, x):
        n = x.size(1)
        with torch.no_grad():
            self.cache_k[:, :n] = self.k(x)                 #! harmful
            self.cache_v[:, :n] = self.v(x)                 #! harmful
        keys, values = self.cache_k[:, :n], self.cache_v[:, :n]
        w = (self.q(x) @ keys.transpose(1, 2) / keys.size(-1) ** 0.5).softmax(-1)
        return self.o(w @ values)


torch.manual_seed(0)
emb, att, out = nn.Embedding(30, 12), CachedAttention(), nn.Linear(12, 30)
opt = torch.optim.AdamW([*emb.parameters(), *att.parameters(), *out.parameters()], lr=1e-3)
for step in range(3):
    tok = torch.randint(0, 30, (4, 11))
    h = emb(tok[:, :-1])
    logits = out(h + att(h))
    loss = F.cross_entropy(logits.reshape(-1, 30), tok[:, 1:].reshape(-1))
    opt.zero_grad(); loss.backward(); opt.step()
