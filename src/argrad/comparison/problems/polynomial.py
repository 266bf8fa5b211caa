"""The programming toy of the ReinMax paper: 128 coins that should all fall to 0, told so by a polynomial."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from argrad.comparison.problem import Metric, Outcome, Problem, named
from argrad.comparison.ways import at
from argrad.estimators import GappedStraightThrough, GumbelRao, ReinMax, Relaxed, ScoreFunction, StraightThrough
from argrad.estimators.score import no_baseline
from argrad.noise import Gumbel
from argrad.verbs import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argrad.core import Estimator

ABOUT = (
    "128 binary variables z, each a choice of one out of two with its own pair of scores, and the cost mean "
    "|z − 0.45|^p: 0 is better than 1 by a little, so that a gradient has to be right rather than large "
    "(Liu, Dong, Liu, Yu & Gao 2023, and their code)."
)
VARIABLES, BATCH, TARGET, EPOCH = 128, 64, 0.45, 200


def polynomial(*, steps: int = 8000, device: str = "cpu", power: float = 2.0) -> Problem:
    """Give the problem with the paper's setting: 40 epochs of 200 steps, batch 64, Adam at 1e-3, temperature 1.

    >>> from argrad.comparison.problems import polynomial
    >>> polynomial(steps=200).scores.shape
    torch.Size([64, 128, 2])
    """
    scores = torch.randn(VARIABLES, 2, generator=torch.Generator().manual_seed(0)).to(device)
    return Problem(
        cost=partial(cost, power=power),
        scores=scores.expand(BATCH, VARIABLES, 2).contiguous(),
        estimators=named(
            [
                ReinMax(),
                StraightThrough(),
                StraightThrough(noise=Gumbel()),
                GumbelRao(),
                GappedStraightThrough(),
                Relaxed(noise=Gumbel()),
                ScoreFunction(samples=1, baseline=no_baseline),
                ScoreFunction(samples=4),
            ]
        ),
        train=lambda estimator, seed: _train(estimator, seed, power, steps, device),
        metric=Metric(f"expected cost, p = {power:g}, mean of the last {EPOCH} steps", resolution=5e-4),
        name="polynomial",
        about=ABOUT,
    )


def cost(y: Tensor, *, power: float) -> Tensor:
    """Give mean |z − 0.45|^p, z the first of each pair: (samples, batch, 128, 2) → (samples, batch)."""
    return ((y[..., 0] - TARGET).abs() ** power).mean(-1)


def _train(estimator: Estimator, seed: int, power: float, steps: int, device: str) -> Iterator[Outcome]:
    """Train; the results are means over the last 200 steps, the paper's epoch."""
    generator = torch.Generator(device).manual_seed(seed)
    start = torch.rand(VARIABLES, 2, generator=torch.Generator().manual_seed(seed))
    theta = (0.02 * start - 0.01).to(device).requires_grad_()
    optimizer = torch.optim.Adam([theta], lr=1e-3, fused=True)
    hard, soft = torch.zeros(EPOCH), torch.zeros(EPOCH)
    for step in range(1, steps + 1):
        scores = theta.expand(BATCH, VARIABLES, 2)
        way = at(estimator, step / steps)
        loss = expect(partial(cost, power=power), scores, grad=way, generator=generator).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        hard[step % EPOCH], soft[step % EPOCH] = _expected(theta.detach(), power)
        if step % EPOCH == 0 or step == steps:
            seen = min(step, EPOCH)
            filled = slice(1, seen + 1) if step < EPOCH else slice(None)
            yield Outcome(hard[filled].mean().item(), soft[filled].mean().item(), step / steps)


def _expected(theta: Tensor, power: float) -> tuple[Tensor, Tensor]:
    """Give the exact expected cost of the coins, and the cost of their probabilities in place of them."""
    p = theta.softmax(-1)
    corners = cost(torch.eye(2, device=theta.device).unsqueeze(1), power=power)
    return (p @ corners).mean(), cost(p, power=power)
