# STARVED: block.q.weight block.q.bias block.k.weight block.k.bias
# VANISHING: block.q.weight block.q.bias block.k.weight block.k.bias
# keys and queries are large, the scores run to hundreds: attention is a hard choice that cannot be unlearnt
import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(d, d) for _ in range(4))

    def forward(self, x):
        q, k = 30 * torch.sign(x) + self.q(x) * 0.01, 30 * torch.sign(x) + self.k(x) * 0.01
        mixed = F.scaled_dot_product_attention(q, k, self.v(x), scale=0.02)  #! harmful
        return x + self.o(mixed)


torch.manual_seed(0)
block, head = Block(8), nn.Linear(8, 2)
opt = torch.optim.Adam([*block.parameters(), *head.parameters()], lr=1e-3)
codes = torch.tensor([[1.0 if i >> b & 1 else -1.0 for b in range(3)] for i in range(8)])
for it in range(3):
    x = torch.cat([codes, codes, codes[:, :2]], 1)[None].repeat(4, 1, 1) * torch.rand(4, 8, 8).add(0.5)
    y = torch.randint(0, 2, (4,))
    loss = F.cross_entropy(head(block(x).mean(1)), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
