# STARVED:
# DEAD: 44
# three losses are stacked and weighed; one of them comes out of a helper that works on detached boxes
import torch
from torch import nn
from torch.nn import functional as F
from typing import NamedTuple


class Out(NamedTuple):
    logits: torch.Tensor
    boxes: torch.Tensor
    depth: torch.Tensor


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())
        self.cls, self.box, self.dep = nn.Linear(32, 3), nn.Linear(32, 4), nn.Linear(32, 1)

    def forward(self, x):
        h = self.trunk(x)
        return Out(self.cls(h), self.box(h).sigmoid(), self.dep(h))


def giou_loss(pred, gt):
    p = torch.tensor(pred.tolist())    #! dead
    x1, y1 = torch.min(p[:, 0], p[:, 2]), torch.min(p[:, 1], p[:, 3])
    x2, y2 = torch.max(p[:, 0], p[:, 2]), torch.max(p[:, 1], p[:, 3])
    inter = (torch.min(x2, gt[:, 2]) - torch.max(x1, gt[:, 0])).clamp(0) * (torch.min(y2, gt[:, 3]) - torch.max(y1, gt[:, 1])).clamp(0)
    union = (x2 - x1) * (y2 - y1) + (gt[:, 2] - gt[:, 0]) * (gt[:, 3] - gt[:, 1]) - inter
    return (1 - inter / union.clamp(min=1e-6)).mean()


torch.manual_seed(0)
net, weights = Net(), torch.tensor([1.0, 2.0, 0.5])
opt = torch.optim.AdamW(net.parameters(), lr=1e-3)
for _ in range(4):
    out = net(torch.rand(8, 3, 12, 12))
    lo = torch.rand(8, 2) * 0.5
    gt = torch.cat([lo, lo + 0.4], 1)
    l_cls = F.cross_entropy(out.logits, torch.randint(3, (8,)))
    l_box = F.l1_loss(out.boxes, gt) + giou_loss(out.boxes, gt)
    l_dep = F.smooth_l1_loss(out.depth, torch.rand(8, 1))
    loss = (weights * torch.stack([l_cls, l_box, l_dep])).sum()  
    opt.zero_grad()
    loss.backward()
    opt.step()
