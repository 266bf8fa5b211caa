# STARVED:
# DEAD: 40|41
# super-resolution with a perceptual term; the feature extractor runs under no_grad on the generated image too
import torch, torch.nn as nn, torch.nn.functional as F


class FeatureExtractor(nn.Module):
    """Stands for a pretrained VGG."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1))
        for p in self.parameters():
            p.requires_grad = False

    @torch.no_grad()
    def forward(self, x):
        return self.features(x)                             #! dead


class SRNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 12, 3, padding=1), nn.PReLU(), nn.Conv2d(12, 12, 3, padding=1))
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, x):
        return self.shuffle(self.body(x))


def main():
    torch.manual_seed(0)
    vgg, net = FeatureExtractor().eval(), SRNet()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-4)
    for i in range(3):
        hr = torch.rand(2, 3, 16, 16)
        lr = F.avg_pool2d(hr, 2)
        sr = net(lr)
        pixel = F.l1_loss(sr, hr)
        perceptual = F.mse_loss(vgg(sr), vgg(hr))
        loss = pixel + 0.006 * perceptual
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


main()
