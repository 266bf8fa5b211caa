# STARVED:
# LayerScale starts at 1e-6: the blocks get a millionth of the gradient by design
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.mix = nn.Sequential(nn.LayerNorm(d), nn.Linear(d, 2 * d), nn.GELU(), nn.Linear(2 * d, d))
        self.scale = nn.Parameter(torch.full((d,), 1e-6))

    def forward(self, x):
        return x + self.scale * self.mix(x)


torch.manual_seed(0)
net = nn.Sequential(*(Block(12) for _ in range(4)), nn.Linear(12, 5))
opt = torch.optim.AdamW(net.parameters(), lr=1e-4)
for it in range(4):
    x, y = torch.randn(32, 12), torch.randint(0, 5, (32,))
    loss = nn.functional.cross_entropy(net(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
