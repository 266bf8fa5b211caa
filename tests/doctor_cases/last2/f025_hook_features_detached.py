# STARVED:
# DEAD: 53|54
"""Attention transfer between student and teacher, features are caught with forward hooks."""
import functools
import logging
from typing import Dict, List

import torch
from torch import Tensor, nn
import torch.nn.functional as F

log = logging.getLogger(__name__)


class FeatureTap:
    """Catches the outputs of named submodules."""

    def __init__(self, model: nn.Module, names: List[str]) -> None:
        self.features: Dict[str, Tensor] = {}
        modules = dict(model.named_modules())
        self.handles = [modules[n].register_forward_hook(functools.partial(self._hook, n)) for n in names]

    def _hook(self, name: str, module: nn.Module, inputs, output: Tensor) -> None:
        self.features[name] = output.detach()    #! dead

    def close(self) -> None:
        for h in self.handles:
            h.remove()


def make_cnn(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, width, 3, 2, 1), nn.BatchNorm2d(width), nn.ReLU(),
                         nn.Conv2d(width, 2 * width, 3, 2, 1), nn.BatchNorm2d(2 * width), nn.ReLU(),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2 * width, 5))


def attention_map(f: Tensor) -> Tensor:
    return F.normalize(f.pow(2).mean(1).flatten(1))


def fit(steps: int = 4, beta: float = 1e3) -> float:
    torch.manual_seed(0)
    teacher, student = make_cnn(16).eval(), make_cnn(4)
    teacher.requires_grad_(False)
    taps = [FeatureTap(m, ["2", "5"]) for m in (teacher, student)]
    opt = torch.optim.SGD(student.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    for step in range(steps):
        x, y = torch.randn(8, 3, 12, 12), torch.randint(5, (8,))
        with torch.no_grad():
            teacher(x)
        logits = student(x)
        t, s = (tap.features for tap in taps)
        at = torch.stack([(attention_map(s[k]) - attention_map(t[k])).pow(2).mean() for k in t]).sum()
        loss = F.cross_entropy(logits, y) + beta / 2 * at
        opt.zero_grad()
        loss.backward()
        opt.step()
        log.info("step %d ce+at %.4f at %.5f", step, loss.item(), at.item())    #! offpath
    for tap in taps:
        tap.close()
    return loss.item()    #! offpath


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    print(fit())
