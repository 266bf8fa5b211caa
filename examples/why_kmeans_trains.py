"""Draw docs/images/why-kmeans-trains.png, and print the table of docs/why-kmeans-trains.md.

python examples/why_kmeans_trains.py docs/images/why-kmeans-trains.png
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from sklearn.cluster import KMeans as Reference
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from argrad.cluster import KMeans, assign, kmeans_loss, newton_

POINTS = torch.rand(1000, 200, generator=torch.Generator().manual_seed(0))


def starts(seed: int) -> Tensor:
    """20 of the points."""
    return POINTS[torch.randperm(1000, generator=torch.Generator().manual_seed(seed))[:20]]


def descend(
    start: Tensor,
    make_optimizer: Callable[[list[Tensor]], Optimizer],
    steps: int,
    *,
    newton: bool = True,
    batch: int | None = None,
    schedule: Callable[[Optimizer], LRScheduler] | None = None,
) -> list[float]:
    """The inertia of all points at every step, by any optimiser."""
    centroids = start.clone().requires_grad_()
    optimizer = make_optimizer([centroids])
    scheduler = schedule(optimizer) if schedule else None
    generator = torch.Generator().manual_seed(2)
    history = []
    for step in range(steps):
        if batch is None or step % (len(POINTS) // batch) == 0:
            history.append(kmeans_loss(POINTS, centroids.detach()).item())
        x = POINTS if batch is None else POINTS[torch.randint(len(POINTS), (batch,), generator=generator)]
        labels = assign(x, centroids)
        optimizer.zero_grad()
        kmeans_loss(x, centroids, labels=labels).backward()
        if newton:
            newton_(centroids, labels.bincount(minlength=len(centroids)))
        optimizer.step()
        if scheduler:
            scheduler.step()
    return [*history, kmeans_loss(POINTS, centroids.detach()).item()]


def as_asked(start: Tensor) -> list[float]:
    """Plain SGD, lr 1e-5, batches of 100, 4001 steps."""
    return descend(start, lambda p: torch.optim.SGD(p, lr=1e-5), 4001, newton=False, batch=100)


def lloyd(start: Tensor) -> list[float]:
    """Newton's step."""
    return descend(start, lambda p: torch.optim.SGD(p, lr=1.0), 40)


def momentum(start: Tensor) -> list[float]:
    """Newton's step with Nesterov momentum for 15 passes."""

    def plain_after_15(optimizer: Optimizer) -> LRScheduler:
        group = optimizer.param_groups[0]
        return torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: group.update(momentum=0.0, nesterov=False) or 1.0 if step == 15 else 1.0
        )

    return descend(
        start, lambda p: torch.optim.SGD(p, lr=1.0, momentum=0.9, nesterov=True), 40, schedule=plain_after_15
    )


def adam(start: Tensor) -> list[float]:
    """Adam on the plain gradient, with a cosine schedule."""
    return descend(
        start,
        lambda p: torch.optim.Adam(p, lr=3e-2),
        200,
        newton=False,
        schedule=lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 200),
    )


def guarded(start: Tensor) -> list[float]:
    """KMeans as it comes, from the same start."""
    return KMeans(20, init=start).fit(POINTS).history_


METHODS = {
    "the script as asked": as_asked,
    "Newton's step = Lloyd": lloyd,
    "with Nesterov momentum .9": momentum,
    "argrad.cluster.KMeans": guarded,
    "Adam, cosine schedule": adam,
}


def draw(path: Path, reference: float) -> None:
    """Inertia by pass over the data, from one start."""
    figure = Figure(figsize=(8.2, 5.2), layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    colors = ["#bbbbbb", "#4477aa", "#228833", "#ccbb44", "#aa3377"]
    for (name, method), color in zip(METHODS.items(), colors, strict=True):
        history = method(starts(1))
        label = f"{name}: {history[-1]:,.0f}"
        axis.plot(range(1, len(history) + 1), history, color=color, label=label, linewidth=1.8)
    label = f"scikit-learn, n_init=10: {reference:,.0f}"
    axis.axhline(reference, color="black", linestyle="--", linewidth=1, label=label)
    axis.set(xscale="log", xlabel="passes over the data (log scale)", ylabel="inertia", ylim=(15600, 18000))
    axis.set_title("1000 uniform points of 200 dimensions, 20 clusters, one random start", fontsize=11)
    axis.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    figure.savefig(path, dpi=140)


def main(path: Path) -> None:
    """Print the table of 20 starts, and draw one of them."""
    torch.set_num_threads(1)
    print("| method | inertia, mean over starts | worst | better than Lloyd | CPU seconds |\n|---|---|---|---|---|")
    baseline = [lloyd(starts(seed))[-1] for seed in range(20)]
    for name, method in METHODS.items():
        begin = time.process_time()
        count = 3 if method is as_asked else 20  # it takes its time, and always ends alike
        ends = [method(starts(seed))[-1] for seed in range(count)]
        seconds = (time.process_time() - begin) / count
        better = sum(end < base - 1e-3 for end, base in zip(ends, baseline, strict=False))
        row = f"{sum(ends) / count:,.0f} | {max(ends):,.0f} | {better} of {count} | {seconds:.2f}"
        print(f"| {name} | {row} |", flush=True)
    begin = time.process_time()
    reference = Reference(20, n_init=10, random_state=0).fit(POINTS.numpy()).inertia_
    print(f"| scikit-learn, n_init=10 | {reference:,.0f} | | | {time.process_time() - begin:.2f} |")
    path.parent.mkdir(parents=True, exist_ok=True)
    draw(path, reference)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "why-kmeans-trains.png"))
