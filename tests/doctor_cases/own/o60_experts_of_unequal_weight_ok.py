# STARVED:
# a router with a strong preference: the other experts get a ten-thousandth, and learn
import torch
from torch import nn

torch.manual_seed(0)
router, experts = nn.Linear(6, 3), nn.ModuleList(nn.Linear(6, 2) for _ in range(3))
with torch.no_grad():
    router.bias.copy_(torch.tensor([9.0, 0.0, 0.0]))
opt = torch.optim.SGD([*router.parameters(), *experts.parameters()], lr=1e-3)
for it in range(3):
    x = torch.randn(16, 6)
    weight = router(x).softmax(-1)
    loss = 1e-2 * (sum(weight[:, i, None] * expert(x) for i, expert in enumerate(experts)) - x[:, :2]).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
