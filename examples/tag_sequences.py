"""A Viterbi layer inside a network, trained by the task's own loss: which characters of Python code are in a string?

Every character of a line gets one of five tags: name, number, string, comment, or other. A network that sees three
characters at a time scores the tags, a 5 × 5 matrix scores what may follow what, and the best path decides: only the
path can know that a quotation is still open. The lines and their tags come from the standard library and its own
tokenizer; the modules for testing are not those for training.

The loss is the share of wrong tags of the best path, and what differs is only the gradient through that path. Beside
them, the marginal likelihood of the tags (a conditional random field), which never takes an argmax in training.

    python examples/tag_sequences.py --steps 300
"""

from __future__ import annotations

import argparse
import importlib
import io
import time
import tokenize
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

import argrad
from argrad import structure
from argrad.choices.chain import each_edge

TRAIN = ["argparse", "ast", "calendar", "configparser", "dataclasses", "difflib", "fractions", "ftplib", "inspect"]
TEST = ["statistics", "tarfile", "textwrap"]
NAME, NUMBER, STRING, COMMENT, OTHER = range(5)
TAGS = {tokenize.NAME: NAME, tokenize.NUMBER: NUMBER, tokenize.STRING: STRING, tokenize.COMMENT: COMMENT}
LONGEST = 64
UNSEEN = 127


def lines(module: str) -> list[tuple[str, list[int]]]:
    """Give the module's lines with a tag for each character; without lines of strings that span several."""
    text = Path(importlib.import_module(module).__file__).read_text(encoding="utf-8")
    rows = text.splitlines()
    tags = [[OTHER] * len(row) for row in rows]
    broken = set()
    for kind, _, (row, start), (last, end), _ in tokenize.generate_tokens(io.StringIO(text).readline):
        if row != last:
            broken.update(range(row - 1, last))
        elif kind in TAGS:
            tags[row - 1][start:end] = [TAGS[kind]] * (end - start)
    pairs = [(row, tag) for i, (row, tag) in enumerate(zip(rows, tags, strict=True)) if i not in broken]
    return [
        (row.strip(), tag[len(row) - len(row.lstrip()) :]) for row, tag in pairs if 2 <= len(row.strip()) <= LONGEST
    ]


def tensors(modules: list[str]) -> tuple[Tensor, Tensor, Tensor]:
    """Give characters (N, T), tags (N, T) and lengths (N,)."""
    pairs = [pair for module in modules for pair in lines(module)]
    text, tags = (torch.zeros(len(pairs), LONGEST, dtype=torch.long) for _ in range(2))
    for i, (row, tag) in enumerate(pairs):
        text[i, : len(row)] = torch.tensor([min(ord(letter), UNSEEN) for letter in row])
        tags[i, : len(row)] = torch.tensor(tag[: len(row)])
    return text, tags, torch.tensor([len(row) for row, _ in pairs])


class Tagger(nn.Module):
    """Scores of tags from three characters, and of transitions: together the edges of a chain."""

    def __init__(self) -> None:
        super().__init__()
        self.local = nn.Sequential(
            nn.Embedding(128, 24), Swap(), nn.Conv1d(24, 48, 3, padding=1), nn.ReLU(), nn.Conv1d(48, 5, 1), Swap()
        )
        self.transition = nn.Parameter(torch.zeros(5, 5))

    def forward(self, text: Tensor, lengths: Tensor) -> structure.Structure:
        """Give the law over tags."""
        return structure.chain(self.local(text), self.transition, lengths)


class Swap(nn.Module):
    """Exchange time and features, as convolutions want them."""

    def forward(self, x: Tensor) -> Tensor:
        """Transpose."""
        return x.mT


def one_hot_path(tags: Tensor, lengths: Tensor) -> Tensor:
    """Give the vertex of the right tags: scores that only this path can win by."""
    rows = torch.nn.functional.one_hot(tags, 5).float()
    return argrad.choices.chain.hard(structure.edges(rows, torch.zeros(5, 5), lengths))


def wrong(path: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
    """Give the share of wrong tags, linear in the path: exact on hard ones, an expectation on soft ones."""
    right = structure.nodes(path).gather(-1, tags.unsqueeze(-1)).squeeze(-1)
    here = torch.arange(LONGEST) < lengths.unsqueeze(-1)
    return 1 - (right * here).sum() / here.sum()


def likelihood(law: structure.Structure, tags: Tensor, lengths: Tensor) -> Tensor:
    """Give the negative log marginal likelihood per character."""
    return -law.log_prob(one_hot_path(tags, lengths)).sum() / lengths.sum()


def through(estimator: argrad.Estimator, *, draw: bool = False):  # noqa: ANN201
    """Make the task's loss of the path that this estimator gives a gradient."""
    verb = argrad.draw if draw else argrad.pick
    choice = replace(argrad.choices.chain, project=each_edge)  # SPIGOT's relaxed set, as its authors did

    def loss(law: structure.Structure, tags: Tensor, lengths: Tensor) -> Tensor:
        # the sum over characters: steps of SPIGOT are in the units of vertices, so a share would hardly move them
        path = verb(choice, law.scores, grad=estimator)
        return wrong(path, tags, lengths) * lengths.sum() / len(lengths)

    return loss


LOSSES = {
    "marginal likelihood": likelihood,
    "best path, Spigot(step=1)": through(argrad.Spigot()),
    "best path, StraightThrough()": through(argrad.StraightThrough()),
    "drawn path, StraightThrough()": through(argrad.StraightThrough(), draw=True),
    "mean of 8 paths, Perturbed()": through(argrad.Perturbed(samples=8), draw=True),
    "best path, ImplicitMLE(step=5)": through(argrad.ImplicitMLE(step=5.0), draw=True),
}


def train(loss, data: tuple[Tensor, ...], steps: int, seed: int) -> Tagger:  # noqa: ANN001
    """Train a tagger from scratch."""
    torch.manual_seed(seed)
    model = Tagger()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(steps):
        batch = torch.randint(len(data[0]), (32,))
        text, tags, lengths = (part[batch] for part in data)
        value = loss(model(text, lengths), tags, lengths)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    return model


def main() -> None:
    """Train by each loss, and print the share of right tags on modules never seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--lines", type=int, default=1000, help="lines to test on")
    options = parser.parse_args()
    train_data, test_data = tensors(TRAIN), [part[: options.lines] for part in tensors(TEST)]
    print(f"{len(train_data[0])} lines to train on, {len(test_data[0])} to test on, {options.steps} steps of 32 lines")
    print("| trained by | right tags | strings | seconds |\n|---|---|---|---|")
    for name, loss in LOSSES.items():
        scores, start = [], time.perf_counter()
        for seed in range(options.seeds):
            model = train(loss, train_data, options.steps, seed)
            scores.append(evaluate(model, *test_data))
        seconds = (time.perf_counter() - start) / options.seeds
        cells = [" ".join(f"{100 * score[i]:.1f} %" for score in scores) for i in range(2)]
        print(f"| {name} | {cells[0]} | {cells[1]} | {seconds:.0f} |")


@torch.no_grad()
def evaluate(model: Tagger, text: Tensor, tags: Tensor, lengths: Tensor) -> tuple[float, float]:
    """Give the share of right tags, of all characters and of those in strings."""
    found = structure.tags(model(text, lengths).best)
    here = torch.arange(LONGEST) < lengths.unsqueeze(-1)
    right = found == tags
    return right[here].float().mean().item(), right[here & (tags == STRING)].float().mean().item()


if __name__ == "__main__":
    main()
