"""The reference: plain PyTorch, chunk by chunk, on any device and in any dtype."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK_NUMBERS: Final = {"cpu": 2**19}  # about 2 MB of scores; accelerators want larger products
_CHUNK_NUMBERS_ACCELERATOR: Final = 2**25
_TOO_SMALL: Final = 1e-30  # above what float32 loses of products that are too small for it


class PlainLoop:
    """Passes over the same points (N, d): a chunk of scores at a time, never N × k.

    Scores |c|² − 2x·c of centred points come in float32 (float64 for float64 points) with a rigorous error; where
    that leaves more than one candidate, float64 distances decide.
    """

    def __init__(self, points: Tensor, weights: Tensor | None) -> None:
        self._points, self._weights = points, weights
        self.mean = points.double().mean(0) if len(points) else points.new_zeros(points.shape[1]).double()

    def assign(self, centroids: Tensor, previous: Tensor | None) -> tuple[Tensor, int]:
        """Labels of the nearest centroids (k, d) in float64, and how many differ from `previous`."""
        points = self._points
        labels = torch.empty(len(points), dtype=torch.int64, device=points.device)
        for part in chunks(len(points), len(centroids) + points.shape[1], points.device):
            labels[part] = _nearest_of_chunk(points[part].double(), centroids, self.mean, _screen_dtype(points))
        self._centroids, self._labels, self._previous = centroids, labels, previous
        changed = len(labels) if previous is None else int((labels != previous).sum())
        return labels, changed

    def distances(self) -> Tensor:
        """Squared distances (N,) to the own centroid of the last pass, in float64."""
        points, labels = self._points, self._labels
        own = torch.empty(len(points), dtype=torch.float64, device=points.device)
        for part in chunks(len(points), points.shape[1], points.device):
            own[part] = (points[part].double() - self._centroids[labels[part]]).square().sum(1)
        return own

    def inertia(self, sums: Tensor, counts: Tensor) -> float:  # noqa: ARG002  (the compiled loop needs them)
        """Σ weight · |x − own centroid|²."""
        own = self.distances()
        return float(own.sum() if self._weights is None else own @ self._weights)

    def add(self, sums: Tensor, counts: Tensor, *, changes_only: bool) -> None:
        """Add the points of every label, less `mean`, to `sums` (k, d) and `counts` (k,), or the last changes."""
        labels, previous = self._labels, self._previous
        if not changes_only or previous is None:
            self._add(sums, counts, torch.arange(len(labels), device=labels.device), labels, 1.0)
            return
        moved = (labels != previous).nonzero().squeeze(1)
        self._add(sums, counts, moved, previous[moved], -1.0)
        self._add(sums, counts, moved, labels[moved], 1.0)

    def _add(self, sums: Tensor, counts: Tensor, rows: Tensor, labels: Tensor, sign: float) -> None:
        """Sorted by label and summed in segments: no atomic additions, so the same bits on every run."""
        for part in chunks(len(rows), self._points.shape[1] + 1, sums.device):
            group, order = labels[part].sort(stable=True)
            index = rows[part][order]
            x = self._points[index].double() - self.mean
            weight = x.new_ones(len(index)) if self._weights is None else self._weights[index]
            weighted = torch.cat([x * weight[:, None], weight[:, None]], 1) * sign
            present, lengths = group.unique_consecutive(return_counts=True)
            totals = torch.segment_reduce(weighted, "sum", lengths=lengths, axis=0)
            sums[present] += totals[:, :-1]
            counts[present] += totals[:, -1]


def chunks(rows: int, numbers_a_row: int, device: torch.device) -> Iterator[slice]:
    """Slices of rows that keep a chunk's scores in a cache (on an accelerator: its cores busy)."""
    numbers = _CHUNK_NUMBERS.get(device.type, _CHUNK_NUMBERS_ACCELERATOR)
    step = max(numbers // max(numbers_a_row, 1), 1)
    return (slice(first, min(first + step, rows)) for first in range(0, rows, step))


def _screen_dtype(points: Tensor) -> torch.dtype:
    return torch.float64 if points.dtype == torch.float64 or not points.is_floating_point() else torch.float32


def _nearest_of_chunk(x: Tensor, centroids: Tensor, mean: Tensor, dtype: torch.dtype) -> Tensor:
    """Labels of float64 points (m, d). Scores within `margin` of the least are decided by their distances."""
    centred, centres = x - mean, centroids - mean
    scale = torch.exp2(-torch.maximum(centred.abs().max(), centres.abs().max()).frexp().exponent.double())
    centred, centres = centred * scale, centres * scale  # below 1: no square is too large for the screen
    norm = centres.square().sum(1)
    scores = torch.addmm(norm.to(dtype), centred.to(dtype), centres.to(dtype).T, alpha=-2)
    least, labels = scores.min(1)
    reach = centred.norm(dim=1) + norm.max().sqrt()
    relative = (2 * (x.shape[1] + 32) * torch.finfo(dtype).eps * reach.square()).to(dtype)
    limit = least + relative + _TOO_SMALL
    scores.scatter_(1, labels[:, None], torch.inf)
    doubtful = (~(scores.amin(1) > limit)).nonzero().squeeze(1)
    if len(doubtful):
        labels[doubtful] = _decide(x, centroids, scores, limit, labels, doubtful)
    return labels


def _decide(x: Tensor, centroids: Tensor, scores: Tensor, limit: Tensor, labels: Tensor, rows: Tensor) -> Tensor:
    """The nearest centroid of a few rows by float64 distances of every candidate; ties to the lowest index."""
    candidate = ~(scores[rows] > limit[rows, None])
    candidate.scatter_(1, labels[rows, None], value=True)
    out = torch.empty_like(rows)
    for part in chunks(len(rows), len(centroids), rows.device):
        row, column = candidate[part].nonzero().unbind(1)
        squared = torch.cat(
            [
                (x[rows[part][row[s]]] - centroids[column[s]]).square().sum(1)
                for s in chunks(len(row), x.shape[1], rows.device)
            ]
        )
        best = squared.new_full((int(row.max()) + 1,), torch.inf).scatter_reduce_(0, row, squared, "amin")
        ties = torch.where(squared == best[row], column, len(centroids))
        out[part] = torch.full_like(best, len(centroids), dtype=torch.int64).scatter_reduce_(0, row, ties, "amin")
    return out
