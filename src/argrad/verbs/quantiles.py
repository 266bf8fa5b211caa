"""Quantiles and medians with a gradient that reaches more than one or two scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from argrad._checks import reads_values, require, require_choosable, require_mask
from argrad._precision import finest
from argrad.estimators import StraightThrough
from argrad.verbs._door import prepare
from argrad.verbs.order import Sorted, sorting_rows, weigh

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

    from argrad.core import Estimator

_STRAIGHT = StraightThrough()


def quantile(
    scores: Float[Tensor, "..."],
    q: float | Float[Tensor, "..."],
    dim: int | None = None,
    keepdim: bool = False,
    *,
    grad: Estimator = _STRAIGHT,
    mask: Bool[Tensor, "..."] | None = None,
) -> Float[Tensor, "..."]:
    """Give quantiles, exactly, with a gradient to all scores near them.

    Formula: with t = q(n − 1), values s_(⌊t⌋) + (t − ⌊t⌋)(s_(⌈t⌉) − s_(⌊t⌋)); each order statistic s_(i) = Σ_j P_ij
    s_j, P_i one of n as in `argsort`, with the estimator's gradient.

    Args:
        scores: any shape, floating point; −inf is a mask, and the quantile is of the others.
        q: in [0, 1], a number or a one-dimensional tensor.
        dim: the dimension of the options; None: of all scores together.
        keepdim: keep it, with size 1.
        grad: the estimator, for one of n, in the scores' units. A low temperature gives the true derivative.
        mask: True where an option counts; broadcasts to the scores.

    Returns:
        As torch.quantile with linear interpolation: the scores' shape without `dim`, with q's dimension in front.

    Raises:
        TypeError, IndexError, ValueError: as `argmax`; q out of [0, 1].

    Wrong when: the temperature is far above the scores' distances: the gradient is then that of a mean.

    Source: Prillo & Eisenschlos 2020 (rows of SoftSort); Hyndman & Fan 1996, definition 7 (interpolation).

    >>> import torch, argrad
    >>> scores = torch.tensor([1.0, 2.0, 4.0, 8.0], requires_grad=True)
    >>> argrad.quantile(scores, 0.5).detach()
    tensor(3.)
    """
    ones = (1,) * scores.ndim if isinstance(scores, Tensor) else ()
    where = -1 if dim is None else dim
    if dim is None and isinstance(scores, Tensor):
        require_mask(mask, scores, "quantile")
        mask = mask.expand(scores.shape).flatten() if mask is not None else None
        scores = scores.flatten()
    moved = prepare(scores, where, mask, "quantile")
    require_choosable(moved.detach().amax(-1), "quantile")
    level = torch.as_tensor(q, dtype=finest(moved), device=moved.device)
    inside = not reads_values(level) or bool(((level >= 0) & (level <= 1)).all())
    valid = level.ndim <= 1 and inside
    require(valid, "q", "quantile", "a number or a one-dimensional tensor in [0, 1]", q)
    position, first = _positions(moved, level.reshape(-1))
    below, above = position.floor(), position.ceil()
    at = first + torch.cat([below, above], -1).long()
    values = weigh(sorting_rows(moved, False, at, grad, "quantile"), moved)
    low, high = values.chunk(2, -1)
    result = torch.lerp(low, high, (position - below).to(low.dtype)).movedim(-1, 0).to(scores.dtype)
    result = result if level.ndim else result.squeeze(0)
    if not keepdim:
        return result
    return result.reshape(*level.shape, *ones) if dim is None else result.unsqueeze(dim % len(ones) + level.ndim)


def median(
    scores: Float[Tensor, "*shape"],
    dim: int = -1,
    keepdim: bool = False,
    *,
    grad: Estimator = _STRAIGHT,
    mask: Bool[Tensor, "..."] | None = None,
) -> Sorted:
    """Give the median, of an even number the lower one, exactly, with a gradient to all scores near it.

    Formula: s_(⌊(n−1)/2⌋) = Σ_j P_j s_j, P one of n as in `argsort`, with the estimator's gradient.

    Args:
        scores: any shape, floating point; −inf is a mask, and the median is of the others.
        dim: the dimension of the options.
        keepdim: keep it, with size 1.
        grad: the estimator, for one of n, in the scores' units.
        mask: True where an option counts; broadcasts to the scores.

    Returns:
        (values, indices) as torch.median along a dim; of equal scores the index is the lowest in their order.

    Raises:
        TypeError, IndexError, ValueError: as `argmax`.

    Wrong when: as `quantile`.

    Source: as `quantile`.

    >>> import torch, argrad
    >>> argrad.median(torch.tensor([3.0, 1.0, 2.0])).values
    tensor(2.)
    """
    moved = prepare(scores, dim, mask, "median")
    require_choosable(moved.detach().amax(-1), "median")
    position, first = _positions(moved, torch.tensor([0.5], dtype=finest(moved), device=moved.device))
    at = first + position.floor().long()
    values = weigh(sorting_rows(moved, False, at, grad, "median"), moved).to(scores.dtype)
    indices = moved.detach().sort(dim=-1, stable=True).indices.gather(-1, at)
    if keepdim:
        return Sorted(values.movedim(-1, dim), indices.movedim(-1, dim))
    return Sorted(values.squeeze(-1), indices.squeeze(-1))


def _positions(moved: Tensor, level: Tensor) -> tuple[Tensor, Tensor]:
    """Give t = q(m − 1) for the m options that are not masked, (*batch, Q), and how many masked ones come before."""
    masked = (moved == -torch.inf).sum(-1, keepdim=True)
    left = moved.shape[-1] - masked
    return level * (left - 1).clamp_min(0).to(level), masked.clamp_max(moved.shape[-1] - 1)
