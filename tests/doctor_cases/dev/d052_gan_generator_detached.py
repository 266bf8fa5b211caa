# STARVED: netG.main.0.weight netG.main.0.bias netG.main.2.weight netG.main.2.bias
# DCGAN loop; the fake batch is detached once and then used for both updates
import torch, torch.nn as nn


class Generator(nn.Module):
    def __init__(self, nz=6):
        super().__init__()
        self.main = nn.Sequential(nn.Linear(nz, 24), nn.ReLU(True), nn.Linear(24, 10), nn.Tanh())

    def forward(self, z):
        return self.main(z)


torch.manual_seed(999)
netG = Generator()
netD = nn.Sequential(nn.Linear(10, 24), nn.LeakyReLU(0.2, inplace=True), nn.Linear(24, 1), nn.Sigmoid())
criterion = nn.BCELoss()
optimizerD = torch.optim.Adam(netD.parameters(), lr=2e-4, betas=(0.5, 0.999))
optimizerG = torch.optim.Adam(netG.parameters(), lr=2e-4, betas=(0.5, 0.999))
real_label, fake_label = 1.0, 0.0
for i in range(3):
    netD.zero_grad()
    real = torch.rand(16, 10) * 2 - 1
    label = torch.full((16,), real_label)
    errD_real = criterion(netD(real).view(-1), label)
    errD_real.backward()
    fake = netG(torch.randn(16, 6)).detach()                #! harmful
    label.fill_(fake_label)
    errD_fake = criterion(netD(fake).view(-1), label)
    errD_fake.backward()
    optimizerD.step()
    netG.zero_grad()
    label.fill_(real_label)
    errG = criterion(netD(fake).view(-1), label)
    errG.backward()
    optimizerG.step()
