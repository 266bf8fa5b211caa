"""The best k out of n, and the law of k-subsets with its exact marginals."""

from __future__ import annotations

from functools import partial
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import logsigmoid

from argrad._autograd import applied
from argrad._checks import require, require_choosable, require_count, require_scores
from argrad._ops import uniform
from argrad._precision import finest, full_precision
from argrad.choices._gibbs import require_enumerable, spread
from argrad.choices._subset_counts import (
    descend,
    descend_tangent,
    grow,
    grow_tangent,
    leaves,
    split,
    threshold,
)
from argrad.core import Choice

if TYPE_CHECKING:
    from torch import Tensor

_BISECTIONS = 30
_POLISH = 2


def k_subset(k: int) -> Choice:
    """Choose k out of n: the vertex is k-hot, 1 at the k best scores.

    Formula:
        y*(s) = argmax_{y ∈ {0,1}ⁿ, Σy = k} ⟨y, s⟩;  p(y) = exp⟨y, s⟩/e_k(exp s), e_k the elementary symmetric
        polynomial; soft_i = exp(s_i) e_{k−1}(exp s without i)/e_k(exp s), the exact probability that i is in;
        project(x) = argmin_{0 ≤ p ≤ 1, Σp = k} ‖p − x‖² = clamp(x − τ, 0, 1).

    Scores are (*batch, n); −inf is a mask. The marginals cost O(nk) time and memory in log₂ n steps.

    Args:
        k: how many, at least 1; more than there are unmasked options is refused at the call.

    Raises:
        TypeError, ValueError: k not an int of at least 1; scores without k finite options in every row, with NaN or
            +inf.

    Wrong when: draws are expected to be those of Gumbel top-k, sampling one after another without replacement: that
    is another law with other inclusion probabilities, `plackett_luce_subset`. Of tied scores, torch.topk says which
    are in; soft and project treat them alike.

    Source: Ahmed, Zeng, Niepert & Van den Broeck 2023, "SIMPLE" (the law and its marginals); Hájek 1964 (the
    law as coins given their number); Wang & Lu 2015, "Projection onto the capped simplex".

    >>> import torch
    >>> from argrad.choices import k_subset
    >>> scores = torch.tensor([1.0, 0.5, 0.0, -1.0])
    >>> k_subset(2).hard(scores)
    tensor([1., 1., 0., 0.])
    >>> k_subset(2).soft(scores)
    tensor([0.7576, 0.6225, 0.4375, 0.1824])
    """
    require_count(k, "k", "k_subset")
    return Choice(
        hard=partial(best_subset, k=k),
        name=f"the choice of {k} out of n",
        soft=partial(marginals, k=k),
        soft_is_mean=True,
        project=partial(capped_simplex, k=k),
        sample=partial(_sample, k=k),
        log_prob=partial(_log_prob, k=k),
        enumerate=partial(every_subset, k=k),
        lift=partial(lift_subset, k=k),
    )


def require_subset(scores: Tensor, k: int, of: str) -> None:
    """Scores have at least k options."""
    require_scores(scores, of)
    n = scores.shape[-1]
    require(k <= n, "k", of, f"an int in [1, {n}]", k, context=f"with scores of shape {tuple(scores.shape)}")


def best_index(scores: Tensor, k: int) -> Tensor:
    """Indices of the k best options, best first: (*batch, n) → (*batch, k)."""
    require_subset(scores, k, "k_subset")
    top = scores.detach().topk(k, -1)
    require_choosable(top.values[..., 0], "k_subset")
    require_choosable(top.values[..., -1], "k_subset", k)
    return top.indices


def from_indices(indices: Tensor, scores: Tensor) -> Tensor:
    """Give k-hot vectors like the scores, with a 1 at each index."""
    return torch.zeros_like(scores).scatter(-1, indices, 1)


def best_subset(scores: Tensor, k: int) -> Tensor:
    """Give the k-hot vector of the k best."""
    return from_indices(best_index(scores, k), scores.detach())


