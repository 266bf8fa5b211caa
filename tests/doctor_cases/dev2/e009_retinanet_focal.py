# STARVED:
import torch
import torch.nn as nn
import torch.nn.functional as F


def box_iou(a, b):
    lt, rb = torch.max(a[:, None, :2], b[:, :2]), torch.min(a[:, None, 2:], b[:, 2:])
    wh = (rb - lt).clamp(min=0)
    inter = wh[..., 0] * wh[..., 1]
    area = lambda x: (x[:, 2] - x[:, 0]) * (x[:, 3] - x[:, 1])
    return inter / (area(a)[:, None] + area(b) - inter)


def nms(boxes, scores, thr=0.5):
    keep, order = [], scores.argsort(descending=True)
    while order.numel():
        i = order[0].item()
        keep.append(i)
        order = order[1:][box_iou(boxes[i:i + 1], boxes[order[1:]])[0] <= thr] if order.numel() > 1 else order[:0]
    return keep


def focal_loss(logits, target, alpha=0.25, gamma=2.0):
    p = torch.sigmoid(logits)
    ce = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    p_t = p * target + (1 - p) * (1 - target)
    alpha_t = alpha * target + (1 - alpha) * (1 - target)
    return (alpha_t * ce * (1 - p_t) ** gamma).sum()


class Retina(nn.Module):
    def __init__(self, classes=3):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 16, 3, 2, 1), nn.ReLU())
        self.cls, self.reg, self.classes = nn.Conv2d(16, classes, 3, padding=1), nn.Conv2d(16, 4, 3, padding=1), classes
        nn.init.constant_(self.cls.bias, -4.6)
        yx = torch.stack(torch.meshgrid(torch.arange(4), torch.arange(4), indexing="ij"), -1).flip(-1).reshape(-1, 2) * 4.0
        self.register_buffer("anchors", torch.cat([yx, yx + 8.0], 1))

    def forward(self, x):
        f = self.backbone(x)
        flat = lambda t, c: t.permute(0, 2, 3, 1).reshape(t.size(0), -1, c)
        return flat(self.cls(f), self.classes), flat(self.reg(f), 4)

    def loss(self, x, targets):
        losses = {"cls": [], "box": []}
        for logits, deltas, (boxes, labels) in zip(*self(x), targets):
            best, which = box_iou(self.anchors, boxes).max(1)
            fg, ignore = best >= 0.5, (best > 0.4) & (best < 0.5)
            t = torch.zeros_like(logits)
            t[fg, labels[which[fg]]] = 1.0
            n = max(1, int(fg.sum()))
            losses["cls"].append(focal_loss(logits[~ignore], t[~ignore]) / n)
            losses["box"].append(F.smooth_l1_loss(deltas[fg], boxes[which[fg]] - self.anchors[fg], reduction="sum") / n)
        return {k: torch.stack(v).mean() for k, v in losses.items()}


torch.manual_seed(0)
model = Retina()
opt = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
for step in range(3):
    targets = [(torch.tensor([[0.0, 1.0, 8.0, 9.0], [4.0, 4.0, 13.0, 12.0]]), torch.randint(0, 3, (2,))) for _ in range(2)]
    losses = model.loss(torch.rand(2, 3, 16, 16), targets)
    total = sum(loss for loss in losses.values())
    opt.zero_grad(); total.backward(); opt.step()
    with torch.no_grad():
        logits, deltas = model(torch.rand(1, 3, 16, 16))    #! offpath
        print(len(nms(model.anchors + deltas[0], logits[0].max(-1).values)), {k: v.item() for k, v in losses.items()})    #! offpath
