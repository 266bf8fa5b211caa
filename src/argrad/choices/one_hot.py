"""One out of n: the vertices of the simplex."""

from __future__ import annotations

from math import isfinite

import torch
from torch import Tensor
from torch.nn.functional import pad

from argrad._checks import in_transform, is_plain, reads_values, require_choosable
from argrad._ops import argmax, cumulative, exporting, places, softmax, uniform
from argrad._precision import full_precision
from argrad.choices.simplex import sparsemax
from argrad.core import Choice

_FEW_OPTIONS, _SMALL = 128, 2**16  # below either, one cumulative sum is quicker than two steps


def best_index(scores: Tensor) -> Tensor:
    """Index of the best option along the last dimension; the lowest index wins a tie on the CPU."""
    index = argmax(scores)
    require_choosable(scores.detach().gather(-1, index.unsqueeze(-1)).squeeze(-1), "argmax")
    return index


def draw_index(scores: Tensor, samples: int, generator: torch.Generator | None) -> Tensor:
    """Draw indices from softmax(scores) along the last dimension: (*batch, n) → (samples, *batch)."""
    return _draw_by_weight(_soft(scores.detach()), samples, generator)


def _draw_by_weight(weights: Tensor, samples: int, generator: torch.Generator | None) -> Tensor:
    """Invert the cumulative distribution: one random number a draw, however many options there are.

    In two steps, because a cumulative sum over the whole row is most of the work: the options are dealt to lanes like
    cards, one is drawn among the lanes' sums and one in its lane. Sums over a lane are taken as they come, the two
    cumulative ones as finely as the device can, so that rare options come at their rate.
    """
    n, shape = weights.shape[-1], (*weights.shape[:-1], samples)
    if exporting() or n < _FEW_OPTIONS or weights.numel() < _SMALL:  # an export fits all sizes
        return _climb(weights, uniform(shape, weights, generator)).movedim(-1, 0)
    first, second = uniform((2, *shape), weights, generator).unbind(0)
    lanes = _lanes(n)
    left = n % lanes
    dealt = weights[..., : n - left] if left else weights
    sums = dealt.reshape(*weights.shape[:-1], n // lanes, lanes).sum(-2)
    if left:
        sums = sums + pad(weights[..., n - left :], (0, lanes - left))
    lane = _climb(sums, first).unsqueeze(-1)
    places = lane + torch.arange(0, n, lanes, device=weights.device)
    inside = weights.gather(-1, (places.clamp_max(n - 1) if left else places).flatten(-2)).view(places.shape)
    if left:
        inside = inside.masked_fill(places >= n, 0)
    return torch.add(lane, _climb(inside, second.unsqueeze(-1)), alpha=lanes).squeeze(-1).movedim(-1, 0)


def _lanes(n: int) -> int:
    """To how many lanes to deal n options: about √n, and if possible with none left over."""
    root = 1 << (n.bit_length() // 2)
    if torch.compiler.is_compiling():  # n may be a symbol there, of which no divisors are known
        return root
    return next((lanes for lanes in range(root, 2 * root) if n % lanes == 0), root)


def _climb(weights: Tensor, level: Tensor) -> Tensor:
    """Find the first option whose cumulative weight exceeds level × total: levels (*batch, samples) → the like.

    There is one, as `level` is below 1.
    """
    ladder = cumulative(weights)
    return torch.searchsorted(ladder, level * ladder.narrow(-1, -1, 1), right=True)


def from_index(index: Tensor, scores: Tensor) -> Tensor:
    """One-hot vectors like the scores, with a 1 at the index."""
    index = index.unsqueeze(-1)
    if torch.compiler.is_compiling() and is_plain(scores):  # number by number: the compiler fuses it with what follows
        options = places(scores)
        return (options == index.to(options.dtype)).to(scores.dtype)
    zeros = torch.zeros_like(scores)
    return zeros.scatter(-1, index, 1) if in_transform() else zeros.scatter_(-1, index, 1)  # vmap has no `scatter_`


def _hard(scores: Tensor) -> Tensor:
    return from_index(best_index(scores), scores)


def _soft(scores: Tensor) -> Tensor:
    p = softmax(full_precision(scores))
    if reads_values(p) and not isfinite(p.select(-1, 0).sum().item()):  # one number a row tells whether the row is bad
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
    """Give ½[p∘(v − v_x) + y (v_x − ⟨p, v⟩)], from multiplying out 2 Cov((p + y)/2) v − ½ Cov(p) v."""
    return _second_order_at(mean, vertex.argmax(-1), v)


def _second_order_at(mean: Tensor, index: Tensor, v: Tensor) -> Tensor:
    index = index.unsqueeze(-1)
    at, weighed = v.gather(-1, index), mean * v
    gain = at - weighed.sum(-1, keepdim=True)
    if in_transform():  # vmap has no rule for the others
        return ((weighed - mean * at) / 2).scatter_add(-1, index, gain / 2)
    return weighed.addcmul_(mean, at, value=-1).scatter_add_(-1, index, gain).div_(2)


def _conditional(scores: Tensor, vertex: Tensor, generator: torch.Generator | None) -> Tensor:
    """Gumbel noise given its argmax: −log E_x for the winner, −log(E_j/p_j + E_x) for the others.

    Source: Maddison, Tarlow & Minka 2014; Paulus, Maddison & Krause 2021, equation 9.
    """
    log_p = torch.log_softmax(full_precision(scores), -1)
    level = uniform(log_p.shape, log_p, generator, log_p.dtype)
    log_e = (-torch.log1p(-level)).clamp_min(torch.finfo(log_p.dtype).tiny).log()
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
