# STARVED:
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
off_diagonal = lambda m: m.flatten()[:-1].view(m.size(0) - 1, m.size(0) + 1)[:, 1:].flatten()


class LARS(torch.optim.Optimizer):
    def __init__(self, params, lr, momentum=0.9, eta=0.001):
        super().__init__(params, dict(lr=lr, momentum=momentum, eta=eta))

    @torch.no_grad()
    def step(self):
        for g in self.param_groups:
            for p in g["params"]:
                dp = p.grad
                if dp is None:
                    continue
                if p.ndim != 1:
                    pn, un = torch.norm(p), torch.norm(dp)
                    one = torch.ones_like(pn)
                    dp = dp.mul(torch.where(pn > 0.0, torch.where(un > 0, g["eta"] * pn / un, one), one))
                state = self.state[p]
                if "mu" not in state:
                    state["mu"] = torch.zeros_like(p)
                mu = state["mu"]
                mu.mul_(g["momentum"]).add_(dp)
                p.add_(mu, alpha=-g["lr"])


class VICReg(nn.Module):
    def __init__(self, d=12, h=32, e=24):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(d, h), nn.BatchNorm1d(h), nn.ReLU())
        self.projector = nn.Sequential(nn.Linear(h, e), nn.BatchNorm1d(e), nn.ReLU(), nn.Linear(e, e, bias=False))
        self.num_features = e

    def forward(self, x, y):
        reps = self.backbone(x)
        x, y = self.projector(reps), self.projector(self.backbone(y))
        repr_loss = F.mse_loss(x, y)
        x, y = x - x.mean(dim=0), y - y.mean(dim=0)
        std_x, std_y = torch.sqrt(x.var(dim=0) + 1e-4), torch.sqrt(y.var(dim=0) + 1e-4)
        std_loss = torch.mean(F.relu(1 - std_x)) / 2 + torch.mean(F.relu(1 - std_y)) / 2
        cov_x, cov_y = (x.T @ x) / (len(x) - 1), (y.T @ y) / (len(y) - 1)
        cov_loss = off_diagonal(cov_x).pow_(2).sum().div(self.num_features) + off_diagonal(cov_y).pow_(2).sum().div(self.num_features)
        return 25 * repr_loss + 25 * std_loss + cov_loss, reps


model, probe = VICReg(), nn.Linear(32, 3)
optimizer = LARS(model.parameters(), lr=0.2)
probe_opt = torch.optim.Adam(probe.parameters(), lr=1e-2)
for step in range(4):
    base, label = torch.randn(32, 12), torch.randint(3, (32,))
    optimizer.zero_grad()
    loss, reps = model(base + 0.1 * torch.randn_like(base), base + 0.1 * torch.randn_like(base))
    loss.backward()
    optimizer.step()
    probe_loss = F.cross_entropy(probe(reps.detach()), label)    #! harmless
    probe_opt.zero_grad()
    probe_loss.backward()
    probe_opt.step()
    print(step, loss.item(), probe_loss.item())    #! offpath
