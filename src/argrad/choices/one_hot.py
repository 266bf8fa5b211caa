"""One out of n: the vertices of the simplex."""

from __future__ import annotations

from math import isfinite

import torch
from torch import Tensor

from argrad._checks import in_transform, reads_values, require_choosable
from argrad.choices.simplex import sparsemax
from argrad.core import Choice, drawn_from, full_precision

_FEW_OPTIONS, _SMALL = 128, 2**16  # below either, one cumulative sum is quicker than two steps
_BELOW_ONE = 1 - 2.0**-52  # keeps a level below the total, above which there is no option


def best_index(scores: Tensor) -> Tensor:
    """Index of the best option along the last dimension; the lowest index wins a tie on the CPU."""
    index = scores.argmax(-1)
    require_choosable(scores.detach().gather(-1, index.unsqueeze(-1)).squeeze(-1), "argmax")
    return index


def draw_index(scores: Tensor, samples: int, generator: torch.Generator | None) -> Tensor:
    """Draw indices from softmax(scores) along the last dimension: (*batch, n) → (samples, *batch)."""
    return _draw_by_weight(_soft(scores.detach()), samples, generator)


def _draw_by_weight(weights: Tensor, samples: int, generator: torch.Generator | None) -> Tensor:
    """Invert the cumulative distribution: one random number a draw, however many options there are.

    In two steps, first a block of options and then the option in it, because a cumulative sum over the whole row
    is most of the work. Weights of a block are summed as they come, blocks in float64, so that rare options come at
    their rate.
    """
    n = weights.shape[-1]
    width = 1 << (n.bit_length() // 2)
    if n < _FEW_OPTIONS or weights.numel() < _SMALL:
        return _climb(weights, samples, generator)
    whole = n - n % width
    sums = weights[..., :whole].unflatten(-1, (-1, width)).sum(-1)
    if whole < n:
        sums = torch.cat([sums, weights[..., whole:].sum(-1, keepdim=True)], -1)
    first = _climb(sums, samples, generator).movedim(0, -1).unsqueeze(-1) * width  # (*batch, samples, 1)
    within = first + torch.arange(width, device=weights.device)
    rows = weights.unsqueeze(-2).expand(*weights.shape[:-1], samples, n)
    inside = rows.gather(-1, within.clamp_max(n - 1)).masked_fill(within >= n, 0)
    return first.squeeze(-1).movedim(-1, 0) + _climb(inside, 1, generator).squeeze(0).movedim(-1, 0)


def _climb(weights: Tensor, samples: int, generator: torch.Generator | None) -> Tensor:
    ladder = weights.cumsum(-1, dtype=torch.float64)
    total = ladder[..., -1:]
    shape = (*total.shape[:-1], samples)
    uniform = torch.rand(shape, dtype=torch.float64, device=weights.device, **drawn_from(generator))
    level = uniform * (total * _BELOW_ONE)
    return torch.searchsorted(ladder, level, right=True).movedim(-1, 0)


def from_index(index: Tensor, scores: Tensor) -> Tensor:
    """One-hot vectors like the scores, with a 1 at the index."""
    zeros, index = torch.zeros_like(scores), index.unsqueeze(-1)
    return zeros.scatter(-1, index, 1) if in_transform() else zeros.scatter_(-1, index, 1)  # vmap has no `scatter_`


def _hard(scores: Tensor) -> Tensor:
    return from_index(best_index(scores), scores)


def _soft(scores: Tensor) -> Tensor:
    p = torch.softmax(full_precision(scores), -1)
    if reads_values(p) and not isfinite(p[..., 0].sum().item()):  # one number a row tells whether the row is bad
        require_choosable(scores.detach().amax(-1), "softmax")
    return p


def _sample(scores: Tensor, samples: int, generator: torch.Generator | None) -> Tensor:
    index = draw_index(scores, samples, generator)
    return from_index(index, scores.detach().expand(samples, *scores.shape))


def _sample_mean(mean: Tensor, samples: int, generator: torch.Generator | None) -> Tensor:
    return from_index(_draw_by_weight(mean, samples, generator), mean.expand(samples, *mean.shape))


def _log_prob(scores: Tensor, vertex: Tensor) -> Tensor:
    log_p = torch.log_softmax(full_precision(scores), -1)
    return torch.where(vertex != 0, log_p, 0).sum(-1)


def _enumerate(scores: Tensor) -> Tensor:
    n = scores.shape[-1]
    eye = torch.eye(n, dtype=scores.dtype, device=scores.device)
    return eye.view(n, *[1] * (scores.ndim - 1), n).expand(n, *scores.shape)


def _covariance(mean: Tensor, v: Tensor) -> Tensor:
    return mean * (v - (mean * v).sum(-1, keepdim=True))


def _second_order(mean: Tensor, vertex: Tensor, v: Tensor) -> Tensor:
    """Give h = ½[v + y (v_x − ⟨p, v⟩)/p_x], from multiplying out 2 Cov((p + y)/2) v − ½ Cov(p) v = Cov(p) h."""
    return _second_order_at(mean, vertex.argmax(-1), v)


def _second_order_at(mean: Tensor, index: Tensor, v: Tensor) -> Tensor:
    index = index.unsqueeze(-1)
    gain = (v.gather(-1, index) - torch.linalg.vecdot(mean, v).unsqueeze(-1)) / mean.gather(-1, index)
    half = v / 2
    return half.scatter_add(-1, index, gain / 2) if in_transform() else half.scatter_add_(-1, index, gain / 2)


def _conditional(scores: Tensor, vertex: Tensor, generator: torch.Generator | None) -> Tensor:
    """Gumbel noise given its argmax: −log E_x for the winner, −log(E_j/p_j + E_x) for the others.

    Source: Maddison, Tarlow & Minka 2014; Paulus, Maddison & Krause 2021, equation 9.
    """
    log_p = torch.log_softmax(full_precision(scores), -1)
    uniform = torch.rand(log_p.shape, dtype=log_p.dtype, device=log_p.device, **drawn_from(generator))
    log_e = (-torch.log1p(-uniform)).clamp_min(torch.finfo(log_p.dtype).tiny).log()
    winner = torch.where(vertex != 0, log_e, 0).sum(-1, keepdim=True)
    return torch.where(vertex != 0, -winner, -torch.logaddexp(log_e - log_p, winner))


def _lift(scores: Tensor, vertex: Tensor, gap: float) -> Tensor:
    """Raise the vertex to the best score, lower the others below it by the gap (Fan et al. 2022)."""
    best = scores.amax(-1, keepdim=True)
    return torch.where(vertex != 0, best, torch.minimum(scores, best - gap))


one_hot = Choice(
    hard=_hard,
    name="the choice of one out of n",
    soft=_soft,
    soft_is_mean=True,
    project=sparsemax,
    sample=_sample,
    sample_mean=_sample_mean,
    log_prob=_log_prob,
    enumerate=_enumerate,
    covariance=_covariance,
    second_order=_second_order,
    conditional=_conditional,
    lift=_lift,
)

# The same choice, whose vertices are known by their index: smaller to keep, and what `select` gathers by.
one_hot_index = Choice(
    hard=best_index,
    name=one_hot.name,
    soft=_soft,
    soft_is_mean=True,
    project=sparsemax,
    sample=draw_index,
    sample_mean=_draw_by_weight,
    log_prob=_log_prob,
    enumerate=_enumerate,
    covariance=_covariance,
    second_order=_second_order_at,
    conditional=_conditional,
    lift=_lift,
    decode=from_index,
)
