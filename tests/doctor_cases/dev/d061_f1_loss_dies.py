# STARVED: model.0.weight model.0.bias model.2.weight model.2.bias
"""Trains "directly on F1": backward fails, because nothing in the loss requires gradient."""
import torch
import torch.nn as nn


class F1Loss(nn.Module):
    def forward(self, logits, y):
        pred = torch.round(torch.sigmoid(logits)).int()     #! harmful
        tp = (pred * y).sum().float()
        precision = tp / pred.sum().clamp(min=1)
        recall = tp / y.sum().clamp(min=1)
        return 1 - 2 * precision * recall / (precision + recall + 1e-7)


def main():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters())
    criterion = F1Loss()
    for epoch in range(3):
        x, y = torch.randn(64, 10), torch.randint(0, 2, (64, 1))
        loss = criterion(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


main()
