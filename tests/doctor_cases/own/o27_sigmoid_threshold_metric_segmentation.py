# STARVED: unet.down.weight unet.down.bias unet.up.weight unet.up.bias
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(1, 4, 3, padding=1)
        self.up = nn.Conv2d(4, 1, 3, padding=1)

    def forward(self, x):
        return self.up(F.relu(self.down(x)))


def dice(logits, target):
    pred = torch.sigmoid(logits).round()  #! harmful
    inter = (pred * target).sum()
    return 1 - (2 * inter + 1) / (pred.sum() + target.sum() + 1)


unet = UNet()
opt = torch.optim.Adam(unet.parameters(), lr=1e-3)
for step in range(3):
    x = torch.rand(2, 1, 8, 8)
    loss = dice(unet(x), (x > 0.5).float())
    opt.zero_grad()
    loss.backward()
    opt.step()
