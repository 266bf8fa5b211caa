# STARVED:
# quantisation-aware training: observers are buffers, rounding is straight-through by the detach trick
import torch, torch.nn as nn, torch.nn.functional as F


class FakeQuant(nn.Module):
    def __init__(self, bits=8, momentum=0.1):
        super().__init__()
        self.levels, self.momentum = 2 ** bits - 1, momentum
        self.register_buffer("lo", torch.tensor(0.0))
        self.register_buffer("hi", torch.tensor(0.0))

    def forward(self, x):
        if self.training:
            with torch.no_grad():
                self.lo.lerp_(x.min(), self.momentum)       #! harmless
                self.hi.lerp_(x.max(), self.momentum)       #! harmless
        scale = ((self.hi - self.lo) / self.levels).clamp(min=1e-8)
        zero = torch.round(-self.lo / scale)
        q = torch.clamp(torch.round(x / scale + zero), 0, self.levels)      #! harmless
        dq = (q - zero) * scale
        return x + (dq - x).detach()                        #! harmless


class QLinear(nn.Linear):
    def __init__(self, i, o):
        super().__init__(i, o)
        self.wq, self.aq = FakeQuant(4), FakeQuant(8)

    def forward(self, x):
        return F.linear(self.aq(x), self.wq(self.weight), self.bias)


torch.manual_seed(0)
model = nn.Sequential(QLinear(10, 24), nn.ReLU(), QLinear(24, 3))
opt = torch.optim.SGD(model.parameters(), lr=0.05)
for step in range(3):
    x, y = torch.randn(32, 10), torch.randint(0, 3, (32,))
    loss = F.cross_entropy(model(x), y)
    opt.zero_grad(); loss.backward(); opt.step()
