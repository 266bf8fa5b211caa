"""Ranks, and sorted values: hard, and soft by projection onto the permutahedron in O(n log n)."""

from __future__ import annotations

from itertools import permutations
from math import factorial

import torch
from torch import Tensor

from argrad._checks import require_positive, require_scores
from argrad._precision import full_precision
from argrad.choices._gibbs import MASKED, require_enumerable, spread
from argrad.choices._isotonic import blocks, pool
from argrad.choices._order import ascending, inverse, require_ordered
from argrad.choices.plackett_luce import order_log_prob, perturb
from argrad.core import Choice

# ---------------------------------------------------------------- soft functions, usable by themselves


def soft_rank(scores: Tensor, dim: int = -1) -> Tensor:
    """Give soft ranks: the nearest point to the scores in the permutahedron, whose vertices are the orders of 1 … n.

    Formula:
        argmin_{r ∈ conv{permutations of (1, …, n)}} ‖r − s‖².  In ascending order r = s − v, v the non-decreasing fit
        of s − (1, …, n): within a block of the fit, r = s − mean(s) + mean rank. Divide the scores by a temperature τ
        first: as τ → 0 they are the hard ranks, as τ → ∞ all are (n + 1)/2.

    Args:
        scores: any shape, floating point; −inf is a mask, whose rank is 0 and does not count.
        dim: the dimension of the options.

    Returns:
        Soft ranks, 1 for the lowest, in the scores' shape and dtype; computed in float32 at least.

    Raises:
        TypeError, IndexError, ValueError: scores that are not floating point; no such dim; NaN or +inf.

    Wrong when: neighbouring scores are further apart than 1 (times τ): there it is exactly hard, with gradient 0.

    Source: Blondel, Teboul, Berthet & Djolonga 2020, "Fast differentiable sorting and ranking" (the
    Euclidean regularisation).

    >>> import torch
    >>> from argrad.choices import soft_rank
    >>> soft_rank(torch.tensor([2.9, 0.1, 1.2]) * 0.5)
    tensor([2.7500, 1.3500, 1.9000])
    """
    moved, z = _enter(scores, dim, "soft_rank")
    masked = moved == -torch.inf
    with torch.no_grad():
        order = ascending(z)
        weights = _weights(z)
        first = blocks(z.gather(-1, order) - weights)
        block = torch.zeros_like(first).scatter(-1, order, first)
        size = torch.zeros_like(z).scatter_add(-1, first, torch.ones_like(z))
        middle = (weights + (size - 1) / 2).gather(-1, block)
        size = size.clamp_min(1)
    inside = z.masked_fill(masked, 0)
    mean = torch.zeros_like(z).scatter_add(-1, block, inside) / size
    ranks = (inside - mean.gather(-1, block)) + middle
    return ranks.masked_fill(masked, 0).to(scores.dtype).movedim(-1, dim)


def entropic_rank(scores: Tensor, dim: int = -1) -> Tensor:
    """Give soft ranks by the Kullback–Leibler divergence, which compares ranks by ratio; O(n log² n).

    Formula:
        r = argmin_{r ∈ conv{permutations of (1, …, n)}} KL(r, eˢ).  In ascending order there are blocks on which
        v = log Σ exp s − log Σ ranks, made not to decrease; within a block r = softmax(s)·(sum of its ranks).
        Divide the scores by a temperature τ first: as τ → 0 these are the hard ranks, as τ → ∞ all are (n + 1)/2.

    Args:
        scores: any shape, floating point; −inf is a mask, whose rank is 0 and does not count.
        dim: the dimension of the options.

    Returns:
        Soft ranks, 1 for the lowest, in the scores' shape and dtype; computed in float32 at least.

    Raises:
        TypeError, IndexError, ValueError: scores that are not floating point; no such dim; NaN or +inf.

    Wrong when: speed matters: its blocks are found by torch operations alone, about ten times slower than those of
    `soft_rank`. Scores whose exponentials are further apart than the ranks' ratios are exactly hard, with gradient 0.

    Source: Blondel, Teboul, Berthet & Djolonga 2020 (the entropic regularisation; the exponential of a projection of
    the scores, with the logarithms of the ranks as weights).

    >>> import torch
    >>> from argrad.choices import entropic_rank
    >>> entropic_rank(torch.tensor([2.9, 0.1, 1.2]) * 0.5)
    tensor([3.0000, 1.0976, 1.9024])
    """
    moved, z = _enter(scores, dim, "entropic_rank")
    masked = moved == -torch.inf
    with torch.no_grad():
        order = ascending(z)
        weights = _weights(z)
        logs = weights.clamp_min(1).log()
        first = pool(z.gather(-1, order).clamp_min(MASKED), logs, torch.logaddexp, torch.sub, MASKED)
        block = torch.zeros_like(first).scatter(-1, order, first)
        total = torch.zeros_like(z).scatter_add(-1, first, weights).gather(-1, block)
        top = torch.full_like(z, MASKED).scatter_reduce(-1, block, z, "amax").gather(-1, block)
    share = (z - top).masked_fill(masked, MASKED).exp()
    sums = torch.zeros_like(z).scatter_add(-1, block, share).gather(-1, block)
    ranks = share * (total / sums.masked_fill(masked, 1))
    return ranks.to(scores.dtype).movedim(-1, dim)


