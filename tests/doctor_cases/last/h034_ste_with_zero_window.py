# STARVED: model.0.linear.weight model.0.linear.bias model.1.linear.weight model.1.linear.bias
"""Hashing network; the straight-through window is on the wrong side, and backward gives zeros."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class HashSign(torch.autograd.Function):
    @staticmethod
    def forward(ctx, u, width):
        ctx.save_for_backward(u)
        ctx.width = width
        return torch.where(u >= 0, torch.ones_like(u), -torch.ones_like(u))

    @staticmethod
    def backward(ctx, g):
        u, = ctx.saved_tensors
        window = u.abs().lt(-ctx.width)          # never true
        return g * window, None


class HashLayer(nn.Module):
    def __init__(self, i, o, hash=False):
        super().__init__()
        self.linear, self.hash = nn.Linear(i, o), hash

    def forward(self, x):
        h = self.linear(x)
        if self.hash:
            return HashSign.apply(h, 1.0)                        #! harmful
        return F.relu(h)


torch.manual_seed(0)
model = nn.Sequential(HashLayer(16, 24), HashLayer(24, 8, hash=True), nn.Linear(8, 5))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for _ in range(3):
    images, labels = torch.randn(32, 16), torch.randint(0, 5, (32,))
    loss = F.cross_entropy(model(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
