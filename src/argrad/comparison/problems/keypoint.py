"""Where is the digit? Its position in a larger canvas, between the pixels, by soft-argmax."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample

from argrad.comparison.problem import Metric, Outcome, Problem, named
from argrad.comparison.problems._digits import Digits, digits
from argrad.comparison.problems.descent import descend
from argrad.comparison.ways import Deterministic, at
from argrad.estimators import Enumerate, ReinMax, Relaxed, ScoreFunction, StraightThrough
from argrad.verbs import expect, soft_argmax

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argrad.core import Estimator

ABOUT = (
    "A digit lies somewhere between the pixels of a noisy 24 × 24 canvas. A small convolutional network draws a heat "
    "map, and is told the true position only: the cost is the distance from the chosen cell to it, in pixels. Soft: "
    "the answer is soft_argmax(heat, window=3); hard: the cell of the argmax, which cannot be better than 0.38 px."
)
SIZE, BATCH, WINDOW, EVERY = 24, 32, 3, 20
NOISE, MARGIN = 0.1, 4.0


class Finder(nn.Module):
    """Draws a heat map: (batch, 24, 24) → the same."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            first, second = nn.Conv2d(1, 8, 5, padding=2), nn.Conv2d(8, 8, 5, padding=2)
            self.layers = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), nn.Conv2d(8, 1, 5, padding=2))

    def forward(self, canvas: Tensor) -> Tensor:
        """Give the heat map."""
        return self.layers(canvas.unsqueeze(1)).squeeze(1)


def within_window(scores: Tensor) -> Tensor:
    """Soften only the cells at most 3 from the best: (*batch, 576) → the same, a relaxation for any estimator.

    >>> import torch
    >>> from argrad.comparison.problems.keypoint import within_window
    >>> (within_window(torch.zeros(576)) > 0).sum()
    tensor(16)
    """
    best = scores.detach().argmax(-1, keepdim=True)
    cell = torch.arange(scores.shape[-1], device=scores.device)
    rows, columns = (cell // SIZE - best // SIZE).abs(), (cell % SIZE - best % SIZE).abs()
    return scores.masked_fill((rows > WINDOW) | (columns > WINDOW), -torch.inf).softmax(-1)


def keypoint(*, steps: int = 300, device: str = "cpu") -> Problem:
    """Give the problem.

    >>> from argrad.comparison.problems import keypoint
    >>> keypoint(steps=1).scores.shape
    torch.Size([16, 576])
    """
    train, test = digits(device)
    canvas, where = scene(train.images[:16], torch.Generator().manual_seed(0))
    model = Finder(0).to(device)
    for _ in _train(
        Enumerate(), 0, model, train, test, min(60, steps)
    ):  # where the heat map has begun to mean something
        pass
    return Problem(
        cost=partial(distance, where),
        scores=model(canvas).flatten(1).detach(),
        estimators={
            "soft-argmax, plain": Relaxed(),
            "soft-argmax, window": Relaxed(relaxation=within_window),
            "soft-argmax, hard": Deterministic(StraightThrough()),
            **named([Enumerate(), StraightThrough(), ReinMax(), ScoreFunction(samples=4)]),
        },
        train=lambda estimator, seed: _train(estimator, seed, Finder(seed).to(device), train, test, steps),
        metric=Metric("distance on test digits, cell of the argmax [px]", resolution=0.02),
        name="keypoint",
        about=ABOUT,
    )


def scene(images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Put each digit at a random place between the pixels: canvases (B, 24, 24) and centres (B, 2), row and column."""
    count = len(images)
    free = SIZE - 1 - 2 * MARGIN
    where = (MARGIN + free * torch.rand(count, 2, generator=generator)).to(images.device)
    scale = SIZE / 8
    shift = -(where.flip(1) + 0.5 - SIZE / 2) * 2 / 8
    theta = torch.zeros(count, 2, 3, device=images.device)
    theta[:, 0, 0] = theta[:, 1, 1] = scale
    theta[:, :, 2] = shift
    grid = affine_grid(theta, [count, 1, SIZE, SIZE], align_corners=False)
    drawn = grid_sample(images.view(-1, 1, 8, 8), grid, align_corners=False).squeeze(1)
    return drawn + NOISE * torch.randn(drawn.shape, generator=generator).to(drawn.device), where


def distance(where: Tensor, y: Tensor) -> Tensor:
    """Give the distance of the chosen cell from the place: (samples, batch, 576) → (samples, batch), in pixels."""
    cell = torch.arange(SIZE * SIZE, device=y.device)
    point = y @ torch.stack([cell // SIZE, cell % SIZE], 1).to(y.dtype)
    return ((point - where).square().sum(-1) + 1e-6).sqrt()


def _train(
    estimator: Estimator, seed: int, model: Finder, train: Digits, test: Digits, steps: int
) -> Iterator[Outcome]:
    generator = torch.Generator(train.images.device).manual_seed(seed)
    drawing = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, fused=True)
    seen = scene(test.images[:256], torch.Generator().manual_seed(1))
    batches = train.batches(BATCH, steps, drawing)

    def on_a_batch(progress: float) -> Tensor:
        canvas, where = scene(train.images[next(batches)], drawing)
        heat = model(canvas).flatten(1)
        return expect(partial(distance, where), heat, grad=at(estimator, progress), generator=generator).mean()

    yield from descend(on_a_batch, optimizer, steps, lambda: Outcome(*distances(model, *seen)), EVERY)


@torch.no_grad()
def distances(model: Finder, canvas: Tensor, where: Tensor) -> tuple[float, float]:
    """Give the mean distance in pixels of the argmax's cell, and of soft-argmax in a window about it."""
    heat = model(canvas)
    best = heat.flatten(1).argmax(1)
    hard = torch.stack([best // SIZE, best % SIZE], 1)
    soft = soft_argmax(heat, (-2, -1), window=WINDOW)
    means = [(point - where).norm(dim=1).mean().item() for point in (hard, soft)]
    return means[0], means[1]