def soft_sort(scores: Tensor, dim: int = -1, descending: bool = False, temperature: float | Tensor = 1.0) -> Tensor:
    """Give soft sorted values, in O(n log n) time and O(n) memory.

    Formula:
        argmin_{y ∈ conv{permutations of s}} ‖y − (1, …, n)/τ‖²: where neighbours in the sorted row are closer than 1/τ
        it is the sorted row, exactly; blocks on which they are further apart are drawn together to the slope 1/τ.

    Args:
        scores: any shape, floating point; −inf is a mask and stays where torch.sort puts it.
        dim: the dimension of the options.
        descending: highest first.
        temperature: τ > 0, in 1/units of the scores; as τ → 0 it is hard, as τ → ∞ every value is the mean.

    Returns:
        Values in the scores' shape and dtype; computed in float32 at least.

    Raises:
        TypeError, IndexError, ValueError: as `soft_rank`; a temperature that is not positive.

    Wrong when: the values alone matter: torch.sort's own gradient, a permutation, is the true one.

    Source: Blondel, Teboul, Berthet & Djolonga 2020 (the Euclidean regularisation).

    >>> import torch
    >>> from argrad.choices import soft_sort
    >>> soft_sort(torch.tensor([5.0, 1.0, 2.0]))
    tensor([1.6667, 2.6667, 3.6667])
    """
    require_positive(temperature, "temperature", "soft_sort")
    moved, z = _enter(scores, dim, "soft_sort")
    masked = moved == -torch.inf
    with torch.no_grad():
        order = ascending(z)
        in_order = z.gather(-1, order)
        weights = _weights(z)
        out = in_order == -torch.inf
        first = blocks((weights / temperature - in_order).masked_fill(out, -torch.inf))
        size = torch.zeros_like(z).scatter_add(-1, first, torch.ones_like(z))
        middle = (weights + (size - 1) / 2).gather(-1, first)
        block = torch.zeros_like(first).scatter(-1, order, first)
    inside = z.masked_fill(masked, 0)
    mean = (torch.zeros_like(z).scatter_add(-1, block, inside) / size.clamp_min(1)).gather(-1, first)
    values = (mean + (weights - middle) / temperature).masked_fill(out, -torch.inf).to(scores.dtype)
    return (values.flip(-1) if descending else values).movedim(-1, dim)


def _enter(scores: Tensor, dim: int, of: str) -> tuple[Tensor, Tensor]:
    """Check, move the options last, and give them in full precision too."""
    require_scores(scores, of, dim)
    moved = scores.movedim(dim, -1)
    require_ordered(moved, of)
    return moved, full_precision(moved)


def _weights(z: Tensor) -> Tensor:
    """Give the ranks in ascending order: 0 for each of the masked, which come first, then 1, 2 and so on."""
    position = torch.arange(1, z.shape[-1] + 1, device=z.device, dtype=z.dtype)
    return (position - (z == -torch.inf).sum(-1, keepdim=True)).clamp_min_(0)


# ---------------------------------------------------------------- the choice


def _hard(scores: Tensor) -> Tensor:
    require_ordered(scores, "rank")
    position = inverse(ascending(full_precision(scores.detach()))) + 1
    masked = scores == -torch.inf
    return (position - masked.sum(-1, keepdim=True)).masked_fill(masked, 0).to(scores.dtype)


def _soft(scores: Tensor) -> Tensor:
    return soft_rank(full_precision(scores))


def _sample(scores: Tensor, samples: int, generator: torch.Generator | None) -> Tensor:
    require_ordered(scores, "rank")
    return _hard(perturb(scores, samples, generator)).to(scores.dtype)


def _log_prob(scores: Tensor, vertex: Tensor) -> Tensor:
    """Plackett–Luce, the highest rank drawn first; −inf where a masked option has a rank."""
    s = full_precision(scores).clamp_min(MASKED).expand(vertex.shape)
    order = vertex.argsort(dim=-1, descending=True)
    possible = ((vertex == 0) | (scores > -torch.inf)).all(-1)
    return torch.where(possible, order_log_prob(s.gather(-1, order)), -torch.inf)


def _enumerate(scores: Tensor) -> Tensor:
    """Give all n! orders. In a row with masks, those that rank the masks lowest, in their order, become vertices."""
    n = scores.shape[-1]
    require_enumerable(factorial(n), "rank")
    orders = torch.tensor(list(permutations(range(1, n + 1))), device=scores.device)
    ranks = spread(orders, scores, 1)
    masked = scores == -torch.inf
    count = masked.sum(-1, keepdim=True)
    proper = ((ranks == masked.cumsum(-1)) | ~masked).all(-1, keepdim=True)
    return torch.where(proper, (ranks - count).clamp_min(0), ranks)


def _lift(scores: Tensor, vertex: Tensor, gap: float) -> Tensor:
    """Hand the sorted scores out in the vertex's order, spread so that no swap of two comes within the gap."""
    place = vertex.long() + (scores == -torch.inf).sum(-1, keepdim=True) - 1
    spread_out = scores.sort(dim=-1).values.gather(-1, place.clamp_min(0)) + gap * vertex
    return spread_out.masked_fill(scores == -torch.inf, -torch.inf)


rank = Choice(
    hard=_hard,
    name="the choice of an order",
    soft=_soft,
    project=soft_rank,
    sample=_sample,
    log_prob=_log_prob,
    enumerate=_enumerate,
    lift=_lift,
)
"""The ranks of the scores, 1 for the lowest: the vertices of the permutahedron.

Formula: y*(s) = argmax_{y ∈ permutations of (1, …, n)} ⟨y, s⟩; a masked option has rank 0 and the others 1 to their
number. Equal scores are ranked by their index in `hard`, and equally in `soft`. The law is Plackett–Luce: the ranks of
s + Gumbel noise. Its mean has no closed form, and `soft` is the projection, as `project`.
"""
