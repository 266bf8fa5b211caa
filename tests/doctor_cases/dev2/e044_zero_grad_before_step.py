# STARVED: model.0.weight model.0.bias model.2.weight model.2.bias
# forum: "network outputs never change although loss.backward() is called" (zero_grad is in the wrong place)
import torch
import torch.nn as nn

torch.manual_seed(1)
model = nn.Sequential(nn.Linear(4, 10), nn.ReLU(), nn.Linear(10, 1))
loss_fn = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
x = torch.randn(50, 4)
y = x.sum(dim=1, keepdim=True)

for i in range(5):
    y_pred = model(x)
    loss = loss_fn(y_pred, y)
    print(i, loss.item())    #! offpath
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
