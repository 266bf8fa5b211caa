# STARVED: raw_noise
# VANISHING: raw_noise
# the standard deviation of injected noise is softplus(-30): it cannot grow again
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
mean = nn.Linear(5, 2)
raw_noise = nn.Parameter(torch.full((2,), -30.0))
opt = torch.optim.SGD([*mean.parameters(), raw_noise], lr=0.1)
for it in range(4):
    x = torch.randn(40, 5)
    sigma = F.softplus(raw_noise)  #! harmful
    sample = mean(x) + sigma * torch.randn(40, 2)
    loss = F.mse_loss(sample, x[:, :2])
    opt.zero_grad()
    loss.backward()
    opt.step()
