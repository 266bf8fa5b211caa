# STARVED:
# DEAD: 38|39
# box regression with an IoU term written on Python numbers
import torch
import torch.nn as nn
import torch.nn.functional as F


def iou(a, b):
    x1, y1 = max(a[0], b[0]), max(a[1], b[1])
    x2, y2 = min(a[2], b[2]), min(a[3], b[3])
    inter = max(0.0, x2 - x1) * max(0.0, y2 - y1)
    area = lambda r: max(0.0, r[2] - r[0]) * max(0.0, r[3] - r[1])
    return inter / (area(a) + area(b) - inter + 1e-6)


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 6, 3, stride=2)
        self.fc = nn.Linear(6 * 9, 4)

    def forward(self, x):
        xywh = self.fc(F.relu(self.conv(x)).flatten(1)).sigmoid()
        return torch.cat([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], 1)


torch.manual_seed(0)
model = Regressor()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
for epoch in range(3):
    images = torch.rand(8, 1, 8, 8)
    tl = torch.rand(8, 2) * 0.5
    boxes = torch.cat([tl, tl + 0.4], 1)
    pred = model(images)
    l1 = F.smooth_l1_loss(pred, boxes)
    ious = [iou(p, t) for p, t in zip(pred.tolist(), boxes.tolist())]        #! dead
    iou_term = 1.0 - torch.tensor(ious).mean()
    loss = l1 + iou_term
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
