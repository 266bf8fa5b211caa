# STARVED:
# DEAD: 26|36|37
"""Colour transfer: an L1 loss and a histogram-matching loss that no gradient can pass."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class ToneCurve(nn.Module):
    def __init__(self):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(3))
        self.mix = nn.Conv2d(3, 3, 1)

    def forward(self, img):
        return torch.sigmoid(self.mix(img.clamp(min=1e-3) ** self.gamma.view(1, 3, 1, 1)))


def histogram(img, bins=16):
    levels = (img * bins).long().clamp(0, bins - 1)              #! dead
    return torch.stack([torch.bincount(c.flatten(), minlength=bins) for c in levels.transpose(0, 1)]).float()


def hist_loss(a, b):
    ha, hb = histogram(a), histogram(b)
    return (ha / ha.sum(1, keepdim=True) - hb / hb.sum(1, keepdim=True)).abs().sum()


def main():
    torch.manual_seed(0)
    net = ToneCurve()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    for it in range(3):
        src, ref = torch.rand(2, 3, 12, 12), torch.rand(2, 3, 12, 12) ** 2
        out = net(src)
        terms = {"l1": F.l1_loss(out, ref), "hist": hist_loss(out, ref)}
        loss = terms["l1"] + 0.1 * terms["hist"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print({k: v.item() for k, v in terms.items()})           #! offpath


if __name__ == "__main__":
    main()
