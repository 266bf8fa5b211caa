# STARVED: student.weight student.bias
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
student, proj = nn.Linear(6, 4), nn.Linear(4, 4)
opt = torch.optim.Adam([*student.parameters(), *proj.parameters()])


def embed(x):
    with torch.no_grad():
        return F.normalize(student(x), dim=1)  #! harmful


for step in range(3):
    x = torch.randn(16, 6)
    z1, z2 = embed(x), embed(x + 0.1 * torch.randn_like(x))
    loss = (1 - F.cosine_similarity(proj(z1), z2)).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
