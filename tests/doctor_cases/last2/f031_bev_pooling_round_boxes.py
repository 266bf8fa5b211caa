# STARVED: det.box_head.weight det.box_head.bias
# DEAD: 39|40
import torch
import torch.nn as nn
import torch.nn.functional as F


def pixel_iou(pred, gt):
    lt = torch.maximum(pred[..., :2], gt[..., :2])
    rb = torch.minimum(pred[..., 2:], gt[..., 2:])
    inter = (rb - lt).clamp(min=0).prod(-1)
    area = lambda b: (b[..., 2:] - b[..., :2]).clamp(min=0).prod(-1)
    return inter / (area(pred) + area(gt) - inter + 1e-6)


class FCOSLike(nn.Module):
    def __init__(self, n_cls=3, stride=4):
        super().__init__()
        self.stride = stride
        self.stem = nn.Sequential(nn.Conv2d(3, 12, 3, 2, 1), nn.ReLU(), nn.Conv2d(12, 12, 3, 2, 1), nn.ReLU())
        self.cls_head, self.box_head = nn.Conv2d(12, n_cls, 1), nn.Conv2d(12, 4, 1)

    def forward(self, x):
        f = self.stem(x)
        ltrb = F.softplus(self.box_head(f)).permute(0, 2, 3, 1) * self.stride
        h, w = ltrb.shape[1:3]
        cy, cx = torch.meshgrid(torch.arange(h) * self.stride + 2.0, torch.arange(w) * self.stride + 2.0, indexing="ij")
        centers = torch.stack([cx, cy], -1)
        boxes = torch.cat([centers - ltrb[..., :2], centers + ltrb[..., 2:]], -1)
        boxes = torch.round(boxes)    #! harmful
        return self.cls_head(f), boxes


def train_step(det, opt, images, gt_boxes, gt_cls):
    logits, boxes = det(images)
    h, w = logits.shape[-2:]
    target = gt_cls.view(-1, 1, 1).expand(-1, h, w)
    loss_cls = F.cross_entropy(logits, target)
    loss_iou = (1 - pixel_iou(boxes, gt_boxes[:, None, None, :])).mean()
    loss = loss_cls + 2.0 * loss_iou
    opt.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_([p for p in det.parameters() if p.grad is not None], 35)
    opt.step()
    return {"cls": loss_cls.item(), "iou": loss_iou.item()}    #! offpath


torch.manual_seed(0)
det = FCOSLike()
opt = torch.optim.SGD(det.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
for it in range(3):
    lo = torch.randint(0, 6, (4, 2)).float()
    print(train_step(det, opt, torch.rand(4, 3, 16, 16), torch.cat([lo, lo + 8], 1), torch.randint(3, (4,))))
