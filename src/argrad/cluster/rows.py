"""Where the points live. Seeding and the solver see points only through `Rows`, so one loop serves them all.

`Memory` is a tensor, `argrad.cluster.files.Files` are files larger than memory, `argrad.cluster.shard.Shard` is one
process's part of points that several machines hold together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

import torch
from torch.nn import functional

from argrad.cluster.assignment import Assignment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

BATCH_NUMBERS = 2**22  # numbers in a batch: 32 MB in float64, whatever the dimension


class Totals(Protocol):
    """What one pass over all points adds up to (see `assignment.Pass`)."""

    @property
    def changed(self) -> int:
        """How many labels differ from the previous pass."""
        ...

    @property
    def sums(self) -> Tensor:
        """Σ weight · point of every label, (k, d) float64."""
        ...

    @property
    def counts(self) -> Tensor:
        """Σ weight of every label, (k,) float64."""
        ...

    @property
    def inertia(self) -> float:
        """Σ weight · squared distance to the own centroid."""
        ...


class Batch(NamedTuple):
    """Some points (n, d), their weights (n,), and the index of the first among all points."""

    points: Tensor
    weights: Tensor
    first: int


class Far(NamedTuple):
    """The points farthest from their own centroids, farthest first: where empty clusters move."""

    distances: Tensor  # (n,) float64, above 0
    points: Tensor  # (n, d) float64
    weights: Tensor  # (n,) float64
    labels: Tensor  # (n,) int64


class Passes(Protocol):
    """Passes of Lloyd's algorithm over the same points."""

    def step(self, centroids: Tensor) -> Totals:
        """Assign every point to its nearest centroid (k, d), and add up."""
        ...

    def farthest(self, count: int) -> Far:
        """At most `count` points of positive weight that the last pass found farthest from their own centroid."""
        ...

    @property
    def labels(self) -> Tensor:
        """The labels (N,) int64 of the last pass: of this process's points."""
        ...


@runtime_checkable
class Rows(Protocol):
    """Weighted points, wherever they live."""

    @property
    def dimensions(self) -> int:
        """The number of columns, d."""
        ...

    @property
    def dtype(self) -> torch.dtype:
        """The dtype in which centroids are kept: at least float32."""
        ...

    @property
    def device(self) -> torch.device:
        """Where the points are."""
        ...

    def normalised(self) -> Rows:
        """The same rows, each divided by its norm."""
        ...

    def batched(self, rows: int) -> Rows:
        """The same rows, so many at a time."""
        ...

    def batches(self) -> Iterator[Batch]:
        """All of this process's points, in order."""
        ...

    def passes(self) -> Passes:
        """Passes over these points, from the first."""
        ...

    def total(self, value: Tensor) -> Tensor:
        """The sum of `value` over all processes that hold points."""
        ...

    def gather(self, value: Tensor) -> Tensor:
        """`value`'s rows (n, …) of all processes, one below the other."""
        ...


@dataclass(frozen=True)
class Memory:
    """Points (N, d) in a tensor, with weights (N,) or None for 1 each."""

    points: Tensor
    weights: Tensor | None = None
    batch_rows: int | None = None

    @property
    def dimensions(self) -> int:
        """The number of columns."""
        return self.points.shape[1]

    @property
    def dtype(self) -> torch.dtype:
        """The centroids' dtype."""
        return centroid_dtype(self.points.dtype)

    @property
    def device(self) -> torch.device:
        """Where the points are."""
        return self.points.device

    def normalised(self) -> Memory:
        """Unit rows; ValueError if a row is 0, which has no direction."""
        return replace(self, points=unit_rows(self.points.to(self.dtype)))

    def batched(self, rows: int) -> Memory:
        """The same rows, so many at a time."""
        return replace(self, batch_rows=rows)

    def batches(self) -> Iterator[Batch]:
        """All points, in order."""
        step = self.batch_rows or batch_rows(self.dimensions)
        for first in range(0, len(self.points), step):
            points = self.points[first : first + step].to(self.dtype)
            weights = points.new_ones(len(points)) if self.weights is None else self.weights[first : first + step]
            yield Batch(points, weights.double(), first)

    def passes(self) -> MemoryPasses:
        """Passes over these points."""
        return MemoryPasses(self)

    def total(self, value: Tensor) -> Tensor:
        """One process holds all: the value."""
        return value

    def gather(self, value: Tensor) -> Tensor:
        """One process holds all: the rows."""
        return value


class MemoryPasses:
    """Passes over points in memory."""

    def __init__(self, rows: Memory) -> None:
        self._rows = rows
        self._assignment = Assignment(rows.points, rows.weights)
        self.labels = torch.empty(0, dtype=torch.int64)

    def step(self, centroids: Tensor) -> Totals:
        """Assign and add up."""
        done = self._assignment.step(centroids)
        self.labels = done.labels
        return done

    def farthest(self, count: int) -> Far:
        """The farthest points of the last pass."""
        rows = self._rows
        weights = rows.points.new_ones(len(rows.points)) if rows.weights is None else rows.weights
        index = farthest_rows(self._assignment.distances(), weights, count)
        return Far(
            self._assignment.distances()[index],
            rows.points[index].double(),
            weights[index].double(),
            self.labels[index],
        )


def farthest_rows(distances: Tensor, weights: Tensor, count: int) -> Tensor:
    """Indices of at most `count` largest positive distances, the largest first, ties to the lowest index."""
    moveable = torch.where(weights > 0, distances, 0)
    limit = moveable.topk(min(count, len(moveable))).values[-1:].clamp_min(torch.finfo(distances.dtype).tiny)
    index = (moveable >= limit).nonzero().squeeze(1) if len(limit) else torch.empty(0, dtype=torch.int64)
    order = moveable[index].sort(descending=True, stable=True).indices
    return index[order[:count]]


def centroid_dtype(dtype: torch.dtype) -> torch.dtype:
    """Centroids of float32 and half-precision points are float32, of integers and float64 points float64."""
    return torch.float32 if dtype in (torch.float32, torch.float16, torch.bfloat16) else torch.float64


def batch_rows(dimensions: int) -> int:
    """How many rows make a batch if nobody said."""
    return max(1, BATCH_NUMBERS // max(dimensions, 1))


def unit_rows(points: Tensor, first: int = 0) -> Tensor:
    """Each row divided by its norm; a row of zeros has no direction and is refused by its number."""
    largest = points.abs().amax(1, keepdim=True)
    zero = (largest.squeeze(1) == 0).nonzero()
    if len(zero):
        row = int(zero[0]) + first
        raise ValueError(f"The cosine metric needs rows that are not all 0. Got zeros in row {row}, counted from 0.")
    return functional.normalize(points / largest, dim=1)


def column_moments(rows: Rows) -> tuple[Tensor, Tensor]:
    """The weighted mean and variance (d,) of each column, float64."""
    count = torch.zeros((), dtype=torch.float64, device=rows.device)
    sums = torch.zeros(rows.dimensions, dtype=torch.float64, device=rows.device)
    for batch in rows.batches():
        count += batch.weights.sum()
        sums += batch.weights @ batch.points.double()
    mean = rows.total(sums) / rows.total(count)
    squares = torch.zeros_like(sums)
    for batch in rows.batches():
        squares += batch.weights @ (batch.points.double() - mean).square()
    return mean, rows.total(squares) / rows.total(count)