def marginals(scores: Tensor, k: int) -> Tensor:
    """Give the probability of each option to be among k drawn with p(y) ∝ exp⟨y, s⟩; in full precision."""
    return _law(scores, k)[1]


def _law(scores: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    """Give log P(k heads), the marginals, and the scores less the threshold of their coins."""
    best_index(scores, k)
    z = full_precision(scores)
    centred = z - threshold(z.detach(), k)
    log_count, mean = _law_of(centred, k)
    return log_count, mean, centred


class _Law(torch.autograd.Function):
    """log P(k heads) of coins with log-odds c, and the marginals; d log P = ⟨mean − σ(c), dc⟩, d mean = Cov dc."""

    generate_vmap_rule = True

    @staticmethod
    # pyrefly: ignore[bad-override]
    def forward(centred: Tensor, k: int) -> tuple[Tensor, Tensor]:
        heads = torch.sigmoid(centred)
        levels = grow(leaves(heads, torch.sigmoid(-centred)), k)
        chance = levels[-1][k]  # (*batch, 1)
        others = descend(levels, k)[1, ..., : centred.shape[-1]]
        return chance.squeeze(-1).log(), heads * others / chance

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, int], output: tuple[Tensor, Tensor]) -> None:
        centred, ctx.k = inputs
        ctx.save_for_backward(centred, output[1])
        ctx.save_for_forward(centred, output[1])
        ctx.set_materialize_grads(False)

    @staticmethod
    # pyrefly: ignore[bad-override]
    def backward(ctx: Any, grad_log: Tensor | None, grad_mean: Tensor | None) -> tuple[Tensor | None, None]:
        centred, mean = ctx.saved_tensors
        total = None if grad_log is None else grad_log.unsqueeze(-1) * (mean - torch.sigmoid(centred))
        if grad_mean is None:
            return total, None
        spread_out = _covariance(centred, mean, grad_mean, ctx.k)
        return (spread_out if total is None else total + spread_out), None

    @staticmethod
    # pyrefly: ignore[bad-override]
    def jvp(ctx: Any, tangent: Tensor, _k: None) -> tuple[Tensor, Tensor]:
        centred, mean = ctx.saved_tensors
        log_tangent = ((mean - torch.sigmoid(centred)) * tangent).sum(-1)
        return log_tangent, _covariance(centred, mean, tangent, ctx.k)


_law_of = applied(_Law)


def _covariance(centred: Tensor, mean: Tensor, v: Tensor, k: int) -> Tensor:
    """Give Cov v, the derivative of the marginals along v, by the derivative of the tree."""
    heads, tails = torch.sigmoid(centred), torch.sigmoid(-centred)
    # as Cov 1 = 0, any constant may be taken off v: this one keeps the terms small
    v = v - (mean * v).sum(-1, keepdim=True) / k
    levels = grow(leaves(heads, tails), k)
    tilt = leaves(heads * v, torch.zeros_like(tails))
    tilt = torch.cat([torch.zeros_like(tilt[:1]), tilt[1:]])
    tangents = grow_tangent(levels, tilt, k)
    others, d_others = (part[1, ..., : v.shape[-1]] for part in descend_tangent(levels, tangents, k))
    chance, d_chance = levels[-1][k], tangents[-1][k]
    return heads * (v * others + d_others - others * (d_chance / chance)) / chance


def _log_prob(scores: Tensor, vertex: Tensor, k: int) -> Tensor:
    """Give the coins' log-probability of this outcome, less that of k heads; −inf for what is no k-subset."""
    log_count, _, centred = _law(scores, k)
    each = torch.where(vertex != 0, logsigmoid(centred), logsigmoid(-centred)).sum(-1)
    return torch.where((vertex != 0).sum(-1) == k, each - log_count, -torch.inf)


