# STARVED: net.exit_margin
# two-exit network with a "trainable" exit margin that is only read by an if
import torch
from torch import nn, optim
from torch.nn import functional as F


class TwoExit(nn.Module):
    def __init__(self):
        super().__init__()
        self.b1, self.b2 = nn.Linear(12, 16), nn.Linear(16, 16)
        self.e1, self.e2 = nn.Linear(16, 3), nn.Linear(16, 3)
        self.exit_margin = nn.Parameter(torch.tensor(0.4))
        self.exits = [0, 0]

    def forward(self, x):
        h = F.relu(self.b1(x))
        first = self.e1(h)
        top2 = first.softmax(-1).topk(2).values
        if (top2[:, 0] - top2[:, 1]).mean().detach() > self.exit_margin:       #! harmful
            self.exits[0] += 1
            return first, None
        self.exits[1] += 1
        return first, self.e2(F.relu(self.b2(h)))


torch.manual_seed(0)
net = TwoExit()
optimizer = optim.Adam(net.parameters(), lr=1e-2)
for i in range(4):
    x, y = torch.randn(20, 12), torch.randint(0, 3, (20,))
    first, second = net(x)
    loss = 0.3 * F.cross_entropy(first, y)
    if second is not None:
        loss = loss + F.cross_entropy(second, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(net.exits)
