# STARVED:
# names that hold a tensor in the sum, and its number afterwards for the log
import torch
from torch import nn


class Trainer:
    def __init__(self):
        self.net = nn.Linear(6, 3)
        self.opt = torch.optim.SGD(self.net.parameters(), lr=0.1)
        self.offset = 0.25

    def step(self, x, y):
        self.loss = nn.functional.cross_entropy(self.net(x), y)
        penalty = self.net.weight.pow(2).mean()
        total = self.loss + self.offset
        total = total + 0.01 * penalty
        self.opt.zero_grad()
        total.backward()
        self.opt.step()
        penalty, total, self.loss = penalty.item(), total.item(), self.loss.item()
        return total


torch.manual_seed(0)
trainer = Trainer()
for step in range(3):
    trainer.step(torch.randn(16, 6), torch.randint(0, 3, (16,)))
