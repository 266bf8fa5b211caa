# STARVED: pacer.level gate.weight gate.bias
# self-paced learning: the pace is read with .item(), the sample gate with a comparison
import torch, torch.nn as nn, torch.nn.functional as F


class Pacer(nn.Module):
    def __init__(self):
        super().__init__()
        self.level = nn.Parameter(torch.tensor(0.9))

    def forward(self, losses):
        return losses.detach().quantile(min(1.0, self.level.item()))         #! harmful


torch.manual_seed(0)
net = nn.Sequential(nn.Linear(5, 20), nn.ReLU(), nn.Linear(20, 3))
gate = nn.Linear(5, 1)
pacer = Pacer()
opt = torch.optim.Adam([*net.parameters(), *gate.parameters(), *pacer.parameters()], lr=1e-3)
for step in range(3):
    x, y = torch.randn(48, 5), torch.randint(0, 3, (48,))
    per_sample = F.cross_entropy(net(x), y, reduction="none")
    easy = per_sample <= pacer(per_sample)                       #! harmless
    trust = (gate(x).squeeze(1) > -1.0).float()                  #! harmful
    weight = easy.float() * trust
    loss = (per_sample * weight).sum() / weight.sum().clamp(min=1)
    opt.zero_grad()
    loss.backward()
    opt.step()
