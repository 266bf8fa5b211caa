# STARVED: 
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
teacher = nn.Linear(6, 4)
for p in teacher.parameters():
    p.requires_grad = False
student = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4))
opt = torch.optim.Adam(student.parameters())
for step in range(3):
    x, y = torch.randn(32, 6), torch.randint(0, 4, (32,))
    s, t = student(x), teacher(x)
    loss = F.cross_entropy(s, y) + 4 * F.kl_div((s / 2).log_softmax(1), (t / 2).softmax(1), reduction="batchmean")
    opt.zero_grad()
    loss.backward()
    opt.step()
