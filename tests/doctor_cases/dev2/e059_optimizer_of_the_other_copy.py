# STARVED: model.0.weight model.0.bias model.2.weight model.2.bias
# the best weights are restored by rebinding a deep copy; the optimizer still holds the first model
import copy
import torch
import torch.nn as nn

torch.manual_seed(0)


def build():
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 1))


model = build()
opt = torch.optim.SGD(model.parameters(), lr=0.1)
worker = copy.deepcopy(model)
best = float("inf")
for epoch in range(4):
    x = torch.randn(32, 6)
    y = x[:, :1] * 2
    pred = worker(x)
    loss = nn.functional.mse_loss(pred, y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if loss.item() < best:    #! offpath
        best = loss.item()    #! offpath
        best_state = copy.deepcopy(worker.state_dict())
print(best)
