"""Order patients by the progression of diabetes: Spearman's rank correlation itself, made the loss."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import nn

from argrad import choices
from argrad.comparison.problem import Metric, Outcome, Problem, named
from argrad.comparison.problems._tables import Parts, split, standardised, table
from argrad.comparison.problems.descent import Loss, descend, through
from argrad.comparison.ways import Deterministic
from argrad.estimators import ImplicitMLE, Perturbed, Relaxed, ScoreFunction, Spigot, StraightThrough

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

ABOUT = (
    "A linear model of ten measurements orders 300 patients by how far their diabetes has got a year later. The cost "
    "is one minus Spearman's correlation of its ranks with the true ones; the result is that correlation for 142 "
    "patients left out, another split for every seed. (Least squares gets as far on these data: what differs is the "
    "way there.) The true gradient is exact, as the cost is linear in the ranks, whose mean under the Plackett–Luce "
    "law is known."
)
TRAINED, EVERY = 300, 25


def patients(seed: int, device: str | torch.device = "cpu") -> Parts:
    """Give standardised measurements and progressions: 300 patients to train with, 142 to test with."""
    x, y = table("diabetes")
    return split(standardised(x), y.float(), TRAINED, torch.Generator().manual_seed(seed), device)


def ranks(scores: Tensor) -> Tensor:
    """Give the hard ranks, 1 for the lowest."""
    return choices.rank.hard(scores)


def standard(scores: Tensor) -> Tensor:
    """Give scores in units of their spread, about 0: temperatures then mean the same for every model."""
    return (scores - scores.mean()) / scores.std()


def correlation(a: Tensor, b: Tensor) -> Tensor:
    """Give Pearson's correlation along the last dimension: of ranks, it is Spearman's."""
    a, b = a - a.mean(-1, keepdim=True), b - b.mean(-1, keepdim=True)
    return (a * b).sum(-1) / (a.norm(dim=-1) * b.norm(dim=-1))


def disorder(y: Tensor, found: Tensor) -> Tensor:
    """Give one minus Spearman's correlation of ranks with a variable: (samples, n) → (samples,); linear in the ranks.

    Ranks of all patients have one length, that of the true ones: where they are hard, nothing is to be divided by.
    """
    true = ranks(y) - ranks(y).mean()
    return 1 - (found * true).sum(-1) / true.square().sum()


def mean_ranks(scores: Tensor) -> Tensor:
    """Give the mean ranks under the Plackett–Luce law, where i outranks j with probability σ(s_i − s_j).

    Formula: E[r_i] = 1 + Σ_{j ≠ i} σ(s_i − s_j), (n,) → (n,).
    """
    return 0.5 + (scores.unsqueeze(-1) - scores.unsqueeze(-2)).sigmoid().sum(-1)


def linear(seed: int, inputs: int = 10) -> nn.Module:
    """Build the model."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Linear(inputs, 1)


def rank(*, steps: int = 300, device: str = "cpu") -> Problem:
    """Give the problem.

    >>> from argrad.comparison.problems import rank
    >>> rank(steps=1).scores.shape
    torch.Size([300])
    """
    x, y, _, _ = patients(0, device)
    halfway = torch.linalg.lstsq(x, y - y.mean()).solution
    return Problem(
        cost=partial(disorder, y),
        scores=standard(x @ halfway),
        estimators=named(
            [
                StraightThrough(temperature=0.05),
                Deterministic(StraightThrough(temperature=0.05)),
                Relaxed(temperature=0.05),
                Deterministic(Spigot()),
                ImplicitMLE(),
                Perturbed(),
                ScoreFunction(samples=4),
            ]
        ),
        train=lambda estimator, seed: learn(
            through(estimator, disorder, choices.rank, torch.Generator(device).manual_seed(seed)),
            linear(seed).to(device),
            patients(seed, device),
            steps,
        ),
        metric=Metric("Spearman's correlation, patients left out", larger_is_better=True, resolution=0.01),
        choice=choices.rank,
        name="rank",
        about=ABOUT,
        reference=Relaxed(relaxation=mean_ranks),
    )


def learn(loss: Loss, model: nn.Module, parts: Parts, steps: int) -> Iterator[Outcome]:
    """Fit a model by full batches, with a little weight decay for all losses alike."""
    x, y, x_test, y_test = parts
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-2, weight_decay=1e-2, fused=True)

    def on_all(progress: float) -> Tensor:
        return loss(standard(model(x).squeeze(-1)), y, progress)

    yield from descend(on_all, optimizer, steps, lambda: Outcome(spearman(model, x_test, y_test)), EVERY)


@torch.no_grad()
def spearman(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """Give Spearman's correlation of the model's answers with the truth."""
    return correlation(ranks(model(x).squeeze(-1)), ranks(y)).item()
