"""How many of n independent coins show heads: a tree of counting distributions, the engine of the k-subset law.

With p_i = σ(s_i − τ), the k-subset law is n coins given that k of them show heads, whatever τ is. With τ such that
about k heads are expected, P(k heads) is of the order 1/√n and can neither vanish nor overflow, and every term
is a sum of products of probabilities: nothing is subtracted, and no logarithm is needed in the recursion.

A node of the tree holds P(j heads among its leaves), j ≤ k: the product, as polynomials, of its two halves'. Its size
grows to k + 1 only, so that all nodes together cost O(nk), in log₂ n steps. Counts come first and nodes last,
(counts, *batch, nodes), so that each operation runs along memory.

Source: Hájek 1964 (conditional Poisson sampling); Chen, Dempster & Liu 1994 (a recursion).
"""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import pad

if TYPE_CHECKING:
    from torch import Tensor

_NEWTONS = 10
_WIDE = 20.0  # σ(20) is 1 to float32


@torch.no_grad()
def threshold(z: Tensor, k: int) -> Tensor:
    """Find τ with Σ σ(z − τ) ≈ k: (*batch, n) → (*batch, 1).

    It lies in [z_(k+1) − log(k+1), z_(k) + log(n−k+1)]; a step of Newton's that leaves what is left of it is a halving.
    """
    n = z.shape[-1]
    top = z.topk(min(k + 1, n), -1).values
    last_in = top[..., k - 1 : k]
    first_out = torch.maximum(top[..., -1:] if k < n else last_in - 2 * _WIDE, last_in - 2 * _WIDE)
    low, high = first_out - log(k + 1), last_in + log(n - k + 1)
    tau = (first_out + last_in) / 2
    for _ in range(_NEWTONS):
        p = torch.sigmoid(z - tau)
        excess = p.sum(-1, keepdim=True) - k
        low, high = torch.where(excess > 0, tau, low), torch.where(excess > 0, high, tau)
        slope = (p * (1 - p)).sum(-1, keepdim=True).clamp_min(torch.finfo(z.dtype).tiny)
        step = tau + excess / slope
        tau = torch.where((step > low) & (step < high), step, (low + high) / 2)
    return tau


def leaves(heads: Tensor, tails: Tensor) -> Tensor:
    """Stack tails and heads as counts 0 and 1, with coins that show tails up to a power of two: (2, *batch, m)."""
    n = heads.shape[-1]
    more = (1 << (n - 1).bit_length()) - n
    return torch.stack([pad(tails, (0, more), value=1.0), pad(heads, (0, more))])


def split(level: Tensor) -> tuple[Tensor, Tensor]:
    """Give the left and the right children: the first and the second half of a level."""
    half = level.shape[-1] // 2
    return level[..., :half], level[..., half:]


def grow(tree: Tensor, k: int) -> list[Tensor]:
    """Give the levels from the leaves to the root: (counts, *batch, nodes) each."""
    levels = [tree]
    while levels[-1].shape[-1] > 1:
        left, right = split(levels[-1])
        levels.append(multiply(left, right, k))
    return levels


def descend(levels: list[Tensor], k: int) -> Tensor:
    """Give P(k − j heads among all the other leaves) for j = 0, 1: ∂ root_k/∂ leaves, (2, *batch, m)."""
    outside = torch.zeros_like(levels[-1])
    outside[k] = 1
    for level in reversed(levels[:-1]):
        left, right = split(level)
        outside = torch.cat([correlate(outside, right), correlate(outside, left)], -1)
    return outside


def multiply(left: Tensor, right: Tensor, k: int) -> Tensor:
    """Give Σ_i left_i right_{c−i} for counts c ≤ k: the distribution of the sum."""
    size = len(left)
    counts = min(2 * size - 1, k + 1)
    total = torch.zeros_like((left[:1] * right[:1]).expand(counts, *left.shape[1:]))
    for i in range(min(size, counts)):
        fits = min(size, counts - i)
        total[i : i + fits] += left[i] * right[:fits]
    return total


def correlate(outside: Tensor, sibling: Tensor) -> Tensor:
    """Give Σ_i outside_{j+i} sibling_i for each count j of the other child."""
    size = len(sibling)
    total = torch.zeros_like(outside[:1] * sibling)
    for i in range(min(size, len(outside))):
        fits = min(size, len(outside) - i)
        total[:fits] += outside[i : i + fits] * sibling[i]
    return total


def grow_tangent(levels: list[Tensor], tangent: Tensor, k: int) -> list[Tensor]:
    """Give the derivatives of the levels along a derivative of the leaves."""
    tangents = [tangent]
    for level in levels[:-1]:
        (left, right), (d_left, d_right) = split(level), split(tangents[-1])
        tangents.append(multiply(d_left, right, k) + multiply(left, d_right, k))
    return tangents


def descend_tangent(levels: list[Tensor], tangents: list[Tensor], k: int) -> tuple[Tensor, Tensor]:
    """Give what `descend` gives, and its derivative."""
    outside = torch.zeros_like(levels[-1])
    outside[k] = 1
    d_outside = torch.zeros_like(tangents[-1])
    for level, tangent in zip(reversed(levels[:-1]), reversed(tangents[:-1]), strict=True):
        (left, right), (d_left, d_right) = split(level), split(tangent)
        d_outside = torch.cat(
            [
                correlate(d_outside, right) + correlate(outside, d_right),
                correlate(d_outside, left) + correlate(outside, d_left),
            ],
            -1,
        )
        outside = torch.cat([correlate(outside, right), correlate(outside, left)], -1)
    return outside, d_outside
