# STARVED:
import copy
import torch
from torch import nn
import torch.nn.functional as F


def mlp(i, o, h=32):
    return nn.Sequential(nn.Linear(i, h), nn.BatchNorm1d(h), nn.ReLU(inplace=True), nn.Linear(h, o))


def loss_fn(x, y):
    x, y = F.normalize(x, dim=-1, p=2), F.normalize(y, dim=-1, p=2)
    return 2 - 2 * (x * y).sum(dim=-1)


class BYOL(nn.Module):
    def __init__(self, decay=0.99):
        super().__init__()
        self.online_encoder = mlp(10, 16)
        self.online_predictor = mlp(16, 16)
        self.target_encoder = None
        self.decay = decay

    def _get_target_encoder(self):
        if self.target_encoder is None:
            self.target_encoder = copy.deepcopy(self.online_encoder)
            for p in self.target_encoder.parameters():
                p.requires_grad = False
        return self.target_encoder

    def update_moving_average(self):
        for cur, ma in zip(self.online_encoder.parameters(), self.target_encoder.parameters()):
            ma.data = self.decay * ma.data + (1 - self.decay) * cur.data       #! offpath

    def forward(self, a, b):
        pa, pb = (self.online_predictor(self.online_encoder(v)) for v in (a, b))
        with torch.no_grad():
            target = self._get_target_encoder()
            ta, tb = target(a).detach_(), target(b).detach_()
        return (loss_fn(pa, tb.detach()) + loss_fn(pb, ta.detach())).mean()


torch.manual_seed(0)
learner = BYOL()
opt = torch.optim.Adam(learner.parameters(), lr=3e-4)
for _ in range(3):
    images = torch.randn(20, 10)
    loss = learner(images + 0.2 * torch.randn_like(images), images * (torch.rand_like(images) > 0.2))
    opt.zero_grad()
    loss.backward()
    opt.step()
    learner.update_moving_average()
