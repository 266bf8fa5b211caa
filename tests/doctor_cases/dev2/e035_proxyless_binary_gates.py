# STARVED: supernet.cells.0.arch_logits supernet.cells.1.arch_logits
import torch
import torch.nn as nn
import torch.nn.functional as F

OPS = {
    "skip": lambda c: nn.Identity(),
    "conv3": lambda c: nn.Sequential(nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c), nn.ReLU()),
    "conv5": lambda c: nn.Sequential(nn.Conv2d(c, c, 5, padding=2, bias=False), nn.BatchNorm2d(c), nn.ReLU()),
    "pool": lambda c: nn.AvgPool2d(3, 1, 1),
}


class MixedEdge(nn.Module):
    """One path is sampled at a time (binary gates)."""

    def __init__(self, c):
        super().__init__()
        self.ops = nn.ModuleList(make(c) for make in OPS.values())
        self.arch_logits = nn.Parameter(1e-3 * torch.randn(len(OPS)))

    def forward(self, x):
        probs = F.softmax(self.arch_logits, dim=0)
        sampled = torch.multinomial(probs, 1)    #! harmful
        gates = torch.zeros_like(probs).scatter_(0, sampled, 1.0)
        return sum(g * op(x) for g, op in zip(gates, self.ops))


class SuperNet(nn.Module):
    def __init__(self, c=8, classes=4, n=2):
        super().__init__()
        self.stem = nn.Conv2d(3, c, 3, padding=1)
        self.cells = nn.ModuleList(MixedEdge(c) for _ in range(n))
        self.classifier = nn.Linear(c, classes)

    def forward(self, x):
        x = self.stem(x)
        for cell in self.cells:
            x = cell(x)
        return self.classifier(F.relu(x).mean((2, 3)))

    def arch_parameters(self):
        return [p for n, p in self.named_parameters() if "arch" in n]

    def weight_parameters(self):
        return [p for n, p in self.named_parameters() if "arch" not in n and "ops" not in n]


torch.manual_seed(0)
supernet = SuperNet()
w_opt = torch.optim.SGD(supernet.weight_parameters(), lr=0.025, momentum=0.9)
a_opt = torch.optim.Adam(supernet.arch_parameters(), lr=3e-4, betas=(0.5, 0.999), weight_decay=1e-3)
for step in range(4):
    for opt in (a_opt, w_opt):
        x, y = torch.randn(8, 3, 8, 8), torch.randint(4, (8,))
        w_opt.zero_grad(); a_opt.zero_grad()
        F.cross_entropy(supernet(x), y).backward()
        opt.step()
print([c.arch_logits.argmax().item() for c in supernet.cells])    #! offpath
