# STARVED:
# DEAD: 33|38
import torch
import torch.nn as nn
import torch.nn.functional as F
from collections import defaultdict, OrderedDict


class MultiTaskHead(nn.Module):
    def __init__(self, d, tasks):
        super().__init__()
        self.proj = nn.ModuleDict({t: nn.Sequential(nn.Linear(d, 16), nn.GELU(), nn.Linear(16, k)) for t, k in tasks.items()})

    def forward(self, h):
        return OrderedDict((t, m(h)) for t, m in self.proj.items())


class System:
    tasks = {"pose": 3, "action": 4}

    def __init__(self):
        self.net = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.LayerNorm(32))
        self.heads = MultiTaskHead(32, self.tasks)
        self.optim = torch.optim.Adam([*self.net.parameters(), *self.heads.parameters()], lr=2e-3)
        self.history = defaultdict(list)

    def losses(self, batch):
        out = self.heads(self.net(batch["x"]))
        hit = (out["action"].argmax(-1) == batch["action"])    #! dead
        return {
            "pose": F.l1_loss(out["pose"], batch["pose"]),
            "action": F.cross_entropy(out["action"], batch["action"]),
            "action_error": 1.0 - hit.float().mean(),
        }

    def step(self, batch):
        parts = self.losses(batch)
        total = sum(parts.values())
        self.optim.zero_grad(set_to_none=True)
        total.backward()
        self.optim.step()
        for k, v in parts.items():
            self.history[k].append(float(v))    #! offpath


def batches(n, seed=3):
    g = torch.Generator().manual_seed(seed)
    for _ in range(n):
        yield {"x": torch.randn(16, 12, generator=g), "pose": torch.randn(16, 3, generator=g), "action": torch.randint(4, (16,), generator=g)}


torch.manual_seed(3)
system = System()
for batch in batches(4):
    system.step(batch)
print({k: sum(v) / len(v) for k, v in system.history.items()})
