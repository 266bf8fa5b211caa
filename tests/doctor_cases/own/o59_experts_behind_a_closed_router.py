# STARVED: moe.router.weight moe.experts.1.weight moe.experts.1.bias moe.experts.2.weight moe.experts.2.bias
# VANISHING: moe.router.weight moe.experts.1.weight moe.experts.1.bias moe.experts.2.weight moe.experts.2.bias
# the router is sure of expert 0 for every input: neither it nor the other experts can learn
import torch
from torch import nn


class MoE(nn.Module):
    def __init__(self):
        super().__init__()
        self.router = nn.Linear(12, 3, bias=False)
        self.experts = nn.ModuleList(nn.Linear(12, 4) for _ in range(3))

    def forward(self, x):
        weight = self.router(x).softmax(-1)  #! harmful
        return sum(weight[:, i : i + 1] * expert(x / 255) for i, expert in enumerate(self.experts))


torch.manual_seed(0)
moe = MoE()
with torch.no_grad():
    moe.router.weight.copy_(torch.tensor([[0.01], [-0.006], [-0.01]]).expand(3, 12) + 0.0001 * torch.randn(3, 12))
opt = torch.optim.SGD(moe.parameters(), lr=1e-3)
for it in range(3):
    x = torch.randint(150, 256, (16, 12)).float()
    loss = (moe(x) - x[:, :4] / 255).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
