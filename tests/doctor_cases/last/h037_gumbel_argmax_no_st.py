# STARVED: search.theta
"""Channel-width search: Gumbel noise, then argmax, and no straight-through term."""
import torch
import torch.nn as nn
import torch.nn.functional as F


def gumbel_like(t):
    return -torch.empty_like(t).exponential_().log()


class WidthSearch(nn.Module):
    widths = (4, 8, 16)

    def __init__(self):
        super().__init__()
        self.theta = nn.Parameter(torch.zeros(3))
        masks = torch.zeros(3, 16)
        for i, w in enumerate(self.widths):
            masks[i, :w] = 1
        self.register_buffer("masks", masks)
        self.fc1, self.fc2 = nn.Linear(7, 16), nn.Linear(16, 2)

    def forward(self, x, tau):
        y = F.softmax((self.theta + gumbel_like(self.theta.data)) / tau, dim=0)
        index = torch.max(y, 0)[1]                               #! harmful
        y_hard = torch.zeros_like(y.data).scatter_(0, index.unsqueeze(0), 1.0)
        return self.fc2(F.relu(self.fc1(x)) * (y_hard @ self.masks))


torch.manual_seed(0)
search = WidthSearch()
opt = torch.optim.Adam(search.parameters(), lr=1e-2)
tau = 5.0
for epoch in range(4):
    x, y = torch.randn(32, 7), torch.randint(0, 2, (32,))
    loss = F.cross_entropy(search(x, tau), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    tau *= 0.95
