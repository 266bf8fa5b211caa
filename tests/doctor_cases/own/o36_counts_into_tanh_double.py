# STARVED: model.0.weight model.0.bias
# VANISHING: model.0.weight model.0.bias
# double precision, and features that were never normalised: tanh' is around 1e-15
import torch
from torch import nn

torch.manual_seed(3)
model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).double()
with torch.no_grad():
    model[0].weight.copy_(torch.tensor([[1.0, 1, 1], [1, 0.5, 1], [-1, -1, -0.5], [0.7, 1, 1]]))
optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
for step in range(4):
    x = 6 + torch.rand(20, 3, dtype=torch.double)
    loss = (model(x) - x[:, :1]).pow(2).mean()  #! harmful
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
