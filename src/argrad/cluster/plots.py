"""Pictures of a clustering: points on two principal axes, sizes, inertia by step; inertia and silhouette by k."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import torch

_PALETTE: Final = 10  # colours of tab10; further clusters use them again
_LABELLED: Final = 30  # clusters whose labels can be read side by side

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor


def plot_clusters(
    path: Path, points: Tensor, labels: Tensor, centroids: Tensor, sizes: Tensor, history: Sequence[float]
) -> None:
    """Write a picture of three panels. Up to 30 clusters carry their labels: at their centroids and at their bars.

    Args:
        path: .png, .svg or .pdf.
        points: (n, d), some of the points.
        labels: (n,), theirs.
        centroids: (k, d).
        sizes: (k,), points of each cluster.
        history: the inertia at every pass.
    """
    figure, (map_, bars, line) = _figure(3)
    mean, axes, share = principal_axes(points)
    flat, centers = (points.double() - mean) @ axes, (centroids.double() - mean) @ axes
    colors = labels.remainder(_PALETTE).numpy()
    size = max(3.0, min(18.0, 6000 / max(len(points), 1)))
    map_.scatter(*flat.T.numpy(), c=colors, cmap="tab10", vmin=0, vmax=_PALETTE - 1, s=size, alpha=0.7, linewidths=0)
    map_.scatter(*centers.T.numpy(), c="black", s=70, marker="X", edgecolors="white", linewidths=0.8, label="centroids")
    map_.set(title="Clusters", xlabel=f"first principal axis ({share[0]:.0%})")
    map_.set_ylabel(f"second principal axis ({share[1]:.0%})")
    map_.legend(loc="best", frameon=False)
    if len(sizes) <= _LABELLED:
        for label, place in enumerate(centers.tolist()):
            map_.annotate(
                str(label), place, (5, 4), textcoords="offset points", fontweight="bold", path_effects=_halo()
            )
    _draw_sizes(bars, sizes)
    line.plot(range(1, len(history) + 1), history, color="#4477aa", marker=".", markersize=4)
    line.set(title="Inertia", xlabel="pass", ylabel="inertia")
    line.xaxis.get_major_locator().set_params(integer=True)
    figure.savefig(path, dpi=130)


def _draw_sizes(bars: Any, sizes: Tensor) -> None:
    """Bars in the clusters' colours over their labels, or, of too many clusters, by rank alone."""
    ordered = sizes.sort(descending=True, stable=True)
    places, labels = range(1, len(sizes) + 1), ordered.indices.tolist()
    if len(sizes) <= _LABELLED:
        colors = [f"C{label % _PALETTE}" for label in labels]  # matplotlib's own cycle is tab10
        bars.bar(places, ordered.values.numpy(), color=colors)
        bars.set_xticks(places, labels, fontsize=10 if len(sizes) <= _LABELLED // 2 else 7)
        bars.set_xlabel("cluster, largest first")
    else:
        bars.bar(places, ordered.values.numpy(), width=1, color="#4477aa")
        bars.xaxis.get_major_locator().set_params(integer=True)
        bars.set_xlabel(f"rank: {len(sizes)} clusters, largest first")
    bars.set(title="Sizes", ylabel="points")


def _halo() -> list[Any]:
    """White around letters, so that they can be read on points."""
    from matplotlib.patheffects import withStroke  # noqa: PLC0415

    return [withStroke(linewidth=2.5, foreground="white")]


def plot_scan(path: Path, ks: Sequence[int], inertias: Sequence[float], silhouettes: Sequence[float]) -> None:
    """Write a picture of inertia and silhouette by the number of clusters."""
    figure, (left, right) = _figure(2)
    left.plot(ks, inertias, color="#4477aa", marker="o", markersize=4)
    left.set(title="Inertia", xlabel="k", ylabel="inertia")
    right.plot(ks, silhouettes, color="#4477aa", marker="o", markersize=4)
    best = max(range(len(ks)), key=silhouettes.__getitem__)
    right.axvline(ks[best], color="#cc6677", linestyle="--", linewidth=1, label=f"best: k = {ks[best]}")
    right.set(title="Silhouette", xlabel="k", ylabel="mean silhouette")
    right.legend(frameon=False)
    for axis in (left, right):
        axis.xaxis.get_major_locator().set_params(integer=True)
    figure.savefig(path, dpi=130)


def principal_axes(points: Tensor) -> tuple[Tensor, Tensor, list[float]]:
    """The mean (d,), the two directions (d, 2) of largest variance, and their shares of it."""
    x = points.double()
    mean = x.mean(0)
    x = torch.cat([x - mean, x.new_zeros(len(x), max(0, 2 - x.shape[1]))], 1)
    values, vectors = torch.linalg.eigh(x.T @ x)
    share = values.clamp_min(0).flip(0)[:2] / values.clamp_min(0).sum().clamp_min(torch.finfo(x.dtype).tiny)
    return mean, vectors.flip(1)[: points.shape[1], :2], share.tolist()


def _figure(panels: int) -> tuple[Any, Any]:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  (an extra)
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as error:
        raise ImportError("Pictures are drawn by matplotlib: pip install 'argrad[plot]'.") from error
    figure = Figure(figsize=(4.6 * panels, 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, panels)
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes
