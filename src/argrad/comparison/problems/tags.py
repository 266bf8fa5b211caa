"""Which characters of Python code are in a string? A Viterbi layer in a network, trained by the wrong tags alone."""

from __future__ import annotations

import importlib
import io
import tokenize
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from argrad import structure
from argrad.choices import chain
from argrad.choices.chain import each_edge
from argrad.comparison.problem import Metric, Outcome, Problem, named
from argrad.comparison.problems.descent import Loss, descend, through
from argrad.comparison.ways import Deterministic
from argrad.estimators import ImplicitMLE, Interpolation, Perturbed, Relaxed, ScoreFunction, Spigot, StraightThrough

if TYPE_CHECKING:
    from collections.abc import Iterator

ABOUT = (
    "Every character of a line of Python gets a tag: name, number, string, comment or other. A network that sees "
    "three characters at a time scores the tags, a 5 × 5 matrix scores what may follow what, and the best path "
    "decides: only the path can know that a quotation is still open. The cost is the number of wrong tags. Lines and "
    "tags come from the standard library and its own tokenizer; the modules for testing are not those for training. "
    "The cost is linear in the path, so that the gradient through the marginals, Relaxed, is the true one of the "
    "expected cost."
)
TRAIN = ("argparse", "ast", "calendar", "configparser", "dataclasses", "difflib", "fractions", "ftplib", "inspect")
TEST = ("statistics", "tarfile", "textwrap")
NAME, NUMBER, STRING, COMMENT, OTHER = range(5)
TAGS = {tokenize.NAME: NAME, tokenize.NUMBER: NUMBER, tokenize.STRING: STRING, tokenize.COMMENT: COMMENT}
SHORTEST, LONGEST, UNSEEN, BATCH, LOOKS, TESTED = 2, 64, 127, 32, 8, 500

quick_chain = replace(chain, project=each_edge)  # SPIGOT's relaxed set, as its authors did


@dataclass(frozen=True)
class Lines:
    """Characters (N, 64), tags (N, 64) and lengths (N,) of lines of code."""

    text: Tensor
    tags: Tensor
    lengths: Tensor

    def __getitem__(self, which: Tensor | slice) -> Lines:
        """Give some of the lines."""
        return Lines(self.text[which], self.tags[which], self.lengths[which])

    def to(self, device: str | torch.device) -> Lines:
        """Move them."""
        return Lines(self.text.to(device), self.tags.to(device), self.lengths.to(device))

    @property
    def inside(self) -> Tensor:
        """Where a line has not ended yet: (N, 64)."""
        return torch.arange(LONGEST, device=self.lengths.device) < self.lengths.unsqueeze(-1)


@cache
def tagged(modules: tuple[str, ...]) -> Lines:
    """Read the lines of modules of the standard library."""
    pairs = [pair for module in modules for pair in tagged_lines(module)]
    text, tags = (torch.zeros(len(pairs), LONGEST, dtype=torch.long) for _ in range(2))
    for i, (row, tag) in enumerate(pairs):
        text[i, : len(row)] = torch.tensor([min(ord(letter), UNSEEN) for letter in row])
        tags[i, : len(row)] = torch.tensor(tag)
    return Lines(text, tags, torch.tensor([len(row) for row, _ in pairs]))


def tagged_lines(module: str) -> list[tuple[str, list[int]]]:
    """Give the module's lines with a tag for each character; without lines of strings that span several."""
    text = Path(str(importlib.import_module(module).__file__)).read_text(encoding="utf-8")
    rows = text.splitlines()
    tags = [[OTHER] * len(row) for row in rows]
    broken = set()
    for kind, _, (row, start), (last, end), _ in tokenize.generate_tokens(io.StringIO(text).readline):
        if row != last:
            broken.update(range(row - 1, last))
        elif kind in TAGS:
            tags[row - 1][start:end] = [TAGS[kind]] * (end - start)
    whole = [(row, tag) for i, (row, tag) in enumerate(zip(rows, tags, strict=True)) if i not in broken]
    stripped = [(row.strip(), tag[len(row) - len(row.lstrip()) :][: len(row.strip())]) for row, tag in whole]
    return [(row, tag) for row, tag in stripped if SHORTEST <= len(row) <= LONGEST]


