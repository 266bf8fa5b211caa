# STARVED:
import torch
import torch.nn as nn


class FastSigmoid(torch.autograd.Function):
    """Spike forward, a fast sigmoid's slope backward."""

    @staticmethod
    def forward(ctx, u):
        ctx.save_for_backward(u)
        return (u > 0).float()

    @staticmethod
    def backward(ctx, grad):
        (u,) = ctx.saved_tensors
        return grad / (25 * u.abs() + 1) ** 2


spike = FastSigmoid.apply


class LIF(nn.Module):
    def __init__(self, beta):
        super().__init__()
        self.beta = nn.Parameter(torch.tensor(beta))
        self.threshold = nn.Parameter(torch.tensor(1.0))

    def forward(self, cur, mem):
        reset = (mem > self.threshold).float()              #! harmless
        mem = self.beta.clamp(0, 1) * mem + cur - reset * self.threshold
        return spike(mem - self.threshold), mem


torch.manual_seed(0)
fc1, lif1, fc2, lif2 = nn.Linear(12, 20), LIF(0.8), nn.Linear(20, 4), LIF(0.8)
params = nn.ModuleList([fc1, lif1, fc2, lif2]).parameters()
optimizer = torch.optim.Adam(params, lr=2e-3, betas=(0.9, 0.999))
loss_fn = nn.CrossEntropyLoss()
for it in range(3):
    data, targets = torch.rand(5, 16, 12) * 4, torch.randint(0, 4, (16,))
    mem1, mem2, loss, count = torch.zeros(16, 20), torch.zeros(16, 4), torch.zeros(1), 0
    for step in range(5):
        spk1, mem1 = lif1(fc1(data[step]), mem1)
        spk2, mem2 = lif2(fc2(spk1), mem2)
        loss += loss_fn(mem2, targets)
        count = count + spk2.detach()                       #! offpath
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print((count.argmax(1) == targets).float().mean().item())
