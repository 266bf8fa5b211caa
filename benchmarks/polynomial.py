"""The polynomial programming toy of the ReinMax paper, in its authors' setting, against their script's figures.

Setting (Liu, Dong, Liu, Yu & Gao 2023, "Bridging discrete and backpropagation: straight-through and beyond", arXiv
2304.08612, and the authors' public script, github.com/LiyuanLucasLiu/ReinMax, folder poly): 128 binary variables, each
a two-way softmax with its own scores, started uniformly in ±0.01 and shared by a batch of 64 draws; cost mean
|z − 0.45|^p; Adam at 1e-3 without a schedule; 40 epochs of 200 steps; temperature 1. The figure is the mean cost over
the last epoch: theirs of the drawn vertices, ours its exact expectation, which leaves out the noise of the draws.
Their "gumbel" is `F.gumbel_softmax(hard=True)`, which is here `StraightThrough(noise=Gumbel())`.
"""

from __future__ import annotations

import time

import torch
from common import save

from argrad.comparison.problems import polynomial
from argrad.estimators import ReinMax, ScoreFunction, StraightThrough, no_baseline
from argrad.noise import Gumbel

STRAIGHT, GUMBEL, REINFORCE = "straight-through", "straight-through Gumbel", "REINFORCE"
ESTIMATORS = {
    "ReinMax": ReinMax(),
    GUMBEL: StraightThrough(noise=Gumbel()),
    STRAIGHT: StraightThrough(),
    REINFORCE: ScoreFunction(samples=1, baseline=no_baseline),
}
AUTHORS = {  # what the authors' own script gives, seed 1
    ("ReinMax", 2.0): 0.204,
    ("ReinMax", 1.5): 0.305,
    ("ReinMax", 3.0): 0.092,
    (GUMBEL, 2.0): 0.246,
    (GUMBEL, 1.5): 0.351,
    (GUMBEL, 3.0): 0.119,
    (STRAIGHT, 2.0): 0.2475,
    (STRAIGHT, 1.5): 0.352,
    (STRAIGHT, 3.0): 0.121,
    (REINFORCE, 2.0): 0.2476,
}


def main():
    torch.set_num_threads(1)  # the tensors are tiny
    rows = []
    for (name, power), theirs in AUTHORS.items():
        problem, start = polynomial(power=power), time.process_time()
        *_, last = problem.train(ESTIMATORS[name], 1)
        seconds = time.process_time() - start
        row = {"estimator": name, "p": power, "argrad": round(last.hard, 4), "authors": theirs}
        rows.append(row | {"best possible": round(0.45**power, 4), "CPU seconds": round(seconds, 1)})
        print(rows[-1], flush=True)
    save("polynomial", rows)


if __name__ == "__main__":
    main()
