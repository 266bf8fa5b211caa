# STARVED:
# DEAD: 31|45
# segmentation with online hard example mining; "penalise the share of hard pixels" was added for a paper deadline
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

cfg = dict(lr=1e-2, classes=4, thresh=0.7, min_kept=50, lambda_hard=0.5, steps=4)
torch.manual_seed(123)
np.random.seed(123)


class FCN(nn.Module):
    def __init__(self, k):
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(3, 12, 3, 2, 1), nn.BatchNorm2d(12), nn.ReLU(True))
        self.up = nn.ConvTranspose2d(12, 12, 4, 2, 1)
        self.head = nn.Conv2d(12, k, 1)

    def forward(self, x):
        return self.head(F.relu(self.up(self.down(x))))


def ohem(logits, target):
    pixel_losses = F.cross_entropy(logits, target, reduction="none").view(-1)
    prob = F.softmax(logits, 1).gather(1, target.unsqueeze(1)).view(-1)
    order = prob.detach().argsort()    #! harmless
    threshold = max(prob.detach()[order][min(cfg["min_kept"], len(order) - 1)].item(), cfg["thresh"])    #! harmless
    kept = pixel_losses[prob.detach() < threshold]    #! harmless
    hard_ratio = (prob < cfg["thresh"]).float().mean()    #! dead
    return kept.mean(), hard_ratio

net = FCN(cfg["classes"])
optimizer = torch.optim.SGD([{"params": net.down.parameters()}, {"params": [*net.up.parameters(), *net.head.parameters()], "lr": cfg["lr"] * 10}],
                            lr=cfg["lr"], momentum=0.9)
best_miou = 0
for it in range(cfg["steps"]):
    for g in optimizer.param_groups:
        g["lr"] *= (1 - it / cfg["steps"]) ** 0.9
    img, lab = torch.randn(2, 3, 16, 16), torch.randint(cfg["classes"], (2, 16, 16))
    optimizer.zero_grad()
    out = net(img)
    loss_ohem, ratio = ohem(out, lab)
    loss = loss_ohem + cfg["lambda_hard"] * ratio
    loss.backward()
    optimizer.step()
    pred = out.detach().max(1)[1].numpy()    #! offpath
    hist = np.bincount(4 * lab.numpy().ravel() + pred.ravel(), minlength=16).reshape(4, 4)
    miou = np.nanmean(np.diag(hist) / (hist.sum(1) + hist.sum(0) - np.diag(hist)))
    if miou > best_miou:
        best_miou = miou
    print("iter %d loss %.4f ratio %.2f mIoU %.3f" % (it, loss.item(), ratio.item(), miou))    #! offpath
