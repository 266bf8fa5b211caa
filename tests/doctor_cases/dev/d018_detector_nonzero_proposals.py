# STARVED: model.objectness.weight model.objectness.bias
# Two-stage detector: proposals are picked by nonzero() on a thresholded map, the score itself is never used
import torch, torch.nn as nn, torch.nn.functional as F


class TwoStage(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU())
        self.objectness = nn.Conv2d(8, 1, 1)
        self.box_head = nn.Linear(8, 4)
        self.cls_head = nn.Linear(8, 3)

    def forward(self, img):
        feat = self.stem(img)
        heat = self.objectness(feat).sigmoid().squeeze(1)
        b, y, x = torch.nonzero(heat > heat.mean(), as_tuple=True)      #! harmful
        roi = feat[b, :, y, x]
        return self.box_head(roi), self.cls_head(roi), (b, y, x)


def train():
    torch.manual_seed(0)
    model = TwoStage()
    opt = torch.optim.SGD(model.parameters(), lr=1e-2, momentum=0.9, weight_decay=1e-4)
    boxes, labels = torch.rand(4, 8, 8, 4), torch.randint(0, 3, (4, 8, 8))
    for epoch in range(3):
        img = torch.randn(4, 1, 8, 8)
        box, cls, where = model(img)
        loss = F.smooth_l1_loss(box, boxes[where]) + F.cross_entropy(cls, labels[where])
        opt.zero_grad()
        loss.backward()
        opt.step()


train()
