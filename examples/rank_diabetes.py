"""Maximise Spearman's rank correlation itself: a linear model of the progression of diabetes, 442 patients.

Spearman's correlation is Pearson's of the ranks. The ranks in the forward pass are the hard ones, so the loss is the
measure itself, to the last digit; the gradient is that of the soft ranks (Blondel et al. 2020). Beside it,
least squares
on the values and the same loss with soft ranks forward. Correlations are on the patients left out.

    python examples/rank_diabetes.py --seeds 10 --steps 300
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING

import torch
from sklearn.datasets import load_diabetes
from torch import Tensor, nn

import argrad

if TYPE_CHECKING:
    from collections.abc import Callable


def data(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Give standardised columns and the progression: 300 patients for training, 142 for testing."""
    x, y = (torch.as_tensor(part).float() for part in load_diabetes(return_X_y=True))
    x = (x - x.mean(0)) / x.std(0)
    order = torch.randperm(len(x), generator=generator)
    return x[order[:300]], y[order[:300]], x[order[300:]], y[order[300:]]


def pearson(a: Tensor, b: Tensor) -> Tensor:
    """Correlate two vectors."""
    a, b = a - a.mean(), b - b.mean()
    return (a @ b) / (a.norm() * b.norm())


def spearman(score: Tensor, y: Tensor, grad: argrad.Estimator) -> Tensor:
    """Correlate ranks: hard forward, differentiable by the estimator; scores in units of their spread."""
    standard = (score - score.mean()) / score.std()
    return pearson(argrad.rank(standard, grad=grad), argrad.rank(y))


def rank_loss(score: Tensor, y: Tensor, grad: argrad.Estimator) -> Tensor:
    """One minus Spearman's correlation."""
    return 1 - spearman(score, y, grad)


def squared_error(score: Tensor, y: Tensor) -> Tensor:
    """The usual loss, on standardised values."""
    return (score - (y - y.mean()) / y.std()).square().mean()


WAYS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "squared error": squared_error,
    "hard ranks, soft gradient": partial(rank_loss, grad=argrad.StraightThrough(temperature=0.05)),
    "soft ranks": partial(rank_loss, grad=argrad.Relaxed(temperature=0.05)),
}


def train(loss: Callable[[Tensor, Tensor], Tensor], x: Tensor, y: Tensor, steps: int) -> nn.Module:
    """Fit a linear model by full-batch Adam, a little weight decay for all alike."""
    model = nn.Linear(x.shape[1], 1)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-2, weight_decay=1e-2)
    for _ in range(steps):
        optimiser.zero_grad()
        loss(model(x).squeeze(-1), y).backward()
        optimiser.step()
    return model


def run(seed: int, steps: int) -> dict[str, tuple[float, float]]:
    """Give, for each way, Spearman's correlation in training and on the patients left out."""
    x, y, x_test, y_test = data(torch.Generator().manual_seed(seed))
    hard = argrad.StraightThrough()
    results = {}
    for name, loss in WAYS.items():
        torch.manual_seed(seed)
        model = train(loss, x, y, steps)
        with torch.no_grad():
            parts = ((x, y), (x_test, y_test))
            results[name] = tuple(spearman(model(a).squeeze(-1), b, hard).item() for a, b in parts)
    return results


def main() -> None:
    """Print the mean over seeds, and on how many seeds each way is ahead of least squares."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=300)
    options = parser.parse_args()
    runs = [run(seed, options.steps) for seed in range(options.seeds)]
    first = "squared error"
    print("| loss | training | left out | ahead of squared error, training | left out |\n|---|---|---|---|---|")
    for name in WAYS:
        means = torch.tensor([r[name] for r in runs]).mean(0).tolist()
        ahead = [sum(r[name][i] > r[first][i] for r in runs) for i in range(2)]
        print(f"| {name} | {means[0]:.4f} | {means[1]:.4f} | {ahead[0]}/{len(runs)} | {ahead[1]}/{len(runs)} |")


if __name__ == "__main__":
    main()
