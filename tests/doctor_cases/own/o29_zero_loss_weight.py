# STARVED: aux.weight aux.bias
# DEAD: 16
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
body, head, aux = nn.Linear(5, 8), nn.Linear(8, 3), nn.Linear(8, 2)
opt = torch.optim.Adam([*body.parameters(), *head.parameters(), *aux.parameters()])
aux_weight = 0.0
for step in range(3):
    x, y, z = torch.randn(12, 5), torch.randint(0, 3, (12,)), torch.randn(12, 2)
    h = torch.relu(body(x))
    main = F.cross_entropy(head(h), y)
    extra = F.mse_loss(aux(h), z)
    loss = main + aux_weight * extra  #! harmful
    opt.zero_grad()
    loss.backward()
    opt.step()
