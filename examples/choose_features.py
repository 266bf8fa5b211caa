"""Which 5 of 50 columns tell handwritten digits apart? A top-k layer learns it together with the network.

The columns are the 40 pixels of scikit-learn's digits that vary most, and 10 columns of noise. The network sees 5
columns at a time, exactly: the others are multiplied by an exact 0. In training, each image gets its own draw of 5
columns from the k-subset law of 50 learned scores, with the straight-through gradient of its exact marginals; in the
end the 5 best scores are the choice.

The rival ranks columns by the weights of a linear classifier of all columns and keeps the best 5. Each selection is
judged by a fresh network that is trained on those 5 columns alone, on images that the selection never saw.

    python examples/choose_features.py --seeds 10 --steps 300

Accuracy on images never seen, in percent. The learned selection is ahead on every seed, by 4.8 points at the least:

| seed | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | mean |
|---|---|---|---|---|---|---|---|---|---|---|---|
| learned | 75.8 | 75.3 | 78.6 | 74.0 | 75.0 | 79.1 | 73.3 | 80.0 | 72.8 | 74.8 | 75.9 |
| by weights | 71.0 | 61.3 | 65.6 | 64.3 | 61.9 | 65.4 | 67.1 | 66.1 | 62.8 | 58.6 | 64.4 |

No column of noise was taken, and five random columns come to 46.6 on average. More steps are not better: the scores
settle on what the network has come to know. After 1500 steps, the mean of seeds 0 to 5 was 75.4, and seed 0 fell
behind its rival (70.6 against 73.6).
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import cross_entropy

import argrad
from argrad.comparison.problems.features import CLASSES, PIXELS, K, columns, judge, network

if TYPE_CHECKING:
    from torch import Tensor


def learn_selection(x: Tensor, y: Tensor, seed: int, steps: int) -> Tensor:
    """Train scores and network together; return the indices of the 5 best columns."""
    generator = torch.Generator().manual_seed(seed)
    scores = torch.zeros(x.shape[1], requires_grad=True)
    net = network(x.shape[1], seed)
    optimizer = torch.optim.Adam([{"params": net.parameters(), "lr": 5e-3}, {"params": scores, "lr": 3e-2}])
    for _ in range(steps):
        rows = torch.randint(len(x), (256,), generator=generator)
        chosen = argrad.topk(scores.expand(256, -1), K, sample=True, generator=generator).khot
        loss = cross_entropy(net(x[rows] * chosen), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return argrad.topk(scores, K).indices


def rank_by_weights(x: Tensor, y: Tensor) -> Tensor:
    """Train a linear classifier on all columns; return the 5 with the largest weights."""
    linear = nn.Linear(x.shape[1], CLASSES)
    optimizer = torch.optim.Adam(linear.parameters(), lr=1e-2, weight_decay=1e-4)
    for _ in range(500):
        optimizer.zero_grad()
        cross_entropy(linear(x), y).backward()
        optimizer.step()
    return linear.weight.detach().norm(dim=0).topk(K).indices


def run(seed: int, steps: int) -> dict[str, float]:
    """Run one seed: accuracies in percent, and how many columns of noise the learned selection took."""
    torch.manual_seed(seed)
    parts = columns(seed)
    selections = {
        "learned": learn_selection(*parts[:2], seed, steps),
        "by weights": rank_by_weights(*parts[:2]),
        "random": torch.randperm(parts[0].shape[1])[:K],
    }
    noise = float((selections["learned"] >= PIXELS).sum())
    return {name: judge(chosen, parts, seed) for name, chosen in selections.items()} | {"noise taken": noise}


def main() -> None:
    """Print a line a seed, and the means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=300)
    options = parser.parse_args()
    print("| seed | learned | by weights | random | noise columns learned |\n|---|---|---|---|---|")
    rows = []
    for seed in range(options.seeds):
        rows.append(list(run(seed, options.steps).values()))
        print(f"| {seed} | " + cells(rows[-1]), flush=True)
    print("| mean | " + cells(torch.tensor(rows).mean(0).tolist()))
    ahead = min(row[0] - row[1] for row in rows)
    print(f"\nLeast gain over the ranking by weights, of all seeds: {ahead:.1f} points")


def cells(row: list[float]) -> str:
    """Write a row's numbers."""
    return " | ".join(f"{v:.1f} %" for v in row[:3]) + f" | {row[3]:.1f} |"


if __name__ == "__main__":
    main()
