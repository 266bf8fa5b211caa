# STARVED: net.stem.weight net.stem.bias
# VANISHING: net.stem.weight net.stem.bias
# every unit sits at -30, where ELU is flat: 1e-13 comes through, not 0
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Linear(10, 16)
        self.act = nn.ELU()
        self.head = nn.Linear(16, 3)
        self.stem.bias.data.sub_(30.0)

    def forward(self, x):
        return self.head(self.act(self.stem(x)))  #! harmful


torch.manual_seed(0)
net = Net()
opt = torch.optim.AdamW(net.parameters(), lr=1e-3)
for it in range(3):
    x, y = torch.randn(16, 10), torch.randint(0, 3, (16,))
    loss = nn.functional.cross_entropy(net(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
