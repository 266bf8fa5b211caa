# STARVED: moe.router.weight
# VANISHING: moe.router.weight
# a softmax router on raw pixel values: one expert has all the weight, for every input
import torch
from torch import nn


class MoE(nn.Module):
    def __init__(self):
        super().__init__()
        self.router = nn.Linear(12, 3, bias=False)
        self.experts = nn.ModuleList(nn.Linear(12, 4) for _ in range(3))

    def forward(self, x):
        weight = self.router(x).softmax(-1)  #! harmful
        return sum(weight[:, i : i + 1] * expert(x / 255) for i, expert in enumerate(self.experts)) + self.experts[1](x / 255) + self.experts[2](x / 255)


torch.manual_seed(0)
moe = MoE()
with torch.no_grad():
    moe.router.weight.copy_(torch.tensor([[0.01], [-0.01], [-0.02]]).expand(3, 12) + 0.0001 * torch.randn(3, 12))
opt = torch.optim.SGD(moe.parameters(), lr=1e-3)
for it in range(3):
    x = torch.randint(100, 256, (16, 12)).float()
    loss = (moe(x) - x[:, :4] / 255).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
