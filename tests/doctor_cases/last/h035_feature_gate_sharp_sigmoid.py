# STARVED: selector.logits
# feature selection with an annealed gate; the temperature starts at the end of its schedule
import torch
import torch.nn as nn
import torch.nn.functional as F


class Selector(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.logits = nn.Parameter(torch.cat([torch.ones(n // 2), -torch.ones(n - n // 2) * 0.5]) * 2)
        self.tau = 1e-3

    def forward(self, x):
        gate = torch.sigmoid(self.logits / self.tau)             #! harmful
        return x * gate


torch.manual_seed(0)
selector = Selector(12)
predictor = nn.Sequential(nn.Linear(12, 16), nn.ELU(), nn.Linear(16, 1))
opt = torch.optim.Adam([*selector.parameters(), *predictor.parameters()], lr=1e-3)
for epoch in range(3):
    x = torch.randn(64, 12)
    y = x[:, :3].sum(1, keepdim=True)
    loss = F.mse_loss(predictor(selector(x)), y)
    opt.zero_grad(); loss.backward(); opt.step()
    selector.tau = max(1e-3, selector.tau * 0.9)
