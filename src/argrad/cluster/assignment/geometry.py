"""Where centroids and points lie: their unit, an order of neighbours, and the axes along which points spread."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

LANES: Final = 16  # of job.h
HEAD: Final = 32  # dimensions of a head: a multiple of any BLOCK of job.h


def unit_scale(reach: Tensor, dtype: torch.dtype) -> float:
    """The power of two that brings the reach below 1, as far as float32, or the square of a float64, holds it."""
    most = 500 if dtype == torch.float64 else 126
    exponent = int(reach.frexp().exponent) if 0 < reach < torch.inf else 0
    return 2.0 ** -max(-most, min(most, exponent))


def wide_axes(centred: Tensor, count: int) -> Tensor:
    """Orthonormal axes of a wide spread, of which the last is 0: any are right, wide ones are better.

    Block power iteration on the covariance of a sample (n, d) float64; (d, count) float32.
    """
    sample = centred.float()
    axes = torch.randn(sample.shape[1], count - 1, generator=torch.Generator().manual_seed(0))
    for _ in range(3):
        axes = torch.linalg.qr(sample.T @ (sample @ axes))[0]
    axes = torch.linalg.qr(axes.double())[0].float()
    return torch.cat([axes, axes.new_zeros(len(axes), 1)], 1)


def share_spared(points: Tensor, centroids: Tensor, axes: Tensor) -> float:
    """The share of pairs of a point and LANES neighbouring centroids whose heads are farther apart than the nearest is.

    A head is the coordinates along the axes, and the length of what is left.
    """
    nearest = torch.cdist(points, centroids).amin(1)
    heads = [_head(x, axes.double()) for x in (points, centroids)]
    groups = torch.cdist(*heads)[:, : len(centroids) // LANES * LANES].unflatten(1, (-1, LANES)).amin(2)
    return float((groups > nearest[:, None]).double().mean())


def _head(x: Tensor, axes: Tensor) -> Tensor:
    head = x @ axes
    head[:, -1] = (x.square().sum(1) - head.square().sum(1)).clamp_min(0).sqrt()
    return head


def neighbours(centroids: Tensor, lanes: int) -> Tensor:
    """An order of the centroids (k, d) in which near ones are near: halved again and again along a wide spread."""
    return torch.cat(_halve(centroids.float(), torch.arange(len(centroids)), lanes))


def _halve(centroids: Tensor, index: Tensor, lanes: int) -> list[Tensor]:
    if len(index) <= lanes:
        return [index]
    part = centroids[index] - centroids[index].mean(0)
    direction = part[part.square().sum(1).argmax()]
    for _ in range(2):  # power iteration: any direction is right, a wide one is better
        direction = torch.nn.functional.normalize(part.T @ (part @ direction), dim=0)
    index = index[(part @ direction).argsort(stable=True)]
    half = -(-len(index) // (2 * lanes)) * lanes
    return _halve(centroids, index[:half], lanes) + _halve(centroids, index[half:], lanes)
