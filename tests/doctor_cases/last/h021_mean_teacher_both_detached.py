# STARVED:
# DEAD: 20|26|27
"""Mean teacher whose consistency term was detached on the student's side as well."""
import copy
import torch
import torch.nn as nn
import torch.nn.functional as F


class Task(nn.Module):
    def __init__(self):
        super().__init__()
        self.student = nn.Sequential(nn.Linear(8, 24), nn.ReLU(), nn.Linear(24, 3))
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)

    def consistency(self, x):
        noisy = x + 0.1 * torch.randn_like(x)
        s = F.softmax(self.student(noisy), dim=1).detach()       #! dead
        t = F.softmax(self.teacher(x), dim=1).detach()
        return (s - t).square().mean()

    def training_step(self, labelled, unlabelled, step):
        x, y = labelled
        rampup = min(1.0, (step + 1) / 3)
        sup = F.cross_entropy(self.student(x), y)
        cons = self.consistency(unlabelled)
        return sup + 10.0 * rampup * cons

    @torch.no_grad()
    def ema(self, a=0.99):
        for t, s in zip(self.teacher.parameters(), self.student.parameters()):
            t.mul_(a).add_(s, alpha=1 - a)                       #! offpath


torch.manual_seed(0)
task = Task()
opt = torch.optim.Adam(task.student.parameters(), lr=3e-4)
for step in range(3):
    loss = task.training_step((torch.randn(12, 8), torch.randint(0, 3, (12,))), torch.randn(36, 8), step)
    opt.zero_grad()
    loss.backward()
    opt.step()
    task.ema()