@torch.no_grad()
def _sample(scores: Tensor, samples: int, generator: torch.Generator | None, k: int) -> Tensor:
    """Share the k heads out among the halves, down the tree; finely, so that rare subsets come at their rate."""
    best_index(scores, k)
    z = scores.to(finest(scores))
    centred = z - threshold(z, k)
    levels = grow(leaves(torch.sigmoid(centred), torch.sigmoid(-centred)), k)
    count = torch.full((samples, *levels[-1].shape[1:]), k, device=scores.device)
    for level in reversed(levels[:-1]):
        left, right = split(level)
        first = _share(left, right, count, generator)
        count = torch.cat([first, count - first], -1)
    return count[..., : scores.shape[-1]].to(scores.dtype)


def _share(left: Tensor, right: Tensor, count: Tensor, generator: torch.Generator | None) -> Tensor:
    """Draw how many of `count` heads (samples, *batch, nodes) lie in the left half."""
    size = len(left)
    here = torch.arange(size, device=left.device).view(-1, *[1] * count.ndim)
    there = count - here  # (counts, samples, *batch, nodes)
    table = right.unsqueeze(1).expand(size, *count.shape)
    fits = (there >= 0) & (there < size)
    weights = left.unsqueeze(1) * table.gather(0, there.clamp(0, size - 1)).masked_fill(~fits, 0)
    ladder = weights.cumsum(0)
    level = uniform(count.shape, left, generator, left.dtype)
    return (ladder <= level * ladder[-1]).sum(0)


def every_subset(scores: Tensor, k: int) -> Tensor:
    """Give all k-hot vectors: (C(n, k), *batch, n)."""
    require_subset(scores, k, "k_subset")
    n = scores.shape[-1]
    require_enumerable(comb(n, k), "k_subset")
    index = torch.tensor(list(combinations(range(n), k)), device=scores.device)
    return spread(from_indices(index, scores.new_zeros(len(index), n)), scores, 1)


def lift_subset(scores: Tensor, vertex: Tensor, gap: float, k: int) -> Tensor:
    """Raise the chosen to at least the k-th best score, lower the others to at least `gap` below it."""
    bar = scores.topk(k, -1).values[..., -1:]
    return torch.where(vertex != 0, torch.maximum(scores, bar), torch.minimum(scores, bar - gap))


def capped_simplex(point: Tensor, k: int) -> Tensor:
    """Project onto {0 ≤ p ≤ 1, Σ p = k}: clamp(x − τ, 0, 1), with 0 for −inf; in the point's dtype."""
    best_index(point, k)
    x = full_precision(point)
    with torch.no_grad():
        bar = x.topk(k, -1).values[..., -1:]  # τ lies within 1 below it
        tau = _cap_threshold((x - bar).clamp(-1, 1), k)
        full, free = (x - bar - tau) >= 1, ((x - bar) > tau) & ((x - bar) < tau + 1)
        size = free.sum(-1, keepdim=True).clamp_min(1)
        left = k - full.sum(-1, keepdim=True)
    inside = (x - bar).masked_fill(~free, 0)
    value = inside - (inside.sum(-1, keepdim=True) - left) / size
    return value.masked_fill(~free, 0).masked_fill(full, 1).to(point.dtype)


def _cap_threshold(x: Tensor, k: int) -> Tensor:
    """Find τ in [−1, 0] with Σ clamp(x − τ, 0, 1) = k: by halving, then exactly on the pieces that remain."""
    low = torch.full_like(x[..., :1], -1.0)
    width = torch.ones_like(low)
    for _ in range(_BISECTIONS):
        width = width / 2
        total = (x - (low + width)).clamp(0, 1).sum(-1, keepdim=True)
        low = torch.where(total >= k, low + width, low)
    for _ in range(_POLISH):
        rest = (x - low).clamp(0, 1)
        slope = ((rest > 0) & (rest < 1)).sum(-1, keepdim=True).clamp_min(1)
        low = low + (rest.sum(-1, keepdim=True) - k) / slope
    return low
