# STARVED: model.conv.weight model.fc.weight
"""Learned-step-size quantisation without the straight-through rounding: only the step sizes learn."""
import torch
import torch.nn as nn
import torch.nn.functional as F


def quantize(w, step, bits=4):
    q_max = 2 ** (bits - 1) - 1
    scaled = torch.clamp(w / step.detach(), -q_max - 1, q_max)       #! partial
    return torch.round(scaled) * step                       #! harmful


class QuantNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 6, 3)
        self.fc = nn.Linear(6 * 36, 4)
        self.conv_step = nn.Parameter(torch.tensor(0.05))
        self.fc_step = nn.Parameter(torch.tensor(0.02))

    def forward(self, x):
        x = F.relu(F.conv2d(x, quantize(self.conv.weight, self.conv_step), self.conv.bias))
        return F.linear(x.flatten(1), quantize(self.fc.weight, self.fc_step), self.fc.bias)


torch.manual_seed(0)
model = QuantNet()
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(3):
    x, y = torch.randn(16, 1, 8, 8), torch.randint(0, 4, (16,))
    loss = F.cross_entropy(model(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
