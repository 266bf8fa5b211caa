"""The cheapest way across a map, learned through Dijkstra's algorithm: the network is never told a price.

A map has 12 × 12 cells, each a picture of 8 × 8 pixels: a handwritten digit from 0 to 4, a terrain with a price. A
small network prices every picture by itself, scipy's Dijkstra finds the cheapest way from corner to corner, and all
that training knows is the way that is cheapest in truth. In Vlastelica et al. 2020 the terrains are a video game's.

What differs below is only how a gradient comes back through the solver, which has none: it answers in whole cells.

    python examples/shortest_path.py --seeds 5 --steps 300

Seeds 0 to 4, 500 maps of pictures never seen; steps, widths and the learning rate were chosen on seed 100:

| trained by | as cheap as the best: median | worst | cost over the best: median | worst |
|---|---|---|---|---|
| wrong cells, Interpolation(step=10) | 31 % | 26 % | 1.056 | 1.067 |
| wrong cells, ImplicitMLE(step=10), normal noise | 40 % | 37 % | 1.034 | 1.036 |
| wrong cells, Perturbed(sigma=0.3) | 17 % | 10 % | 1.102 | 1.170 |
| Fenchel–Young, one noisy way | 44 % | 40 % | 1.029 | 1.030 |

For scale: the same network, told the true price of each picture (squared error, one seed), finds 38 % of the ways. What
limits all of them is how well 636 pictures tell digits apart. `Perturbed` is unbiased for the smoothed cost, and so
noisy that most of the training goes into noise; the others move scores towards the right way whenever it was missed.
"""

from __future__ import annotations

import argparse
from statistics import median
from typing import TYPE_CHECKING

import torch

import argrad
from argrad import losses
from argrad.comparison.problems.descent import Loss, through
from argrad.comparison.problems.path import Pricer, dijkstra_ways, learn, not_shared, quality, unseen_maps

if TYPE_CHECKING:
    from torch import Tensor

# Any function that maximises ⟨way, scores⟩ becomes a choice. Dijkstra minimises prices: scores are minus the prices.
shortest_way = argrad.solver(dijkstra_ways, event_dims=2)


def wrong_cells(estimator: argrad.Estimator) -> Loss:
    """Make the loss: how many cells the way found and the right way do not share, with this estimator's gradient."""
    return through(estimator, not_shared, shortest_way)


def fenchel_young(scores: Tensor, way: Tensor, _progress: float) -> Tensor:
    """Give the loss whose gradient is the mean way under noisy prices, less the right way (Berthet et al. 2020)."""
    return losses.perturbed_loss(scores, way, shortest_way, sigma=0.3, samples=1)


WAYS: dict[str, Loss] = {
    "wrong cells, Interpolation(step=10)": wrong_cells(argrad.Interpolation(step=10.0)),
    "wrong cells, ImplicitMLE(step=10), normal noise": wrong_cells(
        argrad.ImplicitMLE(step=10.0, noise=argrad.Normal())
    ),
    "wrong cells, Perturbed(sigma=0.3)": wrong_cells(argrad.Perturbed(sigma=0.3)),
    "Fenchel–Young, one noisy way": fenchel_young,
}


def train(loss: Loss, seed: int, steps: int) -> Pricer:
    """Train a network by new maps in every step, laid out with the pictures for training."""
    torch.manual_seed(seed)  # of the noise
    pricer = Pricer(seed)
    for _ in learn(loss, pricer, seed, steps):
        pass
    return pricer


def main() -> None:
    """Print, for every way to train, the results on maps of pictures never seen."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=300)
    options = parser.parse_args()
    unseen = unseen_maps(500)
    print("| trained by | as cheap as the best: median | worst | cost over the best: median | worst |")
    print("|---|---|---|---|---|")
    for name, loss in WAYS.items():
        found = [quality(train(loss, seed, options.steps), *unseen) for seed in range(options.seeds)]
        shares, ratios = zip(*found, strict=True)
        print(
            f"| {name} | {median(shares):.0f} % | {min(shares):.0f} % | {median(ratios):.3f} | {max(ratios):.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
