# STARVED:
# DEAD: 17|23|24
# WGAN-GP, but the penalty's inner gradient is taken without create_graph
import torch, torch.nn as nn
torch.manual_seed(0)
G = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 6))
D = nn.Sequential(nn.Linear(6, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1, bias=False))
g_opt = torch.optim.RMSprop(G.parameters(), lr=1e-4)
d_opt = torch.optim.RMSprop(D.parameters(), lr=1e-4)


def penalty(real, fake):
    eps = torch.rand(real.size(0), 1)
    mix = (eps * real + (1 - eps) * fake).detach().requires_grad_(True)    #! harmless
    score = D(mix)
    grad = torch.autograd.grad(score.sum(), mix, retain_graph=True)[0]    #! dead
    return ((grad.view(grad.size(0), -1).norm(dim=1) - 1) ** 2).mean()


for step in range(4):
    real = torch.randn(16, 6)
    fake = G(torch.randn(16, 8)).detach()        #! harmless
    gp = penalty(real, fake)
    loss_d = D(fake).mean() - D(real).mean() + 10.0 * gp
    d_opt.zero_grad(); loss_d.backward(); d_opt.step()
    loss_g = -D(G(torch.randn(16, 8))).mean()
    g_opt.zero_grad(); loss_g.backward(); g_opt.step()
