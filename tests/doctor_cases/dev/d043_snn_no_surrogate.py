# STARVED: net.fc1.weight net.fc1.bias net.beta
import torch
import torch.nn as nn
import torch.nn.functional as F


class SpikingNet(nn.Module):
    """One hidden layer of leaky integrate-and-fire neurons with a hard threshold."""

    def __init__(self, threshold=0.5):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(10, 24), nn.Linear(24, 3)
        self.beta = nn.Parameter(torch.tensor(0.9))
        self.threshold = threshold

    def forward(self, x):
        mem = torch.zeros(x.size(1), 24)
        out = 0
        for t in range(x.size(0)):
            mem = self.beta * mem + self.fc1(x[t])
            spk = (mem > self.threshold).to(mem.dtype)      #! harmful
            mem = mem - spk * self.threshold
            out = out + self.fc2(spk)
        return out


torch.manual_seed(0)
net = SpikingNet()
optimizer = torch.optim.Adam(net.parameters(), lr=5e-4)
for i in range(3):
    x, y = torch.randn(6, 16, 10), torch.randint(0, 3, (16,))
    optimizer.zero_grad()
    loss = F.cross_entropy(net(x), y)
    loss.backward()
    optimizer.step()
