"""The best perfect matching of n rows with n columns: its law where n is small, its relaxation for any n.

A matching is the permutation matrix y with y[i, j] = 1 where row i is matched with column j.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from itertools import permutations
from math import factorial
from typing import TYPE_CHECKING

import torch

from argrad._checks import ScoresError, describe, require_choosable
from argrad.choices._gibbs import (
    MASKED,
    Recursion,
    finite,
    indicate,
    lift,
    require_enumerable,
    require_event,
    require_lengths,
    spread,
    unmask,
)
from argrad.choices.permutation import birkhoff, sinkhorn

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

_DIMS = 2
_LARGEST = 12


def pairs(scores: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Match the padding with itself, row by row, where it changes nothing.

    Formula: past the end of a shorter one s[i, i] = 0, and every other pair is −inf.

    Args:
        scores: (*batch, n, n), [i, j] for row i with column j; −inf is a mask.
        lengths: (*batch,) integers in [1, n]; None: all are n.

    Raises:
        TypeError, ValueError: shapes or lengths that do not fit.

    >>> import torch
    >>> from argrad.choices.matching import pairs
    >>> pairs(torch.ones(2, 2), torch.tensor(1))
    tensor([[1., -inf],
            [-inf, 0.]])
    """
    require_event(scores, "pairs", _DIMS)
    if lengths is None:
        return scores
    n = scores.shape[-1]
    require_lengths(lengths, scores.shape[:-2], n, "pairs")
    past = torch.arange(n, device=scores.device) >= lengths.unsqueeze(-1)
    itself = torch.eye(n, dtype=torch.bool, device=scores.device).to(scores.dtype).log()
    return torch.where(past.unsqueeze(-1) | past.unsqueeze(-2), itself, scores)


def _value(s: Tensor, plus: Callable[[Tensor], Tensor]) -> Tensor:
    """Sum over all matchings, row after row, by the set of columns taken: n·2ⁿ⁻¹ terms instead of n!."""
    taken = torch.zeros_like(s[..., 0, :1])
    for row, (before, column) in zip(s.unbind(-2), _layers(s.shape[-1]), strict=True):
        taken = plus(taken[..., before.to(s.device)] + row[..., column.to(s.device)])
    return taken[..., 0]


@cache
def _layers(n: int) -> list[tuple[Tensor, Tensor]]:
    """For each r, and each set of r + 1 columns: its columns, and the place of the set without each: (sets, r + 1)."""
    place = {0: 0}
    layers = []
    for size in range(1, n + 1):
        sets = [s for s in range(2**n) if s.bit_count() == size]
        columns = [[j for j in range(n) if s >> j & 1] for s in sets]
        before = [[place[s ^ (1 << j)] for j in js] for s, js in zip(sets, columns, strict=True)]
        place = {s: i for i, s in enumerate(sets)}
        layers.append((torch.tensor(before), torch.tensor(columns)))
    return layers


def _check(scores: Tensor) -> None:
    require_event(scores, "matching", _DIMS)
    if scores.shape[-1] > _LARGEST:
        must = f"be of at most {_LARGEST} rows: the exact law is a permanent, which takes 2ⁿ steps"
        raise ScoresError("matching", must, describe(scores))


def _best(scores: Tensor) -> Tensor:
    """Solve every matching by scipy, on the CPU; it returns integers."""
    require_event(scores, "matching", _DIMS)
    require_choosable(scores.detach().amax((-2, -1)), "matching")
    rows = scores.detach().cpu().double().reshape(scores.shape[:-2].numel(), *scores.shape[-2:])
    rows = finite(rows)  # a large cost, so that scipy solves what is impossible too, for one error message
    column = torch.stack([_solve(row) for row in rows]) if len(rows) else rows.new_zeros(rows.shape[:-1]).long()
    total = rows.gather(-1, column.unsqueeze(-1)).sum((-2, -1))
    unmask(total.view(scores.shape[:-2]), "matching")
    return indicate(column.view(scores.shape[:-1]).to(scores.device), scores.detach())


def _solve(row: Tensor) -> Tensor:
    try:
        from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 (optional)
    except ImportError as missing:
        msg = "The best matching needs scipy: pip install scipy"
        raise ImportError(msg) from missing
    # of masked entries only their number counts, which a cost this large keeps apart from all sums of scores
    masked = row < MASKED / 2
    kept = row.masked_fill(masked, 0)
    cost = torch.where(masked, 2 * len(row) * (1 + kept.abs().amax()), -kept)
    return torch.from_numpy(linear_sum_assignment(cost.numpy())[1])


def _enumerate(scores: Tensor) -> Tensor:
    require_event(scores, "matching", _DIMS)
    n = scores.shape[-1]
    require_enumerable(factorial(n), "matching")
    column = torch.tensor(list(permutations(range(n))), device=scores.device)
    return spread(indicate(column, scores.new_zeros(len(column), n, n)), scores, _DIMS)


_small = Recursion(_value, "matching", _DIMS, _check)
log_partition = _small.log_partition
matching = replace(
    _small.choice(name="the choice of a matching", enumerate=_enumerate),
    hard=_best,
    project=birkhoff,
    lift=partial(lift, hard=_best, event_dims=_DIMS),
)
"""Choose a perfect matching.

Formula: y*(s) = argmax over permutation matrices y of ⟨y, s⟩; the law is p(y) ∝ exp⟨y, s⟩, whose normaliser is a
permanent: exact up to 12 rows, refused beyond. The best one is scipy's, for any size, and so is the projection.
"""

permutation = replace(matching, name="the choice of a permutation matrix", soft=sinkhorn, soft_is_mean=False)
"""`matching` with a relaxation for any size: Sinkhorn's matrix, whose entropy is a sum over entries.

All but `soft` is matching's, so the law p(y) ∝ exp⟨y, s⟩ is had up to 12 rows. Beyond, noise draws from the
Gumbel–matching law, y*(s + Gumbel noise): `StraightThrough(noise=Gumbel())`, `ImplicitMLE()`,
`Relaxed(noise=Gumbel())` (Gumbel–Sinkhorn).

Source: Mena, Belanger, Linderman & Snoek 2018 (Gumbel–matching and Gumbel–Sinkhorn).
"""
