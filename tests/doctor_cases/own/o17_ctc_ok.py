# STARVED: 
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
net = nn.LSTM(5, 12, batch_first=True, bidirectional=True)
out = nn.Linear(24, 7)
opt = torch.optim.Adam([*net.parameters(), *out.parameters()])
for step in range(3):
    x, y = torch.randn(4, 20, 5), torch.randint(1, 7, (4, 5))
    logp = out(net(x)[0]).log_softmax(-1)
    loss = F.ctc_loss(logp.transpose(0, 1), y, torch.full((4,), 20), torch.full((4,), 5))
    greedy = logp.argmax(-1)  #! offpath
    opt.zero_grad()
    loss.backward()
    opt.step()
