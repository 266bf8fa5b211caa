# STARVED:
# hinge GAN: while every score is inside the margin the last bias gets -1 from the real and +1 from the fake half
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
G = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))
D = nn.Sequential(nn.Linear(4, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
opt_g = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.0, 0.9))
opt_d = torch.optim.Adam(D.parameters(), lr=5e-2, betas=(0.0, 0.9))
for step in range(12):
    real = torch.randn(32, 4) + 2
    with torch.no_grad():
        fake = G(torch.randn(32, 8))    #! harmless
    loss_d = F.relu(1.0 - D(real)).mean() + F.relu(1.0 + D(fake)).mean()
    opt_d.zero_grad(); loss_d.backward(); opt_d.step()
    loss_g = -D(G(torch.randn(32, 8))).mean()
    opt_g.zero_grad(); loss_g.backward(); opt_g.step()
