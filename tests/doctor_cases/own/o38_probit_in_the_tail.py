# STARVED: ability difficulty
# VANISHING: ability difficulty
# item response with a probit link; abilities start ten units above the difficulties; squared error on the probability
import torch
from torch import nn
from torch.distributions import Normal

torch.manual_seed(0)
ability = nn.Parameter(torch.full((12,), -5.5))
difficulty = nn.Parameter(torch.zeros(9))
guess = nn.Parameter(torch.tensor(0.1))
optimizer = torch.optim.SGD([ability, difficulty, guess], lr=0.1)
right = (torch.rand(12, 9) < 0.5).float()
for step in range(3):
    p = Normal(0.0, 1.0).cdf(ability[:, None] - difficulty)  #! harmful
    loss = (guess + (1 - guess) * p - right).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
