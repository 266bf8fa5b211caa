# STARVED: alpha
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
ops = nn.ModuleList([nn.Linear(5, 5), nn.Sequential(nn.Linear(5, 5), nn.Tanh()), nn.Identity()])
alpha = nn.Parameter(1e-3 * torch.randn(3))
head = nn.Linear(5, 2)
w_opt = torch.optim.SGD([*ops.parameters(), *head.parameters()], lr=0.05)
a_opt = torch.optim.Adam([alpha])
for step in range(3):
    x, y = torch.randn(16, 5), torch.randint(0, 2, (16,))
    chosen = int(alpha.softmax(0).argmax())  #! harmful
    out = sum(op(x) * (1.0 if i == chosen else 0.5) for i, op in enumerate(ops))
    loss = F.cross_entropy(head(out), y)
    w_opt.zero_grad()
    a_opt.zero_grad()
    loss.backward()
    w_opt.step()
    a_opt.step()
