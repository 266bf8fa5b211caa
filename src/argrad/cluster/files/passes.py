"""Passes over rows that are read anew each time: one number a row stays in memory, its label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from argrad.cluster.assignment import Pass, nearest
from argrad.cluster.rows import Far, farthest_rows

if TYPE_CHECKING:
    from torch import Tensor

    from argrad.cluster.files import Files


class FilePasses:
    """Assign and add up, batch by batch. Sums go from row to row, so that a batch's size does not change a bit."""

    def __init__(self, rows: Files) -> None:
        self._rows = rows
        self._centroids = torch.empty(0)
        self._seen = False
        self.labels = torch.zeros(rows.count, dtype=torch.int64)

    def step(self, centroids: Tensor) -> Pass:
        """Assign and add up."""
        k, d = centroids.shape
        totals = torch.zeros(k, d + 1, dtype=torch.float64)
        inertia = torch.zeros((), dtype=torch.float64)
        changed = 0
        for points, weights, first in self._rows.batches():
            labels, squared = nearest(points, centroids)
            before = self.labels[first : first + len(points)]
            changed += int((before != labels).sum())
            before.copy_(labels)
            totals = _add_in_order(totals, points, weights, labels)
            inertia = torch.cat([inertia[None], weights * squared]).cumsum(0)[-1]
        changed = changed if self._seen else len(self.labels)
        self._centroids, self._seen = centroids, True
        return Pass(self.labels, changed, totals[:, :d], totals[:, d], float(inertia))

    def farthest(self, count: int) -> Far:
        """The farthest points of the last pass, by one more reading of the files."""
        d = self._rows.dimensions
        best = torch.empty(0, d + 3, dtype=torch.float64)
        for points, weights, first in self._rows.batches():
            exact, labels = points.double(), self.labels[first : first + len(points)]
            squared = (exact - self._centroids[labels]).square().sum(1)
            at = farthest_rows(squared, weights, count)
            found = torch.cat([squared[at, None], weights[at, None], labels[at, None].double(), exact[at]], 1)
            best = torch.cat([best, found])
            best = best[best[:, 0].sort(descending=True, stable=True).indices[:count]]
        return Far(best[:, 0], best[:, 3:], best[:, 1], best[:, 2].long())


def _add_in_order(totals: Tensor, points: Tensor, weights: Tensor, labels: Tensor) -> Tensor:
    """Add (w x, w) to the row of each label: each row is its old value plus its points, from first to last."""
    k = len(totals)
    rows = torch.cat([totals, torch.cat([points.double() * weights[:, None], weights[:, None]], 1)])
    label = torch.cat([torch.arange(k), labels])
    order = label.sort(stable=True).indices
    return torch.segment_reduce(rows[order], "sum", lengths=label.bincount(minlength=k), axis=0)
