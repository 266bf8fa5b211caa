# STARVED: params['temperature']
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
params = {
    "weight": torch.randn(6, 3, requires_grad=True),
    "temperature": torch.tensor(1.0, requires_grad=True),
}
opt = torch.optim.Adam(params.values(), lr=0.05)
x, y = torch.randn(30, 6), torch.randint(0, 3, (30,))
for step in range(3):
    t = max(0.1, float(params["temperature"]))  #! harmful
    loss = F.cross_entropy(x @ params["weight"] / t, y)
    opt.zero_grad()
    loss.backward()
    opt.step()
