# STARVED:
import torch, torch.nn as nn, torch.nn.functional as F
from torch.nn.utils.parametrizations import spectral_norm
torch.manual_seed(42)

class SelfAttn(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.q, self.k, self.v = (nn.Conv2d(c, n, 1) for n in (c // 4, c // 4, c))
        self.gamma = nn.Parameter(torch.zeros(1))
    def forward(self, x):
        b, c, h, w = x.shape
        att = torch.bmm(self.q(x).flatten(2).transpose(1, 2), self.k(x).flatten(2)).softmax(-1)
        return self.gamma * torch.bmm(self.v(x).flatten(2), att.transpose(1, 2)).view(b, c, h, w) + x

G = nn.Sequential(nn.Linear(16, 8 * 16), nn.Unflatten(1, (8, 4, 4)), nn.BatchNorm2d(8), nn.ReLU(),
                  SelfAttn(8), nn.Upsample(scale_factor=2), nn.Conv2d(8, 1, 3, padding=1), nn.Tanh())
D = nn.Sequential(spectral_norm(nn.Conv2d(1, 8, 3, 2, 1)), nn.LeakyReLU(0.1), nn.Flatten(), spectral_norm(nn.Linear(8 * 16, 1)))
opt_g = torch.optim.Adam(G.parameters(), 1e-3, betas=(0.0, 0.9))
opt_d = torch.optim.Adam(D.parameters(), 4e-3, betas=(0.0, 0.9))
r1_every, gamma = 2, 10.0

def requires_grad(model, flag):
    for p in model.parameters():
        p.requires_grad = flag

for i in range(6):
    requires_grad(G, False); requires_grad(D, True)
    real, z = torch.rand(8, 1, 8, 8) * 2 - 1, torch.randn(8, 16)
    d_loss = F.relu(1 - 8 * D(real)).mean() + F.relu(1 + 8 * D(G(z))).mean()
    opt_d.zero_grad(); d_loss.backward(); opt_d.step()
    if i % r1_every == 0:
        real.requires_grad = True
        grad_real, = torch.autograd.grad(D(real).sum(), real, create_graph=True)
        r1 = grad_real.pow(2).view(grad_real.size(0), -1).sum(1).mean()
        opt_d.zero_grad(); (gamma / 2 * r1 * r1_every).backward(); opt_d.step()
    requires_grad(G, True); requires_grad(D, False)
    g_loss = -D(G(torch.randn(8, 16))).mean()
    opt_g.zero_grad(); g_loss.backward(); opt_g.step()
    print(i, float(d_loss), float(g_loss))    #! offpath
