"""A classifier picks which of four regressions counts, and never learns: `argrad doctor` says why."""

import argparse

import torch
from torch import nn
from torch.nn import functional

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=2)
arguments = parser.parse_args()
torch.manual_seed(0)

# the regime of a point is its quadrant; each regime has its own slope
slopes = torch.tensor([-3.0, 1.0, 2.0, -1.0])
inputs = torch.rand(512, 2) * 2 - 1
regime = 2 * (inputs[:, 0] > 0) + (inputs[:, 1] > 0)
target = slopes[regime] * inputs.sum(1)

classifier = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 4))
regressor = nn.Linear(2, 4)
optimizer = torch.optim.Adam([*classifier.parameters(), *regressor.parameters()], lr=1e-2)

for epoch in range(arguments.epochs):
    for batch in torch.randperm(512).split(64):
        values = regressor(inputs[batch])
        probability = classifier(inputs[batch]).softmax(-1)
        soft_index = (probability * torch.arange(4.0)).sum(-1, keepdim=True)
        index = soft_index.round().long()
        value = values.gather(1, index).squeeze(1)
        loss = functional.mse_loss(value, target[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if (epoch + 1) % max(1, arguments.epochs // 2) == 0:
        print(f"epoch {epoch + 1}: loss {loss.item():.3f}")
