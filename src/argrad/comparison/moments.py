"""Mean, variance and direction of many draws of a vector, without keeping the draws."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

BLOCKS = 32
_ROUNDING = 1e-12  # a variance this small beside the mean square is the rounding of its own sum


@dataclass(frozen=True)
class Moments:
    """Sums over draws, by blocks, so that the standard error of what follows from them is known.

    Attributes:
        blocks: (blocks, P), the mean of each block of draws.
        variance: total variance of one draw, E‖x − E[x]‖².
        cosine: mean cosine between a draw and the vector that was asked about.
        count: number of draws.

    >>> import torch
    >>> from argrad.comparison.moments import Moments
    >>> draws = torch.randn(1000, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> round(Moments.of(iter(draws)).variance, 1)
    3.0
    """

    blocks: Tensor
    variance: float
    cosine: float
    count: int

    @classmethod
    def of(cls, draws: Iterable[Tensor], towards: Tensor | None = None) -> Moments:
        """Sum up draws, each (P,), dealt to the blocks in turn."""
        sums: list[Tensor] = []
        cosines = squares = 0.0
        count = 0
        for x in draws:
            if count < BLOCKS:
                sums.append(x.clone())
            else:
                sums[count % BLOCKS] += x
            squares += x.square().sum().item()
            cosines += _cosine(x, towards)
            count += 1
        total = torch.stack(sums)
        sizes = [(count - b + len(sums) - 1) // len(sums) for b in range(len(sums))]
        mean = total.sum(0) / count
        variance = (squares - count * mean.square().sum().item()) / max(count - 1, 1)
        variance = 0.0 if variance <= _ROUNDING * squares / count else variance  # a NaN stays
        return cls(total / torch.tensor(sizes).to(total).unsqueeze(1), variance, cosines / count, count)

    @property
    def mean(self) -> Tensor:
        """The mean over blocks."""
        return self.blocks.mean(0)

    @property
    def signal(self) -> float:
        """‖E[x]‖, without the part that the noise of the mean adds."""
        of_noise = self.variance / self.count
        squared = self.mean.square().sum().item() - of_noise
        return squared**0.5 if squared > _ROUNDING * of_noise else 0.0

    def squared_distance(self, point: Tensor, variance: float = 0.0) -> tuple[float, float]:
        """Give an unbiased estimate of ‖E[x] − point‖² and its standard error.

        Formula: Σ_{a≠b} ⟨d_a, d_b⟩/(B(B−1)) over the B block means less the point: products of different blocks share
        no noise. Where the point is itself a mean with a total variance, that is subtracted, and what it adds to the
        error is bounded (a covariance's largest eigenvalue by its trace).
        """
        gap = self.blocks - point
        length = gap.mean(0).square().sum().item()
        of_point = 2 * variance**2 + 4 * length * variance
        if len(gap) == 1:
            return length - variance, of_point**0.5
        squared, error = _cross_products(gap)
        return squared - variance, (error**2 + of_point) ** 0.5


def _cross_products(gap: Tensor) -> tuple[float, float]:
    """Give the mean of ⟨d_a, d_b⟩ over a ≠ b, and its jackknife error.

    The jackknife counts the part of the variance that comes from pairs, 2 tr Σ²/(B(B−1)), twice (Efron & Stein 1981);
    one of them is taken off, which matters where the mean is near 0 and pairs are all there is.
    """
    b, total, own = len(gap), gap.sum(0), gap.square().sum(1)
    whole = (total.square().sum() - own.sum()) / (b * (b - 1))
    if b < 3:  # noqa: PLR2004 (leaving one out must leave a pair)
        return whole.item(), inf
    without = ((total - gap).square().sum(1) - (own.sum() - own)) / ((b - 1) * (b - 2))
    jackknife = (b - 1) / b * (without - without.mean()).square().sum()
    centred = gap - total / b
    products = (centred @ centred.T).square()
    pairs = 2 * (products.sum() - products.diagonal().sum()) / (b * (b - 1)) ** 2
    return whole.item(), torch.maximum(jackknife - pairs, jackknife / 2).sqrt().item()


def _cosine(x: Tensor, towards: Tensor | None) -> float:
    if towards is None:
        return 0.0
    norms = (x.norm() * towards.norm()).item()
    return (x @ towards).item() / norms if norms else 0.0
