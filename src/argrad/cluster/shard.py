"""Points that several processes hold together, through torch.distributed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import distributed

from argrad.cluster.assignment import Pass
from argrad.cluster.rows import Batch, Far

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from argrad.cluster.rows import Passes, Rows


@dataclass(frozen=True)
class Shard:
    """This process's part of points that all processes of a group cluster together.

    All processes hold the same centroids after every pass: one all-reduce of (k, d + 1) float64 numbers, with the
    inertia and the number of changed labels behind them. Seeds, empty clusters and the moment to stop agree as well.

    Args:
        rows: this process's part, `Memory` or `Files`; each process may hold any number of rows above 0.
        group: of torch.distributed, which must be initialised; None is everybody.

    Raises:
        RuntimeError: if another process is gone, at the next collective (at once with gloo over TCP, at the process
            group's `timeout` at the latest).

    Wrong when every process holds the same rows: they are then counted once per process.

    Example, started by ``torchrun --nproc-per-node 2``::

        torch.distributed.init_process_group("gloo")
        part = Files(["points.npy"], part=(torch.distributed.get_rank(), torch.distributed.get_world_size()))
        KMeans(20, random_state=0).fit(Shard(part))
    """

    rows: Rows
    group: Any = None

    @property
    def dimensions(self) -> int:
        """The number of columns."""
        return self.rows.dimensions

    @property
    def dtype(self) -> torch.dtype:
        """The centroids' dtype."""
        return self.rows.dtype

    @property
    def device(self) -> torch.device:
        """Where this process's points are."""
        return self.rows.device

    def normalised(self) -> Shard:
        """The same rows, each divided by its norm."""
        return replace(self, rows=self.rows.normalised())

    def batched(self, rows: int) -> Shard:
        """The same rows, so many at a time."""
        return replace(self, rows=self.rows.batched(rows))

    def batches(self) -> Iterator[Batch]:
        """This process's rows, numbered after those of the processes before it."""
        first = self._rows_before()
        return (batch._replace(first=batch.first + first) for batch in self.rows.batches())

    def passes(self) -> ShardPasses:
        """Passes over all processes' rows."""
        return ShardPasses(self)

    def total(self, value: Tensor) -> Tensor:
        """The sum over processes, in float64."""
        summed = value.double().clone()
        distributed.all_reduce(summed, group=self.group)
        return summed

    def gather(self, value: Tensor) -> Tensor:
        """All processes' rows, in the order of their ranks."""
        world = distributed.get_world_size(self.group)
        lengths = [torch.zeros(1, dtype=torch.int64, device=value.device) for _ in range(world)]
        distributed.all_gather(lengths, torch.tensor([len(value)], device=value.device), group=self.group)
        most = max(int(length) for length in lengths)
        padded = value.new_zeros(most, *value.shape[1:])
        padded[: len(value)] = value
        parts = [torch.empty_like(padded) for _ in range(world)]
        distributed.all_gather(parts, padded, group=self.group)
        return torch.cat([part[: int(length)] for part, length in zip(parts, lengths, strict=True)])

    def _rows_before(self) -> int:
        mine = sum(len(batch.points) for batch in self.rows.batches())
        counts = self.gather(torch.tensor([mine], device=self.device))
        return int(counts[: distributed.get_rank(self.group)].sum())


class ShardPasses:
    """This process's passes, added up over all processes."""

    def __init__(self, shard: Shard) -> None:
        self._shard = shard
        self._inner: Passes = shard.rows.passes()

    @property
    def labels(self) -> Tensor:
        """The labels of this process's rows."""
        return self._inner.labels

    def step(self, centroids: Tensor) -> Pass:
        """Assign this process's rows; add up everybody's."""
        mine = self._inner.step(centroids)
        k, d = mine.sums.shape
        last = torch.tensor([mine.inertia, float(mine.changed)], dtype=torch.float64, device=mine.sums.device)
        numbers = torch.cat([torch.cat([mine.sums, mine.counts[:, None]], 1).flatten(), last])
        distributed.all_reduce(numbers, group=self._shard.group)
        sums = numbers[:-2].view(k, d + 1)
        return Pass(self.labels, int(numbers[-1]), sums[:, :d], sums[:, d], float(numbers[-2]))

    def farthest(self, count: int) -> Far:
        """The farthest points of all processes."""
        mine = self._inner.farthest(count)
        packed = torch.cat([torch.stack([mine.distances, mine.weights, mine.labels.double()], 1), mine.points], 1)
        every = self._shard.gather(packed)
        best = every[every[:, 0].sort(descending=True, stable=True).indices[:count]]
        return Far(best[:, 0], best[:, 3:], best[:, 1], best[:, 2].long())
