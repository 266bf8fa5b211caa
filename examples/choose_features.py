"""Which 5 of 50 columns tell handwritten digits apart? A top-k layer learns it together with the network.

The columns are the 40 pixels of scikit-learn's digits that vary most, and 10 columns of noise. The network
sees 5 columns
at a time, exactly: the others are multiplied by an exact 0. In training, each image gets its own draw of 5 columns from
the k-subset law of 50 learned scores, with the straight-through gradient of its exact marginals; in the end the 5 best
scores are the choice.

The rival ranks columns by the weights of a linear classifier of all columns and keeps the best 5. Each selection is
judged by a fresh network that is trained on those 5 columns alone, on images that the selection never saw.

    python examples/choose_features.py --seeds 10 --steps 1500
"""

from __future__ import annotations

import argparse

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import argrad

K, PIXELS, NOISE, CLASSES = 5, 40, 10, 10


def data(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Give standardised columns and classes: two thirds for training, one third for the judgement."""
    x, y = (torch.as_tensor(part) for part in load_digits(return_X_y=True))
    x = x.float()[:, x.var(0).argsort(descending=True)[:PIXELS]]
    x = torch.cat([x, torch.randn(len(x), NOISE, generator=generator)], 1)
    x = (x - x.mean(0)) / x.std(0)
    order = torch.randperm(len(x), generator=generator)
    train, test = order[: 2 * len(x) // 3], order[2 * len(x) // 3 :]
    return x[train], y[train], x[test], y[test]


def network(inputs: int) -> nn.Module:
    """Build a small classifier."""
    return nn.Sequential(nn.Linear(inputs, 64), nn.ReLU(), nn.Linear(64, CLASSES))


def learn_selection(x: Tensor, y: Tensor, steps: int, generator: torch.Generator) -> Tensor:
    """Train scores and network together; return the indices of the 5 best columns."""
    scores = torch.zeros(x.shape[1], requires_grad=True)
    net = network(x.shape[1])
    optimiser = torch.optim.Adam([{"params": net.parameters(), "lr": 5e-3}, {"params": scores, "lr": 3e-2}])
    for _ in range(steps):
        rows = torch.randint(len(x), (256,), generator=generator)
        chosen = argrad.topk(scores.expand(256, -1), K, sample=True, generator=generator).khot
        loss = cross_entropy(net(x[rows] * chosen), y[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return argrad.topk(scores, K).indices


def rank_by_weights(x: Tensor, y: Tensor, steps: int) -> Tensor:
    """Train a linear classifier on all columns; return the 5 with the largest weights."""
    linear = nn.Linear(x.shape[1], CLASSES)
    optimiser = torch.optim.Adam(linear.parameters(), lr=1e-2, weight_decay=1e-4)
    for _ in range(min(steps, 500)):
        optimiser.zero_grad()
        cross_entropy(linear(x), y).backward()
        optimiser.step()
    return linear.weight.detach().norm(dim=0).topk(K).indices


def judge(columns: Tensor, parts: tuple[Tensor, Tensor, Tensor, Tensor], steps: int) -> float:
    """Train a fresh network on these columns alone; return its accuracy on the other images."""
    x, y, x_test, y_test = parts
    net = network(K)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(min(steps, 500)):
        optimiser.zero_grad()
        cross_entropy(net(x[:, columns]), y).backward()
        optimiser.step()
    return (net(x_test[:, columns]).argmax(-1) == y_test).double().mean().item()


def run(seed: int, steps: int) -> dict[str, float]:
    """Run one seed: accuracies, and how many columns of noise each selection took."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    parts = data(generator)
    learned = learn_selection(*parts[:2], steps, generator)
    ranked = rank_by_weights(*parts[:2], steps)
    return {
        "learned": judge(learned, parts, steps),
        "by weights": judge(ranked, parts, steps),
        "random": judge(torch.randperm(parts[0].shape[1], generator=generator)[:K], parts, steps),
        "noise taken": float((learned >= PIXELS).sum()),
    }


def main() -> None:
    """Print a line a seed, and the means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=1500)
    options = parser.parse_args()
    print("| seed | learned | by weights | random | noise columns learned |\n|---|---|---|---|---|")
    rows = []
    for seed in range(options.seeds):
        rows.append(list(run(seed, options.steps).values()))
        print(
            f"| {seed} | " + " | ".join(f"{100 * v:.1f} %" for v in rows[-1][:3]) + f" | {rows[-1][3]:.0f} |",
            flush=True,
        )
    mean = torch.tensor(rows).mean(0).tolist()
    print("| mean | " + " | ".join(f"{100 * v:.1f} %" for v in mean[:3]) + f" | {mean[3]:.1f} |")


if __name__ == "__main__":
    main()
