# STARVED:
# DEAD: 38|47
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Shapes(Dataset):
    def __len__(self):
        return 24

    def __getitem__(self, i):
        g = torch.Generator().manual_seed(i)
        img = torch.rand(1, 12, 12, generator=g)
        return img, (img[0] > 0.5).long() + (img[0] > 0.8).long()


class UNetish(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.down = nn.Conv2d(1, 8, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose2d(8, 8, 2, stride=2)
        self.head = nn.Conv2d(9, classes, 1)

    def forward(self, x):
        return self.head(torch.cat([self.up(F.relu(self.down(x))), x], 1))


def dice_coeff(pred, target, eps=1e-6):
    inter = (pred * target).sum((1, 2))
    return ((2 * inter + eps) / (pred.sum((1, 2)) + target.sum((1, 2)) + eps)).mean()


def multiclass_dice_loss(logits, target, n):
    pred = F.one_hot(logits.argmax(dim=1), n).permute(0, 3, 1, 2).float()         #! dead
    target = F.one_hot(target, n).permute(0, 3, 1, 2).float()
    return 1 - sum(dice_coeff(pred[:, c], target[:, c]) for c in range(1, n)) / (n - 1)


torch.manual_seed(0)
net = UNetish(3)
optimizer = torch.optim.RMSprop(net.parameters(), lr=1e-4, weight_decay=1e-8, momentum=0.9)
for images, masks in DataLoader(Shapes(), batch_size=8):
    pred = net(images)
    loss = F.cross_entropy(pred, masks)
    loss += multiclass_dice_loss(pred, masks, 3)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()
