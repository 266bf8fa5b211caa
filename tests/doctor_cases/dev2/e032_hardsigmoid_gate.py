# STARVED: model.gate.0.weight model.gate.0.bias model.gate.2.weight model.gate.2.bias
import torch
import torch.nn as nn
import torch.nn.functional as F


class SEGate(nn.Sequential):
    def __init__(self, c, r=4, init_bias=4.0):
        super().__init__(nn.Linear(c, c // r), nn.ReLU(), nn.Linear(c // r, c))
        nn.init.constant_(self[2].bias, init_bias)    # start open, as in highway networks
        nn.init.normal_(self[2].weight, std=1e-3)


class MobileBlockNet(nn.Module):
    def __init__(self, c=16, classes=4):
        super().__init__()
        self.conv = nn.Conv2d(3, c, 3, 2, 1)
        self.dw = nn.Conv2d(c, c, 3, 1, 1, groups=c)
        self.gate = SEGate(c)
        self.head = nn.Linear(c, classes)

    def forward(self, x):
        x = F.hardswish(self.conv(x))
        x = F.hardswish(self.dw(x))
        s = self.gate(x.mean((2, 3)))
        x = x * F.hardsigmoid(s)[:, :, None, None]    #! harmful
        return self.head(x.mean((2, 3)))


class Meter:
    def __init__(self):
        self.sum = self.n = 0

    def update(self, v, n=1):
        self.sum += v * n
        self.n += n

    @property
    def avg(self):
        return self.sum / max(1, self.n)


def main(epochs=2, iters=3, bs=8):
    torch.manual_seed(0)
    model = MobileBlockNet()
    opt = torch.optim.RMSprop(model.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-5)
    sched = torch.optim.lr_scheduler.ExponentialLR(opt, 0.97)
    for epoch in range(epochs):
        losses, top1 = Meter(), Meter()
        for _ in range(iters):
            x, y = torch.randn(bs, 3, 16, 16), torch.randint(4, (bs,))
            out = model(x)
            loss = F.cross_entropy(out, y, label_smoothing=0.1)
            opt.zero_grad(); loss.backward(); opt.step()
            losses.update(loss.item(), bs)    #! offpath
            top1.update((out.argmax(1) == y).float().mean().item(), bs)    #! offpath
        sched.step()
        print(f"{epoch} loss {losses.avg:.3f} acc {top1.avg:.3f}")


if __name__ == "__main__":
    main()
