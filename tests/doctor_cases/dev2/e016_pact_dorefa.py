# STARVED:
import torch
import torch.nn as nn
import torch.nn.functional as F


class uniform_quantize(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input, k):
        n = float(2 ** k - 1)
        return torch.round(input * n) / n

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.clone(), None


def weight_quantize(w, k):
    w = torch.tanh(w)
    w = w / (2 * w.abs().max().detach()) + 0.5    #! harmless
    return 2 * uniform_quantize.apply(w, k) - 1    #! harmless


class PACT(nn.Module):
    def __init__(self, k, alpha=3.0):
        super().__init__()
        self.k, self.alpha = k, nn.Parameter(torch.tensor(alpha))

    def forward(self, x):
        y = 0.5 * (x.abs() - (x - self.alpha).abs() + self.alpha)
        return uniform_quantize.apply(y / self.alpha, self.k) * self.alpha    #! harmless


class QConv(nn.Conv2d):
    def forward(self, x):
        return F.conv2d(x, weight_quantize(self.weight, 4), self.bias, self.stride, self.padding)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), PACT(4, 1.0),
                                      QConv(8, 16, 3, padding=1), nn.BatchNorm2d(16), PACT(4, 1.0), nn.AdaptiveAvgPool2d(1))
        self.fc = nn.Linear(16, 4)

    def forward(self, x):
        return self.fc(self.features(x).flatten(1))


def main():
    torch.manual_seed(3)
    net = Net()
    alphas = [p for n, p in net.named_parameters() if n.endswith("alpha")]
    rest = [p for n, p in net.named_parameters() if not n.endswith("alpha")]
    opt = torch.optim.SGD([{"params": rest}, {"params": alphas, "lr": 0.01, "weight_decay": 1e-2}], lr=0.1, momentum=0.9, nesterov=True)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 4)
    best_acc = 0.0
    for epoch in range(4):
        x, y = torch.randn(16, 1, 8, 8), torch.randint(4, (16,))
        out = net(x)
        loss = F.cross_entropy(out, y, label_smoothing=0.1)
        opt.zero_grad(); loss.backward(); opt.step(); sched.step()
        prec1 = (out.topk(1, 1)[1].t() == y).float().sum().mul_(100 / len(y)).item()    #! offpath
        best_acc = max(prec1, best_acc)
    print("best", best_acc)


if __name__ == "__main__":
    main()
