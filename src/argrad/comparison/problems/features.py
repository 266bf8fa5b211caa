"""Which 5 of 50 columns tell handwritten digits apart? A choice of k out of n, learned together with a network."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from argrad.choices import k_subset
from argrad.comparison.problem import Metric, Outcome, Problem, named
from argrad.comparison.problems._tables import Parts, split, standardised, table
from argrad.comparison.problems.descent import descend
from argrad.comparison.ways import Annealed, Deterministic, at
from argrad.estimators import (
    ImplicitMLE,
    Perturbed,
    Relaxed,
    ScoreFunction,
    Spigot,
    StraightThrough,
)
from argrad.noise import Gumbel
from argrad.verbs import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from argrad.core import Estimator

ABOUT = (
    "Forty pixels of handwritten digits and ten columns of noise, of which a network may see five. In training, "
    "every image gets its own draw of five by 50 learned scores; the choice is the five best scores. It is judged by "
    "a fresh network, trained on these five alone, with images that the selection never saw. Soft: the network of "
    "the training, all columns weighed by their marginals."
)
K, PIXELS, NOISE, CLASSES = 5, 40, 10, 10
BATCH, LOOKS, JUDGED = 128, 2, 400


def columns(seed: int, device: str | torch.device = "cpu") -> Parts:
    """Give standardised columns (N, 50) and classes (N,): two thirds for training, one third for the judgement.

    The first 40 columns are the pixels that vary most, the last 10 are noise. Each seed has its own noise and split.
    """
    generator = torch.Generator().manual_seed(seed)
    x, y = table("digits")
    x = x[:, x.var(0).argsort(descending=True)[:PIXELS]]
    x = standardised(torch.cat([x, torch.randn(len(x), NOISE, generator=generator)], 1))
    return split(x, y.long(), 2 * len(x) // 3, generator, device)


def network(inputs: int, seed: int) -> nn.Module:
    """Build a small classifier."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(inputs, 64), nn.ReLU(), nn.Linear(64, CLASSES))


def judge(chosen: Tensor, parts: Parts, seed: int) -> float:
    """Train a fresh network on these columns alone; give its accuracy on the other images, in percent."""
    x, y, x_test, y_test = parts
    net = network(len(chosen), seed).to(x.device)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2, fused=True)
    for _ in range(JUDGED):
        optimizer.zero_grad()
        cross_entropy(net(x[:, chosen]), y).backward()
        optimizer.step()
    return accuracy(net(x_test[:, chosen]), y_test)


def accuracy(logits: Tensor, classes: Tensor) -> float:
    """Give the percentage of right classes."""
    return 100 * (logits.argmax(-1) == classes).double().mean().item()


def surprise(net: nn.Module, x: Tensor, classes: Tensor, chosen: Tensor) -> Tensor:
    """Give the cross-entropy of each image seen through its columns: (samples, rows, 50) → (samples, rows)."""
    logits = net(x * chosen)
    return cross_entropy(logits.flatten(0, 1), classes.repeat(len(chosen)), reduction="none").view(chosen.shape[:2])


def features(*, steps: int = 250, device: str = "cpu") -> Problem:
    """Give the problem.

    >>> from argrad.comparison.problems import features
    >>> features(steps=1).scores.shape
    torch.Size([16, 50])
    """
    parts = columns(0, device)
    model = Selection(0).to(device)
    for _ in learn(StraightThrough(), model, parts, 0, min(60, steps)):  # where the scores have begun to mean something
        pass
    net = model.net.requires_grad_(False)
    return Problem(
        cost=partial(surprise, net, parts[0][:16], parts[1][:16]),
        scores=model.scores.detach().expand(16, -1).contiguous(),
        estimators=named(
            [
                StraightThrough(),
                Deterministic(StraightThrough()),
                Annealed(Relaxed(noise=Gumbel()), start=1.0, end=0.1),
                Spigot(),
                ImplicitMLE(),
                Perturbed(),
                ScoreFunction(samples=4),
            ]
        ),
        train=lambda estimator, seed: learn(estimator, Selection(seed).to(device), columns(seed, device), seed, steps),
        metric=Metric("test digits told apart by a fresh network [%]", larger_is_better=True, resolution=2.0),
        choice=k_subset(K),
        name="features",
        about=ABOUT,
        draws=100,
    )


class Selection(nn.Module):
    """Scores of the columns, and the network that sees the chosen ones."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.scores = nn.Parameter(torch.zeros(PIXELS + NOISE))
        self.net = network(PIXELS + NOISE, seed)


def learn(estimator: Estimator, model: Selection, parts: Parts, seed: int, steps: int) -> Iterator[Outcome]:
    """Train scores and network together."""
    x, y, x_test, y_test = parts
    generator, drawing = torch.Generator(x.device).manual_seed(seed), torch.Generator().manual_seed(seed)
    groups = [{"params": model.net.parameters()}, {"params": [model.scores], "lr": 3e-2}]
    optimizer = torch.optim.Adam(groups, lr=5e-3, fused=True)
    choice = k_subset(K)

    def on_a_batch(progress: float) -> Tensor:
        rows = torch.randint(len(x), (BATCH,), generator=drawing).to(x.device)
        cost, scores = partial(surprise, model.net, x[rows], y[rows]), model.scores.expand(BATCH, -1)
        return expect(cost, scores, grad=at(estimator, progress), choice=choice, generator=generator).sum()

    @torch.no_grad()
    def soft() -> float:
        return accuracy(model.net(x_test * choice.soft(model.scores)), y_test)

    def look() -> Outcome:
        return Outcome(judge(model.scores.detach().topk(K).indices, parts, seed), soft())

    yield from descend(on_a_batch, optimizer, steps, look, max(1, steps // LOOKS))
