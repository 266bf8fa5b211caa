# STARVED: gen.0.weight gen.0.bias gen.2.weight gen.2.bias critic.2.bias
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
gen = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
critic = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
g_opt, c_opt = torch.optim.Adam(gen.parameters()), torch.optim.Adam(critic.parameters())
for step in range(3):
    real, z = torch.randn(32, 2), torch.randn(32, 4)
    fake = gen(z)
    c_loss = critic(fake.detach()).mean() - critic(real).mean()  #! harmless
    c_opt.zero_grad()
    c_loss.backward()
    c_opt.step()
    samples = gen(z).clamp(-1, 1).detach()  #! harmful
    g_loss = -critic(samples).mean()
    g_opt.zero_grad()
    g_loss.backward()
    g_opt.step()
