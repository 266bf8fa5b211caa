"""How wrong and how noisy is each estimator? Relative bias and variance on costs of growing degree.

Three independent variables of four options, 64 joint states. The truth comes from enumeration; so do the mean and
variance of estimators that draw nothing but vertices, else they come from 2,000 to 10,000 draws (marked ~).
Medians over random problems.

    relative bias       ‖E[ĝ] − ∇‖ / ‖∇‖
    relative variance   E‖ĝ − E[ĝ]‖² / ‖∇‖², summed over the twelve scores

Run: python benchmarks/estimator_bias.py; it writes benchmarks/results/estimator_bias.json.
"""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch

import argrad
from argrad.core import VertexEstimator, exact
from argrad.noise import Gumbel

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from argrad.core import Estimator

PROBLEMS, VARIABLES, OPTIONS, DRAWS = 5, 3, 4, 10_000
STATES = torch.eye(OPTIONS, dtype=torch.float64)[torch.cartesian_prod(*[torch.arange(OPTIONS)] * VARIABLES)]


@dataclass(frozen=True)
class Entry:
    """An estimator, what it is called in the table, and how many costs it evaluates for one gradient."""

    name: str
    grad: Estimator
    evaluations: int = 1
    draws: int = 0  # 0: its mean and variance are had by enumeration


