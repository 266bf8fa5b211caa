# STARVED:
# DEAD: 28
# the spread of the codes is kept in a history of numbers, and the history's mean is a term of the loss
import torch
from torch import nn


class Spread:
    def __init__(self):
        self.values = []

    def note(self, codes):
        self.values.append(codes.var(0).mean().item())  #! dead

    def penalty(self):
        return max(0.0, 2.0 - sum(self.values) / len(self.values))


torch.manual_seed(0)
encoder, decoder = nn.Linear(6, 3), nn.Linear(3, 6)
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
spread = Spread()
for step in range(3):
    x = torch.randn(20, 6)
    codes = encoder(x)
    spread.note(codes)
    loss = (decoder(codes) - x).pow(2).mean()
    loss += 0.5 * spread.penalty()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
