"""Isotonic regression, structure only: which neighbours are pooled. Blocks are integers and carry no gradient.

The fit of y is the non-decreasing sequence nearest to it; it is constant on blocks, and on each it is the mean there
(or another ratio of sums). Whoever has the blocks writes the value as plain differentiable code.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from argrad._checks import in_functorch, in_transform

if TYPE_CHECKING:
    from collections.abc import Callable

_GAP = 2.0  # between rows that are scaled to [0, 1]: they can never pool


@torch.no_grad()
def blocks(y: Tensor) -> Tensor:
    """Find the blocks of the non-decreasing least-squares fit of each row, −inf first allowed.

    On the CPU all rows go through scipy's pool-adjacent-violators as one long row, where scipy is installed; else by
    halves in torch operations. The two differ by rounding alone.

    Args:
        y: (*batch, n).

    Returns:
        (*batch, n) int64: for each position the first one of its block.

    Source: Best & Chakravarti 1990 (pool adjacent violators).
    """
    if not in_transform() and y.device.type == "cpu" and y.numel() and find_spec("scipy"):
        return _blocks_of_one_row(y)
    low = y.masked_fill(y == -torch.inf, torch.inf).amin(-1, keepdim=True)
    return pool(torch.maximum(y, low - 1), torch.ones_like(y), torch.add, torch.div, 0.0)


def _blocks_of_one_row(y: Tensor) -> Tensor:
    n = y.shape[-1]
    rows = y.to(torch.float64, copy=True).reshape(-1, n)
    low = rows.amin(-1, keepdim=True)
    if low.isinf().any():
        masked = rows == -torch.inf
        low = rows.masked_fill(masked, torch.inf).amin(-1, keepdim=True)
        rows = torch.where(masked, low - 1, rows)
        low = rows.amin(-1, keepdim=True)
    width = rows.amax(-1, keepdim=True) - low
    index = torch.arange(len(rows)).unsqueeze(-1)
    flat = rows.sub_(low).div_(width.masked_fill_(width == 0, 1)).add_(_GAP * index)
    fit = import_module("scipy.optimize").isotonic_regression(flat.view(-1).numpy())
    edges = torch.from_numpy(fit.blocks).long()
    first = edges[:-1].repeat_interleave(edges.diff(), output_size=flat.numel())
    return first.view(rows.shape).sub_(n * index).view(y.shape)


@torch.no_grad()
def pool(
    numerator: Tensor,
    denominator: Tensor,
    plus: Callable[[Tensor, Tensor], Tensor],
    ratio: Callable[[Tensor, Tensor], Tensor],
    nothing: float,
) -> Tensor:
    """Find the blocks by halves: merge fits of neighbouring spans, twice as long each time, in log² n steps.

    Two fits pool a tail of the left one and a head of the right one; the tail starts at the first value above the
    pooled ratio, the head ends before the first value not below it, and both are found by bisection.

    Args:
        numerator: (*batch, n); a block's value is ratio(⊕ numerator, ⊕ denominator).
        denominator: the same shape.
        plus: ⊕, `torch.add`, or `torch.logaddexp` for sums known by their logarithm.
        ratio: `torch.div`, or `torch.sub` for logarithms.
        nothing: the neutral element of ⊕.

    Returns:
        (*batch, n) int64: for each position the first one of its block.
    """
    n = numerator.shape[-1]
    more = (1 << (n - 1).bit_length()) - n
    fit = ratio(numerator, denominator)
    top = fit.amax(-1, keepdim=True) if n else fit
    filler = (ratio(top, torch.zeros_like(top)) if plus is torch.logaddexp else top).expand(*top.shape[:-1], more)
    sums = torch.stack([numerator, denominator])
    unit = torch.stack([filler, torch.zeros_like(filler) if plus is torch.logaddexp else torch.ones_like(filler)])
    sums, fit = torch.cat([sums, unit], -1), torch.cat([fit, filler], -1)
    first = torch.arange(n + more, device=fit.device).expand(fit.shape)
    spans = _Spans(plus, ratio, nothing)
    before, after = sums, sums
    size = 1
    while size < n:
        fit, first, before, after = spans.merge(fit, first, before, after, size)
        size *= 2
    return first[..., :n]


class _Spans:
    """Merges of neighbouring spans, given how to sum and to divide."""

    def __init__(
        self,
        plus: Callable[[Tensor, Tensor], Tensor],
        ratio: Callable[[Tensor, Tensor], Tensor],
        nothing: float,
    ) -> None:
        self.plus, self.ratio, self.nothing = plus, ratio, nothing

    def value(self, tail: Tensor, at: Tensor, head: Tensor, to: Tensor) -> Tensor:
        """Give the ratio of the left span from `at` on, together with the right span before `to`."""
        both = (2, *at.shape)
        return self.ratio(*self.plus(tail.gather(-1, at.expand(both)), head.gather(-1, to.expand(both))))

    def merge(
        self, fit: Tensor, first: Tensor, before: Tensor, after: Tensor, size: int
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Merge each two neighbouring spans of this size.

        `before` are sums from the span's start up to and with a position, `after` from a position to its end.
        """
        left_fit, right_fit = _halves(fit, size)
        left_first, right_first = (part % size for part in _halves(first, size))
        left_before, right_before = _halves(before, size)
        left_after, right_after = _halves(after, size)
        empty = torch.full_like(left_before[..., :1], self.nothing)
        tail, head = torch.cat([left_after, empty], -1), torch.cat([empty, right_before], -1)

        def above(i: Tensor) -> Tensor:
            value = left_fit.gather(-1, i)
            below = _count_below(right_fit, value)
            return self.value(tail, left_first.gather(-1, i), head, below) < value

        start = _first_true(above, left_fit)
        end = _first_true(
            lambda j: self.value(tail, start, head, right_first.gather(-1, j)) <= right_fit.gather(-1, j), left_fit
        )
        position = torch.arange(2 * size, device=fit.device)
        pooled = (left_fit[..., -1:] > right_fit[..., :1]) & (position >= start) & (position < size + end)
        base = torch.arange(0, fit.shape[-1], 2 * size, device=fit.device).unsqueeze(-1)
        fit = torch.where(pooled, self.value(tail, start, head, end), _whole(fit, size))
        first = torch.where(pooled, base + start, _whole(first, size))
        before = torch.cat([left_before, self.plus(left_before[..., -1:], right_before)], -1)
        after = torch.cat([self.plus(left_after, right_after[..., :1]), right_after], -1)
        return fit.flatten(-2), first.flatten(-2), before.flatten(-2), after.flatten(-2)


def _halves(x: Tensor, size: int) -> tuple[Tensor, Tensor]:
    left, right = x.unflatten(-1, (-1, 2, size)).unbind(-2)
    return left, right


def _whole(x: Tensor, size: int) -> Tensor:
    return x.unflatten(-1, (-1, 2 * size))


def _count_below(ascending: Tensor, value: Tensor) -> Tensor:
    if in_functorch():  # searchsorted warns of its copies there
        return _first_true(lambda j: ascending.gather(-1, j) >= value, ascending)
    return torch.searchsorted(ascending.contiguous(), value.contiguous())


def _first_true(test: Callable[[Tensor], Tensor], like: Tensor) -> Tensor:
    """Bisect for the first position at which a monotone test holds, the length if nowhere: (*batch, spans, 1)."""
    size = like.shape[-1]
    low = torch.zeros_like(like[..., :1], dtype=torch.long)
    high = torch.full_like(low, size)
    for _ in range(size.bit_length()):
        middle = (low + high) // 2
        holds = test(middle.clamp_max(size - 1)) | (middle >= size)
        high = torch.where(holds, middle, high)
        low = torch.where(holds, low, torch.minimum(middle + 1, high))
    return low
