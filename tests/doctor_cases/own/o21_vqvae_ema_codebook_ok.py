# STARVED: 
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
class VQ(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("codes", torch.randn(8, 4))
        self.register_buffer("mass", torch.ones(8))

    def forward(self, z):
        index = torch.cdist(z, self.codes).argmin(1)  #! harmless
        q = self.codes[index]
        if self.training:
            with torch.no_grad():
                hot = F.one_hot(index, 8).float()
                self.mass.mul_(0.9).add_(hot.sum(0), alpha=0.1)
                self.codes.lerp_(hot.t() @ z / self.mass[:, None].clamp(min=1e-3), 0.1)
        return z + (q - z).detach(), F.mse_loss(z, q.detach())


enc, vq, dec = nn.Linear(6, 4), VQ(), nn.Linear(4, 6)
opt = torch.optim.Adam([*enc.parameters(), *dec.parameters()])
for step in range(3):
    x = torch.randn(32, 6)
    q, commit = vq(enc(x))
    loss = F.mse_loss(dec(q), x) + 0.25 * commit
    opt.zero_grad()
    loss.backward()
    opt.step()
