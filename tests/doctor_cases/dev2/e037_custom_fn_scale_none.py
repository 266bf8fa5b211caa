# STARVED: net.0.scale net.2.scale
import torch
from torch import nn


class FakeQuant(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, scale, qmin, qmax):
        q = torch.clamp(torch.round(x / scale), qmin, qmax)
        ctx.save_for_backward((x / scale >= qmin) & (x / scale <= qmax))
        return q * scale

    @staticmethod
    def backward(ctx, grad):
        inside, = ctx.saved_tensors
        return grad * inside, None, None, None


class QLinear(nn.Linear):
    def __init__(self, i, o, bits=4):
        super().__init__(i, o)
        self.qmin, self.qmax = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
        self.scale = nn.Parameter(self.weight.detach().abs().max() / self.qmax)

    def forward(self, x):
        w = FakeQuant.apply(self.weight, self.scale, self.qmin, self.qmax)    #! harmful
        return nn.functional.linear(x, w, self.bias)


def train(net, batches, lr=1e-3, accumulate=2):
    opt = torch.optim.AdamW(net.parameters(), lr=lr)
    opt.zero_grad()
    for i, (x, y) in enumerate(batches):
        loss = nn.functional.huber_loss(net(x), y)
        (loss / accumulate).backward()
        if (i + 1) % accumulate == 0:
            opt.step()
            opt.zero_grad()
    return loss


if __name__ == "__main__":
    torch.manual_seed(0)
    net = nn.Sequential(QLinear(8, 32), nn.ReLU(), QLinear(32, 2))
    batches = [(torch.randn(32, 8), torch.randn(32, 2)) for _ in range(8)]
    print("final", train(net, batches).item())    #! offpath