class Swap(nn.Module):
    """Exchange time and features, as convolutions want them."""

    def forward(self, x: Tensor) -> Tensor:
        """Transpose."""
        return x.mT


class Tagger(nn.Module):
    """Scores tags from three characters, and transitions: together the edges of a chain."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            first, second = nn.Conv1d(24, 48, 3, padding=1), nn.Conv1d(48, 5, 1)
            self.local = nn.Sequential(nn.Embedding(128, 24), Swap(), first, nn.ReLU(), second, Swap())
        self.transition = nn.Parameter(torch.zeros(5, 5))

    def forward(self, lines: Lines) -> structure.Structure:
        """Give the law over tags."""
        return structure.chain(self.local(lines.text), self.transition, lines.lengths)


def wrong(lines: Lines, path: Tensor) -> Tensor:
    """Count each line's wrong tags: paths (samples, lines, 63, 5, 5) → (samples, lines); linear in the path.

    On soft paths it is the expected number.
    """
    right = structure.nodes(path).gather(-1, lines.tags.expand(*path.shape[:-3], LONGEST).unsqueeze(-1)).squeeze(-1)
    return ((1 - right) * lines.inside).sum(-1)


def tags(*, steps: int = 300, device: str = "cpu") -> Problem:
    """Give the problem.

    >>> from argrad.comparison.problems import tags
    >>> tags(steps=1).scores.shape
    torch.Size([8, 63, 5, 5])
    """
    train, model = tagged(TRAIN).to(device), Tagger(0).to(device)
    warm = through(Relaxed(), wrong, chain)
    for _ in learn(warm, model, 0, min(30, steps)):  # where the scores have begun to mean something
        pass
    some = train[:8]
    return Problem(
        cost=partial(wrong, some),
        scores=model(some).scores.detach(),
        estimators=named(
            [
                Interpolation(step=5.0),
                ImplicitMLE(step=20.0),
                Deterministic(StraightThrough()),
                Deterministic(Spigot(step=0.1)),
                Perturbed(sigma=0.3),
                ScoreFunction(samples=4),
            ]
        ),
        train=lambda estimator, seed: learn(
            through(estimator, wrong, quick_chain, torch.Generator(device).manual_seed(seed)),
            Tagger(seed).to(device),
            seed,
            steps,
        ),
        metric=Metric("right tags on modules never seen [%]", larger_is_better=True, resolution=0.5),
        choice=quick_chain,
        name="tags",
        about=ABOUT,
        reference=Relaxed(),
        draws=300,
    )


def learn(loss: Loss, model: Tagger, seed: int, steps: int, lr: float = 1e-2) -> Iterator[Outcome]:
    """Train by a loss of the edges' scores and the right lines, one value a line."""
    device = model.transition.device
    train, test = tagged(TRAIN).to(device), tagged(TEST)[:TESTED].to(device)
    drawing = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, fused=True)

    def on_a_batch(progress: float) -> Tensor:
        lines = train[torch.randint(len(train.text), (BATCH,), generator=drawing).to(device)]
        return loss(model(lines).scores, lines, progress).sum()

    yield from descend(on_a_batch, optimizer, steps, lambda: Outcome(*right(model, test)), max(1, steps // LOOKS))


@torch.no_grad()
def right(model: Tagger, lines: Lines) -> tuple[float, float]:
    """Give the percentage of right tags: of the best path, and expected under the law."""
    law = model(lines)
    count = lines.lengths.sum()
    hard, soft = (100 * (1 - wrong(lines, path).sum() / count).item() for path in (law.best, law.marginals))
    return hard, soft
