"""The nearest centroid of every point: the hot loop of k-means, and its only part that is worth compiling.

Two implementations of one contract. `plain` is PyTorch alone and works everywhere; `compiled` is a loop in C that is
compiled on first use where a C compiler is found. Both decide every label in float64, so which one runs changes the
time and nothing else. `backend()` says which, and why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from argrad._checks import require
from argrad.cluster.assignment.build import load
from argrad.cluster.assignment.compiled import CompiledLoop, fits
from argrad.cluster.assignment.plain import PlainLoop

__all__ = ["Assignment", "Pass", "backend", "nearest"]

_MATRIX: Final = 2  # dimensions
_REFRESH: Final = 32  # passes after which sums are added up anew: each change of a label costs them two roundings


@dataclass(frozen=True)
class Pass:
    """One pass of Lloyd's algorithm.

    Attributes:
        labels: (N,) int64, the nearest centroid of every point.
        changed: how many labels differ from the previous pass; N in the first.
        sums: (k, d) float64, Σ weight · point over the points of every label.
        counts: (k,) float64, Σ weight over the points of every label.
        inertia: Σ weight · |point − own centroid|², summed in float64.
    """

    labels: Tensor
    changed: int
    sums: Tensor
    counts: Tensor
    inertia: float


class Assignment:
    """The nearest centroid of every point, pass after pass over the same points.

        label_i = argmin_j Σ_t (x_it − c_jt)²  in float64, ties to the lowest j

    Labels are those of a float64 brute force, whatever an offset of the data, the number of threads or the size of
    a chunk; sums and inertia repeat bit for bit. The points must not be changed between passes.

    Args:
        points: (N, d), any real dtype, any device; NaN and infinity are the caller's to refuse.
        weights: (N,), non-negative, or None for 1 each.

    Raises:
        ValueError: if shapes do not fit.

    Wrong when one pass is all that is wanted of few points: use `nearest`. Between passes it keeps bounds,
    of at most the points' own size, which pay when the next centroids are near the last ones.

    Source: S. Lloyd 1982; bounds after Y. Ding et al. 2015 (Yinyang k-means).

    >>> import torch
    >>> points = torch.tensor([[0.0], [1.0], [10.0]])
    >>> done = Assignment(points).step(torch.tensor([[0.0], [9.0]]))
    >>> done.labels, done.sums, done.counts, done.inertia
    (tensor([0, 0, 1]), tensor([[ 1.],
            [10.]], dtype=torch.float64), tensor([2., 1.], dtype=torch.float64), 2.0)
    """

    def __init__(self, points: Tensor, weights: Tensor | None = None) -> None:
        self._points, self._weights = _checked(points, weights)
        self._plain: PlainLoop | None = None
        self._compiled = CompiledLoop(self._points, self._weights) if fits(self._points) else None
        self._state: _State | None = None

    @torch.no_grad()
    def step(self, centroids: Tensor) -> Pass:
        """Assign every point to the nearest of the centroids (k, d), and add up the points of every label."""
        exact = _checked_centroids(centroids, self._points, "Assignment.step")
        loop, last = self._loop(exact), self._state
        if last is not None and last.sums.shape != exact.shape:
            last = None
        labels, changed = loop.assign(exact, last.labels if last else None)
        if last is None or last.loop is not loop or 2 * changed > len(labels) or last.age == _REFRESH:
            state = _State(loop, labels, torch.zeros_like(exact), torch.zeros_like(exact[:, 0]), 0)
        else:
            state = _State(loop, labels, last.sums, last.counts, last.age + 1)
        loop.add(state.sums, state.counts, changes_only=state.age > 0)
        self._state = state
        inertia = loop.inertia(state.sums, state.counts)
        return Pass(labels, changed, state.sums + state.counts[:, None] * loop.mean, state.counts.clone(), inertia)

    @torch.no_grad()
    def distances(self) -> Tensor:
        """Squared distances (N,) to the own centroid in the last pass, float64."""
        if self._state is None:
            raise RuntimeError("Assignment.distances needs a pass. Call step(centroids) first.")
        return self._state.loop.distances()

    def _loop(self, centroids: Tensor) -> CompiledLoop | PlainLoop:
        if self._compiled is not None and self._compiled.accepts(centroids):
            return self._compiled
        self._plain = self._plain or PlainLoop(self._points, self._weights)
        return self._plain


@dataclass(frozen=True)
class _State:
    """What a pass leaves to the next: sums of the points less the loop's mean, which later passes correct in place."""

    loop: CompiledLoop | PlainLoop
    labels: Tensor
    sums: Tensor
    counts: Tensor
    age: int


@torch.no_grad()
def nearest(points: Tensor, centroids: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest centroid of every point and the squared distance to it.

        label_i = argmin_j Σ_t (x_it − c_jt)²  in float64, ties to the lowest j

    Args:
        points: (N, d), any real dtype, any device.
        centroids: (k, d).

    Returns:
        Labels (N,) int64 and squared distances (N,) float64.

    Raises:
        ValueError: if shapes do not fit.

    Wrong when called pass after pass on the same points: `Assignment` then saves most of the work.

    >>> import torch
    >>> nearest(torch.tensor([[0.0], [4.0], [10.0]]), torch.tensor([[0.0], [8.0]]))
    (tensor([0, 0, 1]), tensor([ 0., 16.,  4.], dtype=torch.float64))
    """
    points, _ = _checked(points, None)
    exact = _checked_centroids(centroids, points, "nearest")
    loop = CompiledLoop(points, None, keep=False) if fits(points) else None
    if loop is None or not loop.accepts(exact):
        loop = PlainLoop(points, None)
    labels, _ = loop.assign(exact, None)
    return labels, loop.distances()


def backend() -> str:
    """Which loop runs on CPU tensors, and why: one line."""
    return load().reason


def _checked(points: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor | None]:
    require(points.ndim == _MATRIX, "points", "Assignment", "a matrix (points, dimensions)", points)
    rows = f"with points of shape {tuple(points.shape)}"
    fit = weights is None or weights.shape == points.shape[:1]
    require(fit, "weights", "Assignment", "one number a point", weights, context=rows)
    exact = None if weights is None else weights.detach().to(points.device, torch.float64)
    return points.detach(), exact


def _checked_centroids(centroids: Tensor, points: Tensor, of: str) -> Tensor:
    require(
        centroids.ndim == _MATRIX and len(centroids) > 0, "centroids", of, "a matrix of at least one row", centroids
    )
    fit = centroids.shape[1] == points.shape[1]
    rows = f"with points of shape {tuple(points.shape)}"
    require(fit, "centroids", of, "of as many columns as the points", centroids, context=rows)
    return centroids.detach().to(points.device, torch.float64, copy=True)
