"""The Plackett–Luce law: options drawn one after another without replacement. Orders, and sets of the first k."""

from __future__ import annotations

from functools import partial
from math import log
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import logsigmoid

from argrad._checks import require_count
from argrad._precision import full_precision
from argrad.choices._gibbs import finite
from argrad.choices.k_subset import (
    best_index,
    best_subset,
    capped_simplex,
    every_subset,
    from_indices,
    lift_subset,
    marginals,
)
from argrad.core import Choice
from argrad.noise import Gumbel

if TYPE_CHECKING:
    from torch import Tensor

_STEP = {torch.float32: 0.5, torch.float64: 0.25}  # of the quadrature, whose error is of the order exp(−π²/step)
_LOWEST, _BEYOND = -40.0, 45.0
_SMALL, _LARGE = -10.0, 10.0


def plackett_luce_subset(k: int) -> Choice:
    """Choose k out of n by Gumbel top-k: k draws without replacement, of which the order is forgotten.

    Formula:
        y*(s) is k-hot at the k best scores; y ~ p is y*(s + Gumbel noise);
        p(y) = ∫₀^∞ e^{−t} Π_{i ∈ y} (1 − e^{−q_i t}) dt, q_i = exp(s_i)/Σ_{j ∉ y} exp(s_j).

    Scores are (*batch, n); −inf is a mask. The integral over log t is a trapezoidal sum, exact to rounding, with exact
    derivatives; it costs about 200 evaluations for each of the k options.

    Args:
        k: how many, at least 1.

    Raises:
        TypeError, ValueError: k not an int of at least 1; scores without k finite options in every row, with NaN or
            +inf.

    Wrong when: the law p(y) ∝ exp⟨y, s⟩ is meant: that is `k_subset`, with other inclusion probabilities (.758 there
    and .798 here for the first of the scores 1, .5, 0, −1 and k = 2). `soft` relaxes `hard` by the marginals of that
    other law: the inclusion probabilities of this one have no closed form.

    Source: Plackett 1975; Yellott 1977 (Gumbel noise); Kool, van Hoof & Welling 2020 (the integral).

    >>> import torch
    >>> from argrad.choices import plackett_luce_subset
    >>> choice, scores = plackett_luce_subset(2), torch.tensor([1.0, 0.5, 0.0, -1.0])
    >>> vertices = choice.enumerate(scores)
    >>> choice.log_prob(scores, vertices).exp() @ vertices
    tensor([0.7978, 0.6270, 0.4138, 0.1614])
    """
    require_count(k, "k", "plackett_luce_subset")
    return Choice(
        hard=partial(best_subset, k=k),
        name=f"the choice of {k} out of n without replacement",
        soft=partial(marginals, k=k),
        project=partial(capped_simplex, k=k),
        sample=partial(_sample, k=k),
        log_prob=partial(_log_prob, k=k),
        enumerate=partial(every_subset, k=k),
        lift=partial(lift_subset, k=k),
    )


def perturb(scores: Tensor, samples: int, generator: torch.Generator | None) -> Tensor:
    """Add Gumbel noise: (*batch, n) → (samples, *batch, n), in full precision; its order is a Plackett–Luce draw."""
    s = full_precision(scores.detach()).expand(samples, *scores.shape)
    return s + Gumbel()(s, generator)


def _sample(scores: Tensor, samples: int, generator: torch.Generator | None, k: int) -> Tensor:
    best_index(scores, k)
    indices = perturb(scores, samples, generator).topk(k, -1).indices
    return from_indices(indices, scores.detach().expand(samples, *scores.shape))


def _log_prob(scores: Tensor, vertex: Tensor, k: int) -> Tensor:
    """Integrate over u = log t; −inf for what is no k-subset, or has a masked option."""
    best_index(scores, k)
    s, inside = finite(scores).expand(vertex.shape), vertex != 0
    possible = (inside.sum(-1) == k) & ~(inside & (scores == -torch.inf)).any(-1)
    chosen = s.gather(-1, inside.to(s.dtype).topk(k, -1).indices)  # (*batch, k)
    rest = s.masked_fill(inside, -torch.inf)
    rest = torch.cat([rest, torch.full_like(rest[..., :1], -1e30)], -1).logsumexp(-1, keepdim=True)
    step = _STEP[s.dtype]
    points = torch.arange(_LOWEST, log(k + _BEYOND) + step, step, dtype=s.dtype, device=s.device)
    hits = _log1mexp_exp((chosen - rest).unsqueeze(-1) + points).sum(-2)
    total = (points - points.exp() + hits).logsumexp(-1) + log(step)
    return torch.where(possible, total, -torch.inf)


def _log1mexp_exp(x: Tensor) -> Tensor:
    """Give log(1 − exp(−exp x)), by its series for small x, and 0 for large x, where it cannot be told from 0."""
    x = x.clamp_max(_LARGE)
    low = x.clamp_max(_SMALL)
    near = low - low.exp() / 2 + (2 * low).exp() / 24
    middle = (-torch.expm1(-x.clamp_min(_SMALL).exp())).log()
    return torch.where(x < _SMALL, near, middle)


def order_log_prob(in_order: Tensor) -> Tensor:
    """Give the log-probability that options with these scores are drawn in this order: (*batch, n) → (*batch,).

    Formula: Σ_i s_i − log Σ_{j ≥ i} exp s_j; an option of score −1e30 or less adds 0 if it comes last.
    """
    return (in_order - _log_sums_to_the_end(in_order)).sum(-1)


def _log_sums_to_the_end(x: Tensor) -> Tensor:
    """Sum to the end, log Σ_{j ≥ i} exp x_j: doubling what is summed, in log₂ n steps, each exactly differentiable."""
    reach = 1
    while reach < x.shape[-1]:
        later = torch.cat([x[..., reach:], torch.full_like(x[..., :reach], -1e30)], -1)
        first = x >= later
        high, low = torch.where(first, x, later), torch.where(first, later, x)
        x = high - logsigmoid(high - low)
        reach *= 2
    return x
