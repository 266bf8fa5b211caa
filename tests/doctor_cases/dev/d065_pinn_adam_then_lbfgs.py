# STARVED:
"""Burgers-like PINN; second derivatives with create_graph; Adam first, then LBFGS with a closure."""
import torch
import torch.nn as nn


class PINN(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1))
        self.nu = nn.Parameter(torch.tensor(0.1))

    def forward(self, x, t):
        return self.net(torch.cat([x, t], 1))

    def residual(self, x, t):
        u = self(x, t)
        ones = torch.ones_like(u)
        u_t = torch.autograd.grad(u, t, ones, create_graph=True)[0]
        u_x = torch.autograd.grad(u, x, ones, create_graph=True)[0]
        u_xx = torch.autograd.grad(u_x, x, ones, create_graph=True)[0]
        return u_t + u * u_x - self.nu * u_xx


torch.manual_seed(0)
pinn = PINN()
x0 = torch.rand(20, 1) * 2 - 1
u0 = -torch.sin(torch.pi * x0)
xc = (torch.rand(40, 1) * 2 - 1).requires_grad_(True)
tc = torch.rand(40, 1, requires_grad=True)


def loss_fn():
    data = (pinn(x0, torch.zeros_like(x0)) - u0).pow(2).mean()
    return data + pinn.residual(xc, tc).pow(2).mean()


adam = torch.optim.Adam(pinn.parameters(), lr=1e-3)
for _ in range(3):
    adam.zero_grad()
    loss = loss_fn()
    loss.backward()
    adam.step()
lbfgs = torch.optim.LBFGS(pinn.parameters(), max_iter=4, line_search_fn="strong_wolfe")
calls = 0


def closure():
    global calls
    lbfgs.zero_grad()
    loss = loss_fn()
    loss.backward()
    calls += 1
    if calls % 5 == 0:
        print(calls, loss.item())                           #! offpath
    return loss


for _ in range(2):
    lbfgs.step(closure)
