"""One out of n: the vertices of the simplex."""

from __future__ import annotations

import torch
from torch import Tensor

from argrad._checks import reads_values, require_choosable
from argrad.choices.simplex import sparsemax
from argrad.core import Choice, full_precision


def best_index(scores: Tensor) -> Tensor:
    """Index of the best option along the last dimension; the lowest index wins a tie on the CPU."""
    index = scores.argmax(-1)
    require_choosable(scores.detach().gather(-1, index.unsqueeze(-1)).squeeze(-1), "argmax")
    return index


def draw_index(scores: Tensor, samples: int, generator: torch.Generator | None) -> Tensor:
    """Draw indices from softmax(scores) along the last dimension: (*batch, n) → (samples, *batch).

    By the inverse of the cumulative distribution, one number a draw, in float64: rare options come at their rate.
    """
    best = scores.detach().amax(-1, keepdim=True)
    require_choosable(best.squeeze(-1), "sample")
    weights = (full_precision(scores.detach()) - best).exp()
    ladder = weights.cumsum(-1, dtype=torch.float64)
    total = ladder[..., -1:]
    shape = (*total.shape[:-1], samples)
    level = torch.rand(shape, dtype=torch.float64, device=scores.device, generator=generator) * total
    # rounding may lift a level to the total itself, above which there is no option
    level = torch.minimum(level, total.nextafter(torch.zeros_like(total)))
    return torch.searchsorted(ladder, level, right=True).movedim(-1, 0)


def from_index(index: Tensor, scores: Tensor) -> Tensor:
    """One-hot vectors like the scores, with a 1 at the index."""
    return torch.zeros_like(scores).scatter(-1, index.unsqueeze(-1), 1)


def _hard(scores: Tensor) -> Tensor:
    return from_index(best_index(scores), scores)


def _soft(scores: Tensor) -> Tensor:
    p = torch.softmax(full_precision(scores), -1)
    if reads_values(p) and p[..., 0].isnan().any():  # one number a row tells whether the row is bad
        require_choosable(scores.detach().amax(-1), "softmax")
    return p


def _sample(scores: Tensor, samples: int, generator: torch.Generator | None) -> Tensor:
    index = draw_index(scores, samples, generator)
    return from_index(index, scores.detach().expand(samples, *scores.shape))


def _log_prob(scores: Tensor, vertex: Tensor) -> Tensor:
    log_p = torch.log_softmax(full_precision(scores), -1)
    return torch.where(vertex != 0, log_p, 0).sum(-1)


def _enumerate(scores: Tensor) -> Tensor:
    n = scores.shape[-1]
    eye = torch.eye(n, dtype=scores.dtype, device=scores.device)
    return eye.view(n, *[1] * (scores.ndim - 1), n).expand(n, *scores.shape)


def _covariance(mean: Tensor, v: Tensor) -> Tensor:
    return mean * (v - (mean * v).sum(-1, keepdim=True))


def _conditional(scores: Tensor, vertex: Tensor, generator: torch.Generator | None) -> Tensor:
    """Gumbel noise given its argmax: −log E_x for the winner, −log(E_j/p_j + E_x) for the others.

    Source: Maddison, Tarlow & Minka 2014; Paulus, Maddison & Krause 2021, equation 11.
    """
    log_p = torch.log_softmax(full_precision(scores), -1)
    uniform = torch.rand(log_p.shape, dtype=log_p.dtype, device=log_p.device, generator=generator)
    log_e = (-torch.log1p(-uniform)).clamp_min(torch.finfo(log_p.dtype).tiny).log()
    winner = torch.where(vertex != 0, log_e, 0).sum(-1, keepdim=True)
    return torch.where(vertex != 0, -winner, -torch.logaddexp(log_e - log_p, winner))


def _lift(scores: Tensor, vertex: Tensor, gap: float) -> Tensor:
    """Raise the vertex to the best score, lower the others below it by the gap (Fan et al. 2022, equation 7)."""
    best = scores.amax(-1, keepdim=True)
    return torch.where(vertex != 0, best, torch.minimum(scores, best - gap))


one_hot = Choice(
    hard=_hard,
    name="the choice of one out of n",
    soft=_soft,
    project=sparsemax,
    sample=_sample,
    log_prob=_log_prob,
    enumerate=_enumerate,
    covariance=_covariance,
    conditional=_conditional,
    lift=_lift,
)

# The same choice, whose vertices are given by their index: what `select` gathers by.
one_hot_index = Choice(
    hard=best_index,
    name=one_hot.name,
    soft=_soft,
    project=sparsemax,
    sample=draw_index,
    log_prob=_log_prob,
    enumerate=_enumerate,
    covariance=_covariance,
    conditional=_conditional,
    lift=_lift,
    decode=from_index,
)
