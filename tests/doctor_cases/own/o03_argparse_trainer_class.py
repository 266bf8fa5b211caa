# STARVED: trainer.gate.weight trainer.gate.bias
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
import argparse


class Trainer:
    def __init__(self, hidden):
        self.body = nn.Linear(6, hidden)
        self.gate = nn.Linear(6, hidden)
        self.head = nn.Linear(hidden, 1)
        self.opt = torch.optim.AdamW(
            [*self.body.parameters(), *self.gate.parameters(), *self.head.parameters()], lr=1e-3
        )

    def fit(self, steps):
        for _ in range(steps):
            x, y = torch.randn(16, 6), torch.randn(16, 1)
            on = torch.sigmoid(self.gate(x)).ge(0.5)  #! harmful
            out = self.head(self.body(x) * on)
            loss = F.mse_loss(out, y)
            self.opt.zero_grad(set_to_none=False)
            loss.backward()
            self.opt.step()


parser = argparse.ArgumentParser()
parser.add_argument("--hidden", type=int, default=12)
parser.add_argument("--steps", type=int, default=3)
args = parser.parse_args()
trainer = Trainer(args.hidden)
trainer.fit(args.steps)
