# STARVED:
# DEAD: 49|50
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(999)
nz, nf = 10, 16
netG = nn.Sequential(nn.Linear(nz, 32), nn.BatchNorm1d(32), nn.ReLU(True), nn.Linear(32, 64), nn.Tanh())


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, nf, 3, 2, 1)
        self.conv2 = nn.Conv2d(nf, nf, 3, 2, 1)
        self.fc = nn.Linear(nf * 4, 1)

    def forward(self, img, return_feats=False):
        f1 = F.leaky_relu(self.conv1(img), 0.2)
        f2 = F.leaky_relu(self.conv2(f1), 0.2)
        out = self.fc(f2.flatten(1)).squeeze(1)
        return (out, [f1.data, f2.data]) if return_feats else out    #! dead


netD = Discriminator()
optG = torch.optim.Adam(netG.parameters(), lr=2e-4, betas=(0.5, 0.999))
optD = torch.optim.Adam(netD.parameters(), lr=2e-4, betas=(0.5, 0.999))
real_label, fake_label, lambda_fm = 1.0, 0.0, 10.0

for i in range(4):
    # (1) update D
    netD.zero_grad()
    real = torch.rand(8, 1, 8, 8) * 2 - 1
    label = torch.full((8,), real_label)
    errD_real = F.binary_cross_entropy_with_logits(netD(real), label)
    errD_real.backward()
    fake = netG(torch.randn(8, nz)).view(8, 1, 8, 8)
    label.fill_(fake_label)
    errD_fake = F.binary_cross_entropy_with_logits(netD(fake.detach()), label)
    errD_fake.backward()
    optD.step()
    # (2) update G: adversarial + feature matching
    netG.zero_grad()
    label.fill_(real_label)
    out, feats_fake = netD(fake, return_feats=True)
    _, feats_real = netD(real, return_feats=True)
    errG_adv = F.binary_cross_entropy_with_logits(out, label)
    errG_fm = sum(F.l1_loss(a.mean(0), b.mean(0)) for a, b in zip(feats_fake, feats_real))
    errG = errG_adv + lambda_fm * errG_fm
    errG.backward()
    optG.step()
    print("[%d] D %.3f G %.3f fm %.3f" % (i, (errD_real + errD_fake).item(), errG.item(), errG_fm.item()))    #! offpath
