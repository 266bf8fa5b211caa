"""The cheapest way across a map of unknown prices, learned through Dijkstra's algorithm from cheapest ways alone.

The setting of Vlastelica et al. 2020 (12 × 12 cells of 8 × 8 pixels, eight neighbours, a price for each cell), with
handwritten digits for terrains. Steps, widths and the learning rate were chosen on seed 100, which nobody reports.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from argrad.choices import solver
from argrad.comparison.problem import Metric, Outcome, Problem, named
from argrad.comparison.problems._digits import Digits, digits
from argrad.comparison.problems.descent import Loss, descend, through
from argrad.estimators import ImplicitMLE, Interpolation, Perturbed
from argrad.noise import Normal

if TYPE_CHECKING:
    from collections.abc import Iterator

ABOUT = (
    "Maps of 12 × 12 cells, each the picture of a handwritten digit from 0 to 4, a terrain with a price. A small "
    "network prices the pictures, Dijkstra's algorithm (scipy's) finds the cheapest way from corner to corner, and "
    "the cost is the number of cells that this way and the truly cheapest one do not share: the network is never "
    "told a price or a digit. A solver has no law, so that no expected cost is there to compare with: the gradients "
    "are compared with that of the cost smoothed by normal noise of width 0.3 on the prices, of which Perturbed is "
    "an unbiased estimate."
)
PRICES = (5.3, 0.8, 9.2, 1.2, 7.7)  # of the digits 0 to 4; the paper's, in an order that their looks do not tell
SIDE, BATCH, TESTS, EVERY = 12, 32, 200, 20
CLOSE = 1e-5  # ratios of costs closer to 1 are rounding
LEAST = 1e-6  # Dijkstra's algorithm takes no price below 0: what is less counts as this


@cache
def neighbours(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the graph of a map as scipy has it: the neighbours of each cell in turn, and where they begin."""
    row, column = np.divmod(np.arange(side**2), side)
    far = np.maximum(abs(row[:, None] - row), abs(column[:, None] - column))
    start, to = np.nonzero(far == 1)
    return to, np.searchsorted(start, np.arange(side**2 + 1))


def dijkstra_ways(scores: Tensor) -> Tensor:
    """Find the cheapest way from the first cell to the last: minus prices (*maps, n, n) → 1 on the way, else 0.

    Both corners are paid for. All maps are one graph without bridges, so that a single call of scipy serves them.
    """
    from scipy.sparse import csr_array  # noqa: PLC0415 (comes with scikit-learn, an optional dependency)
    from scipy.sparse.csgraph import dijkstra  # noqa: PLC0415

    cells = scores.shape[-1] ** 2
    price = (-scores).clamp_min(LEAST).reshape(-1, cells).double().cpu().numpy()
    first = cells * np.arange(len(price))[:, None]
    to, begin = neighbours(scores.shape[-1])
    pointers = np.append(begin[:-1] + len(to) * np.arange(len(price))[:, None], len(to) * len(price))
    graph = csr_array((price[:, to].ravel(), (first + to).ravel(), pointers), shape=(price.size, price.size))
    _, before, _ = dijkstra(graph, indices=first.ravel(), return_predecessors=True, min_only=True)
    way = np.zeros(price.size)
    at_cell = (first + cells - 1).ravel()
    while len(at_cell):
        way[at_cell] = 1
        at_cell = before[at_cell]
        at_cell = at_cell[at_cell >= 0]  # a way that has come to its start has nothing before it
    return torch.as_tensor(way).view(scores.shape).to(scores)


shortest_way = solver(dijkstra_ways, event_dims=2, name="the shortest way")


class Pricer(nn.Module):
    """Prices every cell by its picture alone: (*maps, n, n, 64) → (*maps, n, n), above 0."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.layers = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))

    def forward(self, pictures: Tensor) -> Tensor:
        """Give the prices."""
        return softplus(self.layers(pictures).squeeze(-1))


def maps(part: Digits, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Lay out maps of random digits: pictures (count, 12, 12, 64) and true prices (count, 12, 12)."""
    terrain = (part.classes < len(PRICES)).nonzero().squeeze(1)
    cell = terrain[torch.randint(len(terrain), (count, SIDE, SIDE), generator=generator).to(terrain.device)]
    return part.centred[cell], torch.tensor(PRICES, device=cell.device)[part.classes[cell]]


def unseen_maps(count: int, device: str | torch.device = "cpu") -> tuple[Tensor, Tensor]:
    """Lay out maps of pictures that no training sees."""
    return maps(digits(device)[1], count, torch.Generator().manual_seed(1))


def not_shared(way: Tensor, y: Tensor) -> Tensor:
    """Count the cells that only one of two ways has: (samples, *maps, n, n) → (samples, *maps); linear in y."""
    return (way + y - 2 * way * y).sum((-2, -1))


def learn(loss: Loss, pricer: Pricer, seed: int, steps: int, lr: float = 3e-3) -> Iterator[Outcome]:
    """Train by a loss of scores and right ways, on new maps in every step."""
    device = next(pricer.parameters()).device
    train, unseen = digits(device)[0], unseen_maps(TESTS, device)
    drawing = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(pricer.parameters(), lr=lr, fused=True)

    def on_a_batch(progress: float) -> Tensor:
        pictures, prices = maps(train, BATCH, drawing)
        return loss(-pricer(pictures), dijkstra_ways(-prices), progress).sum()

    yield from descend(on_a_batch, optimizer, steps, lambda: Outcome(quality(pricer, *unseen)[0]), EVERY)


@torch.no_grad()
def quality(pricer: Pricer, pictures: Tensor, prices: Tensor) -> tuple[float, float]:
    """Give the percentage of maps on which the way found costs no more than the best, and the mean ratio of costs."""
    found, best = ((prices * dijkstra_ways(s)).sum((-2, -1)) for s in (-pricer(pictures), -prices))
    ratio = found / best
    return 100 * (ratio < 1 + CLOSE).float().mean().item(), ratio.mean().item()


def path(*, steps: int = 300, device: str = "cpu") -> Problem:
    """Give the problem.

    >>> from argrad.comparison.problems import path
    >>> path(steps=1).scores.shape
    torch.Size([4, 12, 12])
    """
    pricer = Pricer(0).to(device)
    warm = through(Interpolation(step=10.0), not_shared, shortest_way)
    for _ in learn(warm, pricer, 0, min(40, steps)):  # where prices have begun to mean something
        pass
    pictures, prices = maps(digits(device)[0], 4, torch.Generator().manual_seed(2))
    return Problem(
        cost=partial(not_shared, dijkstra_ways(-prices)),
        scores=-pricer(pictures).detach(),
        estimators=named(
            [
                Interpolation(step=10.0),
                ImplicitMLE(step=10.0, noise=Normal()),
                Perturbed(sigma=0.3),
            ]
        ),
        train=lambda estimator, seed: learn(
            through(estimator, not_shared, shortest_way, torch.Generator(device).manual_seed(seed)),
            Pricer(seed).to(device),
            seed,
            steps,
        ),
        metric=Metric("test maps with a way as cheap as the best [%]", larger_is_better=True, resolution=3.0),
        choice=shortest_way,
        name="path",
        about=ABOUT,
        reference=Perturbed(sigma=0.3, samples=64),
    )
