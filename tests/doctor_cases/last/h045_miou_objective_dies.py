# STARVED: net.enc.weight net.enc.bias net.dec.weight net.dec.bias
"""Optimises mean IoU itself; the script stops in backward with PyTorch's error."""
import numpy as np
import torch
import torch.nn as nn


class SegNet(nn.Module):
    def __init__(self, classes=3):
        super().__init__()
        self.enc = nn.Conv2d(1, 8, 3, padding=1)
        self.dec = nn.Conv2d(8, classes, 1)

    def forward(self, x):
        return self.dec(torch.relu(self.enc(x)))


def confusion(pred, label, n):
    k = pred * n + label
    return np.bincount(k.ravel(), minlength=n * n).reshape(n, n)


def miou_loss(logits, label, n=3):
    pred = logits.argmax(1).cpu().numpy()                        #! harmful
    hist = confusion(pred, label.numpy(), n)
    iou = np.diag(hist) / np.maximum(hist.sum(0) + hist.sum(1) - np.diag(hist), 1)
    return torch.tensor(1.0 - iou.mean())


def fit(epochs=3):
    net = SegNet()
    opt = torch.optim.SGD(net.parameters(), lr=0.1)
    for epoch in range(epochs):
        img, mask = torch.rand(4, 1, 8, 8), torch.randint(0, 3, (4, 8, 8))
        loss = miou_loss(net(img), mask)
        opt.zero_grad()
        loss.backward()
        opt.step()


torch.manual_seed(0)
fit()
