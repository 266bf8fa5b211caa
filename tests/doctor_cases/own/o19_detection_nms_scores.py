# STARVED: head.score.weight head.score.bias
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.box, self.score = nn.Linear(8, 4), nn.Linear(8, 1)

    def forward(self, feats):
        boxes = self.box(feats)
        scores = self.score(feats).squeeze(-1)
        keep = scores.topk(5).indices  #! harmful
        return boxes[keep]


head = Head()
opt = torch.optim.SGD(head.parameters(), lr=0.01)
gt = torch.rand(3, 4)
for step in range(3):
    pred = head(torch.randn(20, 8))
    assign = torch.cdist(pred, gt).argmin(1)  #! harmless
    loss = F.smooth_l1_loss(pred, gt[assign])
    opt.zero_grad()
    loss.backward()
    opt.step()
