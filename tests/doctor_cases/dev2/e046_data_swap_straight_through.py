# STARVED:
"""Binary weights in the BinaryConnect manner: data are swapped for the forward pass, then restored."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class BinOp:
    def __init__(self, model):
        self.targets = [m.weight for m in model.modules() if isinstance(m, (nn.Linear, nn.Conv2d))][1:-1]
        self.saved = [w.data.clone() for w in self.targets]

    def binarization(self):
        for i, w in enumerate(self.targets):
            w.data.clamp_(-1.0, 1.0)
            self.saved[i].copy_(w.data)
            m = w.data.abs().mean(dim=1, keepdim=True)
            w.data.copy_(w.data.sign().mul(m.expand_as(w)))

    def restore(self):
        for w, s in zip(self.targets, self.saved):
            w.data.copy_(s)

    def update_grad(self):
        for w in self.targets:
            m = w.data.abs().mean(dim=1, keepdim=True).expand_as(w).clone()
            m[w.data.lt(-1.0) | w.data.gt(1.0)] = 0
            w.grad.data.mul_(m + 1.0 / w[0].nelement())


class BinActive(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sign()

    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        g = g.clone()
        g[x.ge(1) | x.le(-1)] = 0
        return g


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3, 2)
        self.bn1, self.fc1 = nn.BatchNorm1d(8 * 9), nn.Linear(8 * 9, 32)
        self.bn2, self.fc2 = nn.BatchNorm1d(32), nn.Linear(32, 4)

    def forward(self, x):
        x = BinActive.apply(self.bn1(self.conv(x).flatten(1)))    #! harmless
        return self.fc2(F.relu(self.bn2(self.fc1(x))))


torch.manual_seed(0)
model = Net()
opt, bin_op = torch.optim.Adam(model.parameters(), lr=1e-3), BinOp(model)
for step in range(3):
    bin_op.binarization()
    opt.zero_grad()
    loss = F.cross_entropy(model(torch.randn(16, 1, 8, 8)), torch.randint(4, (16,)))
    loss.backward()
    bin_op.restore()
    bin_op.update_grad()
    opt.step()
