# STARVED: net.conv.weight net.conv.bias
# VANISHING: net.conv.weight net.conv.bias
# soft-argmax of heat maps whose peak stands 30 above the rest: no underflow to 0, and nothing left to learn from
import torch
from torch import nn


class Keypoint(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, padding=1)
        self.register_buffer("grid", torch.linspace(0, 1, size))

    def forward(self, image):
        heat = self.conv(image).flatten(1)
        weight = torch.softmax(heat * 40, dim=1)  #! harmful
        return (weight.view(-1, 8, 8).sum(1) * self.grid).sum(1)


torch.manual_seed(0)
net = Keypoint(8)
with torch.no_grad():
    net.conv.weight.zero_()
    net.conv.weight[0, 0, 1, 1] = 1.0
scale = nn.Parameter(torch.ones(()))
optimizer = torch.optim.SGD([*net.parameters(), scale], lr=0.1)
for step in range(3):
    place = torch.randint(0, 64, (16,))
    image = torch.eye(64)[place].view(16, 1, 8, 8)
    loss = (net(image) * scale - (place % 8) / 7 + 0.1).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
