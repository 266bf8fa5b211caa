# STARVED:
"""Hinton distillation; the teacher's entropy is a constant of the loss, and that is right."""
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
teacher = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 5)).eval()
student = nn.Sequential(nn.Linear(10, 8), nn.ReLU(), nn.Linear(8, 5))
opt = torch.optim.SGD(student.parameters(), lr=0.1, nesterov=True, momentum=0.9)
T, alpha = 4.0, 0.7


def kd_loss(s_logits, t_logits):
    p = F.softmax(t_logits / T, dim=1)
    cross = -(p * F.log_softmax(s_logits / T, dim=1)).sum(1).mean()
    entropy = -(p * p.log()).sum(1).mean()
    return (cross - entropy) * T * T


for step in range(3):
    x, y = torch.randn(32, 10), torch.randint(0, 5, (32,))
    with torch.no_grad():
        t_logits = teacher(x)
    s_logits = student(x)
    loss = alpha * kd_loss(s_logits, t_logits) + (1 - alpha) * F.cross_entropy(s_logits, y)
    agree = (s_logits.argmax(1) == t_logits.argmax(1)).float().mean().item()      #! offpath
    opt.zero_grad()
    loss.backward()
    opt.step()
    print(f"step {step} loss {loss.item():.3f} agreement {agree:.2f}")            #! offpath
