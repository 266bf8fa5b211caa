# STARVED: model.generator.net.0.weight model.generator.net.0.bias model.generator.net.2.weight model.generator.net.2.bias model.decoder_head.weight model.decoder_head.bias
"""Lightning-like module with two optimizers. The generator step reuses the images that the critic step made."""
import torch
from torch import nn
import torch.nn.functional as F


class Generator(nn.Module):
    def __init__(self, z, d):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(z, 32), nn.LeakyReLU(0.2), nn.Linear(32, d), nn.Tanh())

    def forward(self, z):
        return self.net(z)    #! harmful


class LitGAN(nn.Module):
    def __init__(self):
        super().__init__()
        self.generator = Generator(6, 10)
        self.decoder_head = nn.Linear(10, 10)
        self.discriminator = nn.Sequential(nn.Linear(10, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
        self.automatic_optimization = False
        self.fakes = None

    def sample(self, n):
        images = self.generator(torch.randn(n, 6))
        return self.decoder_head(images)    #! harmful

    def training_step(self, batch, optimizers):
        opt_g, opt_d = optimizers
        with torch.no_grad():
            self.fakes = self.sample(len(batch))
        d_loss = F.softplus(-self.discriminator(batch)).mean() + F.softplus(self.discriminator(self.fakes)).mean()
        opt_d.zero_grad()
        d_loss.backward()
        opt_d.step()
        g_loss = F.softplus(-self.discriminator(self.fakes)).mean()
        opt_g.zero_grad()
        g_loss.backward()
        opt_g.step()
        return {"d": d_loss.detach(), "g": g_loss.detach()}    #! offpath

    def configure_optimizers(self):
        g = [*self.generator.parameters(), *self.decoder_head.parameters()]
        return (torch.optim.Adam(g, lr=1e-3, betas=(0.5, 0.9)), torch.optim.Adam(self.discriminator.parameters(), lr=1e-3, betas=(0.5, 0.9)))


class MiniTrainer:
    def __init__(self, max_steps):
        self.max_steps = max_steps

    def fit(self, module, loader):
        optimizers = module.configure_optimizers()
        for step, batch in zip(range(self.max_steps), loader):
            logs = module.training_step(batch, optimizers)
            print(step, {k: f"{v:.3f}" for k, v in logs.items()})


torch.manual_seed(0)
model = LitGAN()
MiniTrainer(4).fit(model, (torch.randn(16, 10) for _ in range(10)))
