# STARVED: 
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
rnn, head = nn.GRU(4, 8), nn.Linear(8, 1)
opt = torch.optim.RMSprop([*rnn.parameters(), *head.parameters()])
h = torch.zeros(1, 3, 8)
for step in range(4):
    x, y = torch.randn(6, 3, 4), torch.randn(6, 3, 1)
    out, h = rnn(x, h.detach())  #! harmless
    loss = F.mse_loss(head(out), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
