# STARVED:
import argparse
import torch
import torch.nn as nn
from torch import autograd


class Generator(nn.Module):
    def __init__(self, latent, out):
        super().__init__()
        self.model = nn.Sequential(nn.Linear(latent, 32), nn.LeakyReLU(0.2), nn.Linear(32, out), nn.Tanh())

    def forward(self, z):
        return self.model(z)


class Critic(nn.Module):
    def __init__(self, inp):
        super().__init__()
        self.model = nn.Sequential(nn.Linear(inp, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1, bias=False))

    def forward(self, x):
        return self.model(x)


def compute_gradient_penalty(D, real, fake):
    alpha = torch.rand(real.size(0), 1)
    interpolates = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
    d = D(interpolates)
    gradients = autograd.grad(outputs=d, inputs=interpolates, grad_outputs=torch.ones_like(d),
                              create_graph=True, retain_graph=True, only_inputs=True)[0]
    return ((gradients.norm(2, dim=1) - 1) ** 2).mean()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--n_critic", type=int, default=2)
    parser.add_argument("--lambda_gp", type=float, default=10.0)
    opt = parser.parse_args()
    torch.manual_seed(0)
    generator, critic = Generator(8, 6), Critic(6)
    optimizer_G = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    optimizer_D = torch.optim.Adam(critic.parameters(), lr=2e-4, betas=(0.5, 0.999))
    for i in range(6):
        real = torch.rand(16, 6) * 2 - 1
        z = torch.randn(16, 8)
        optimizer_D.zero_grad()
        fake = generator(z)
        gp = compute_gradient_penalty(critic, real.data, fake.data)    #! harmless
        d_loss = -critic(real).mean() + critic(fake.detach()).mean() + opt.lambda_gp * gp    #! harmless
        d_loss.backward()
        optimizer_D.step()
        if i % opt.n_critic == 0:
            optimizer_G.zero_grad()
            g_loss = -critic(generator(z)).mean()
            g_loss.backward()
            optimizer_G.step()
            print(f"[{i}] D {d_loss.item():.3f} G {g_loss.item():.3f}")    #! offpath


if __name__ == "__main__":
    main()
