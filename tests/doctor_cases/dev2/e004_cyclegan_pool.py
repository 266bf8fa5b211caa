# STARVED:
import itertools
import random
import torch
import torch.nn as nn


class ImagePool:
    def __init__(self, size):
        self.size, self.images = size, []

    def query(self, images):
        out = []
        for image in images.data:    #! harmless
            image = image.unsqueeze(0)
            if len(self.images) < self.size:
                self.images.append(image)
                out.append(image)
            elif random.uniform(0, 1) > 0.5:
                k = random.randint(0, self.size - 1)
                out.append(self.images[k].clone())
                self.images[k] = image
            else:
                out.append(image)
        return torch.cat(out, 0)


def conv_net(out_act):
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.InstanceNorm2d(8, affine=True), nn.ReLU(True), nn.Conv2d(8, 3, 3, padding=1), out_act)


class CycleGANModel:
    def __init__(self):
        self.netG_A, self.netG_B = conv_net(nn.Tanh()), conv_net(nn.Tanh())
        self.netD_A, self.netD_B = (nn.Sequential(nn.Conv2d(3, 8, 4, 2, 1), nn.LeakyReLU(0.2, True), nn.Conv2d(8, 1, 4, 2, 1)) for _ in "AB")
        self.pool_A, self.pool_B = ImagePool(8), ImagePool(8)
        self.crit, self.l1 = nn.MSELoss(), nn.L1Loss()
        self.opt_G = torch.optim.Adam(itertools.chain(self.netG_A.parameters(), self.netG_B.parameters()), lr=2e-4, betas=(0.5, 0.999))
        self.opt_D = torch.optim.Adam(itertools.chain(self.netD_A.parameters(), self.netD_B.parameters()), lr=2e-4, betas=(0.5, 0.999))

    def gan(self, pred, real):
        return self.crit(pred, torch.tensor(1.0 if real else 0.0).expand_as(pred))

    def optimize_parameters(self, real_A, real_B):
        fake_B, fake_A = self.netG_A(real_A), self.netG_B(real_B)
        for net in (self.netD_A, self.netD_B):
            net.requires_grad_(False)
        self.opt_G.zero_grad()
        idt = self.l1(self.netG_A(real_B), real_B) + self.l1(self.netG_B(real_A), real_A)
        cyc = self.l1(self.netG_B(fake_B), real_A) + self.l1(self.netG_A(fake_A), real_B)
        loss_G = self.gan(self.netD_A(fake_B), True) + self.gan(self.netD_B(fake_A), True) + 10 * cyc + 5 * idt
        loss_G.backward()
        self.opt_G.step()
        for net in (self.netD_A, self.netD_B):
            net.requires_grad_(True)
        self.opt_D.zero_grad()
        for net, real, fake in ((self.netD_A, real_B, self.pool_B.query(fake_B)), (self.netD_B, real_A, self.pool_A.query(fake_A))):
            loss_D = (self.gan(net(real), True) + self.gan(net(fake.detach()), False)) * 0.5
            loss_D.backward()
        self.opt_D.step()
        return {k: float(v) for k, v in dict(G=loss_G, D=loss_D, cyc=cyc, idt=idt).items()}    #! offpath


random.seed(0); torch.manual_seed(0)
model = CycleGANModel()
for step in range(3):
    print(model.optimize_parameters(torch.rand(4, 3, 8, 8) * 2 - 1, torch.rand(4, 3, 8, 8) * 2 - 1))
