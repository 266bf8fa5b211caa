"""A variational autoencoder of digits with categorical latents, small enough for the exact bound."""

from __future__ import annotations

from functools import partial
from math import log
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from argrad.comparison.problem import Metric, Outcome, Problem, named
from argrad.comparison.problems._digits import Digits, digits
from argrad.comparison.problems.descent import descend
from argrad.comparison.ways import at
from argrad.estimators import (
    Enumerate,
    GappedStraightThrough,
    GumbelRao,
    IndeCateR,
    ReinMax,
    Relaxed,
    ScoreFunction,
    StraightThrough,
)
from argrad.noise import Gumbel
from argrad.verbs import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argrad.core import Estimator

ABOUT = (
    "A variational autoencoder compresses black-and-white digits (pixel > ½) into three choices of one out of six. The "
    "cost is the reconstruction's negative log-likelihood, −log p(x | z). The result is the negative evidence lower "
    "bound on test digits, in nats, exact: all 216 codes are enumerated."
)
LATENTS, OPTIONS, BATCH, EVERY = 3, 6, 64, 50


class Autoencoder(nn.Module):
    """Images (B, 64) to scores (B, 3, 6), and vertices back to the logits of pixels."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.encoder = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, LATENTS * OPTIONS))
            self.decoder = nn.Sequential(nn.Linear(LATENTS * OPTIONS, 128), nn.ReLU(), nn.Linear(128, 64))

    def scores(self, images: Tensor) -> Tensor:
        """Give the scores of q(z | x)."""
        return self.encoder(images).unflatten(-1, (LATENTS, OPTIONS))

    def cost(self, images: Tensor, y: Tensor) -> Tensor:
        """Give −log p(x | z), in nats: (samples, B, 3, 6) → (samples, B)."""
        logits = self.decoder(y.flatten(-2))
        return (softplus(logits) - images * logits).sum(-1)


def vae(*, steps: int = 1000, device: str = "cpu") -> Problem:
    """Give the problem.

    >>> from argrad.comparison.problems import vae
    >>> vae(steps=1).scores.shape
    torch.Size([64, 3, 6])
    """
    train, test = (binary(part) for part in digits(device))
    model = Autoencoder(0).to(device)
    for _ in _train(IndeCateR(), 0, model, train, test, min(200, steps)):  # where scores have begun to mean something
        pass
    some = train.images[:BATCH]
    return Problem(
        cost=partial(model.requires_grad_(False).cost, some),
        scores=model.scores(some).detach(),
        estimators=named(
            [
                Enumerate(),
                IndeCateR(),
                ReinMax(),
                StraightThrough(),
                StraightThrough(noise=Gumbel()),
                GumbelRao(),
                GappedStraightThrough(),
                Relaxed(noise=Gumbel()),
                ScoreFunction(samples=4),
            ]
        ),
        train=lambda estimator, seed: _train(estimator, seed, Autoencoder(seed).to(device), train, test, steps),
        metric=Metric("negative ELBO on test digits, exact [nats]", resolution=0.1),
        name="vae",
        about=ABOUT,
    )


def binary(part: Digits) -> Digits:
    """Give the digits in black and white."""
    return Digits((part.images > 0.5).float(), part.centred, part.classes)  # noqa: PLR2004


def divergence(scores: Tensor) -> Tensor:
    """Give KL(q(z | x) ‖ uniform), in nats: (B, 3, 6) → (B,)."""
    log_q = scores.log_softmax(-1)
    return (log_q.exp() * (log_q + log(OPTIONS))).sum((-2, -1))


def _train(
    estimator: Estimator, seed: int, model: Autoencoder, train: Digits, test: Digits, steps: int
) -> Iterator[Outcome]:
    generator = torch.Generator(train.images.device).manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, fused=True)
    batches = train.batches(BATCH, steps, torch.Generator().manual_seed(seed))

    def on_a_batch(progress: float) -> Tensor:
        images = train.images[next(batches)]
        scores = model.scores(images)
        rebuilt = expect(partial(model.cost, images), scores, grad=at(estimator, progress), generator=generator)
        return (rebuilt + divergence(scores)).mean()

    yield from descend(on_a_batch, optimizer, steps, lambda: Outcome(*bounds(model, test.images)), EVERY)


@torch.no_grad()
def bounds(model: Autoencoder, images: Tensor) -> tuple[float, float]:
    """Give the mean negative ELBO in nats: exactly, and with the probabilities in place of the codes."""
    scores = model.scores(images)
    exact = expect(partial(model.cost, images), scores, grad=Enumerate())
    soft = model.cost(images, scores.softmax(-1).unsqueeze(0)).squeeze(0)
    penalty = divergence(scores)
    return (exact + penalty).mean().item(), (soft + penalty).mean().item()