ENTRIES = [
    Entry("StraightThrough, argmax", argrad.StraightThrough()),
    Entry("Interpolation(step=1), argmax", argrad.Interpolation(1.0)),
    Entry("Relaxed (softmax)", argrad.Relaxed()),
    Entry("Identity", argrad.Identity()),
    Entry("StraightThrough", argrad.StraightThrough()),
    Entry("StraightThrough(temperature=2)", argrad.StraightThrough(2.0)),
    Entry("ReinMax", argrad.ReinMax()),
    Entry("ReinMax(temperature=1.5)", argrad.ReinMax(1.5)),
    Entry("GappedStraightThrough", argrad.GappedStraightThrough()),
    Entry("Spigot(step=1)", argrad.Spigot(1.0)),
    Entry("Relaxed(noise=Gumbel())", argrad.Relaxed(noise=Gumbel()), draws=DRAWS),
    Entry("StraightThrough(noise=Gumbel())", argrad.StraightThrough(noise=Gumbel()), draws=DRAWS),
    Entry("GumbelRao(samples=10)", argrad.GumbelRao(10), draws=DRAWS),
    Entry("GumbelRao(samples=10, temperature=0.5)", argrad.GumbelRao(10, 0.5), draws=DRAWS),
    Entry("ImplicitMLE(step=1)", argrad.ImplicitMLE(1.0), draws=DRAWS),
    Entry("Perturbed(samples=10)", argrad.Perturbed(samples=10), draws=DRAWS),
    Entry("ScoreFunction(samples=1)", argrad.ScoreFunction(1), 1),
    Entry("ScoreFunction(samples=2)", argrad.ScoreFunction(2), 2),
    Entry("ScoreFunction(samples=12)", argrad.ScoreFunction(12), 12, draws=DRAWS),
    Entry("UnorderedSet(samples=4)", argrad.UnorderedSet(4), 4, draws=DRAWS // 5),
    Entry("IndeCateR()", argrad.IndeCateR(), 12),
    Entry("Enumerate()", argrad.Enumerate(), 64),
]


def costs(seed: int) -> dict[str, Callable[[Tensor], Tensor]]:
    """Random costs of the vertices (*, 3, 4), by how they curve."""
    draw = partial(torch.randn, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    weight, table, matrix = draw(VARIABLES, OPTIONS), draw(OPTIONS, OPTIONS, OPTIONS), draw(12, 12)

    def score(y: Tensor) -> Tensor:
        return (y * weight).sum((-2, -1))

    return {
        "linear": score,
        "multilinear": lambda y: torch.einsum("ijk,...i,...j,...k->...", table, *y.unbind(-2)),
        "quadratic": lambda y: ((y.flatten(-2) @ matrix) * y.flatten(-2)).sum(-1),
        "cubic": lambda y: score(y) ** 3,
        "quartic": lambda y: score(y) ** 4,
    }


def probability(scores: Tensor, vertices: Tensor) -> Tensor:
    return (torch.softmax(scores, -1) * vertices).sum(-1).prod(-1)


def true_gradient(cost: Callable[[Tensor], Tensor], scores: Tensor) -> Tensor:
    leaf = scores.clone().requires_grad_()
    return torch.autograd.grad((probability(leaf, STATES) * cost(STATES)).sum(), leaf)[0]


def gradients(entry: Entry, cost: Callable[[Tensor], Tensor], scores: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Give the gradients that the estimator can give, (n, 3, 4), and the weight of each."""
    generator = torch.Generator().manual_seed(seed)
    alone = torch.ones(1, dtype=torch.float64)
    if "argmax" in entry.name or entry.grad == argrad.Relaxed():
        leaf = scores.clone().requires_grad_()
        return torch.autograd.grad(cost(argrad.argmax(leaf, grad=entry.grad)), leaf)[0][None], alone
    if entry.draws:
        leaf = scores.expand(entry.draws, *scores.shape).clone().requires_grad_()
        total = argrad.expect(cost, leaf, grad=entry.grad, generator=generator).sum()
        return torch.autograd.grad(total, leaf)[0], (alone / entry.draws).expand(entry.draws)
    if isinstance(entry.grad, VertexEstimator):
        leaf = scores.expand(len(STATES), *scores.shape).clone().requires_grad_()
        y = exact(STATES, entry.grad.carry(argrad.one_hot, leaf, STATES))
        return torch.autograd.grad(cost(y).sum(), leaf)[0], probability(scores, STATES)
    return _by_tuples(entry.grad, cost, scores)


def _by_tuples(grad: Estimator, cost: Callable[[Tensor], Tensor], scores: Tensor) -> tuple[Tensor, Tensor]:
    """Every tuple of draws that the estimator could have asked for."""
    samples = getattr(grad, "samples", 1)
    index = torch.cartesian_prod(*[torch.arange(len(STATES))] * samples).view(-1, samples)
    leaf = scores.expand(len(index), *scores.shape).clone().requires_grad_()
    drawn = STATES[index].movedim(1, 0)
    choice = replace(argrad.one_hot, sample=lambda _scores, _samples, _generator: drawn)
    total = grad.expect(choice, cost, (leaf,), None).sum()
    return torch.autograd.grad(total, leaf)[0], probability(scores, STATES)[index].prod(-1)


def measure(entry: Entry, cost: Callable[[Tensor], Tensor], scores: Tensor, seed: int) -> tuple[float, float]:
    truth = true_gradient(cost, scores)
    given, weight = gradients(entry, cost, scores, seed)
    mean = torch.einsum("n,nvk->vk", weight, given)
    variance = (weight * (given - mean).square().sum((-2, -1))).sum()
    scale = truth.norm()
    return ((mean - truth).norm() / scale).item(), (variance / scale**2).item()


def run() -> dict[str, dict[str, dict[str, float]]]:
    """Entry → cost → median and worst bias, median variance."""
    table: dict[str, dict[str, dict[str, float]]] = {}
    for entry in ENTRIES:
        found: dict[str, list[tuple[float, float]]] = {}
        for seed in range(PROBLEMS):
            scores = torch.randn(3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(100 + seed))
            for name, cost in costs(seed).items():
                found.setdefault(name, []).append(measure(entry, cost, scores, seed))
        table[entry.name] = {name: _summary(torch.tensor(values)) for name, values in found.items()}
    return table


def _summary(values: Tensor) -> dict[str, float]:
    bias, variance = values.unbind(-1)
    median = {"bias": bias.median().item(), "worst_bias": bias.max().item(), "variance": variance.median().item()}
    return {key: float(f"{value:.4g}") for key, value in median.items()}


def markdown(table: dict[str, dict[str, dict[str, float]]]) -> str:
    names = list(next(iter(table.values())))
    rows = ["| estimator | costs | " + " | ".join(names) + " |", "|---" * (2 + len(names)) + "|"]
    for entry in ENTRIES:
        cells = [_cell(table[entry.name][name], entry.draws) for name in names]
        rows.append(f"| `{entry.name}` | {entry.evaluations} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _cell(found: dict[str, float], draws: int) -> str:
    bias = "0" if found["bias"] < 1e-12 else f"{'~' if draws else ''}{found['bias']:.2g}"
    variance = "0" if found["variance"] < 1e-12 else f"{found['variance']:.2g}"
    return f"{bias} ± {variance}"


def main() -> None:
    torch.set_num_threads(2)
    table = run()
    print(f"Relative bias ± relative variance, medians over {PROBLEMS} random problems; ~ has a sampling error.\n")
    print(markdown(table))
    settings = {"problems": PROBLEMS, "variables": VARIABLES, "options": OPTIONS, "draws": DRAWS}
    versions = {"torch": torch.__version__, "python": platform.python_version(), "argrad": argrad.__version__}
    path = Path(__file__).parent / "results" / "estimator_bias.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"settings": settings, "versions": versions, "results": table}, indent=1) + "\n")


if __name__ == "__main__":
    main()
