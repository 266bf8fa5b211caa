# STARVED: threshold
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
def forward(x, weight, threshold):
    keep = (x.abs() > threshold).float()  #! harmful
    return (x * keep) @ weight


weight = torch.randn(5, 1, requires_grad=True)
threshold = torch.tensor(0.2, requires_grad=True)
x, y = torch.randn(40, 5), torch.randn(40, 1)
for step in range(4):
    loss = F.mse_loss(forward(x, weight, threshold), y)
    loss.backward()
    with torch.no_grad():
        weight = (weight - 0.1 * weight.grad).requires_grad_()
