"""Each number by itself: one of two values (sign, threshold), or the nearest point of a grid (round)."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from argrad._checks import reads_values, require
from argrad._ops import uniform
from argrad._precision import full_precision
from argrad.core import Choice


def cube(low: float = 0.0, high: float = 1.0) -> Choice:
    """Choose `high` where the score is above 0 and `low` elsewhere, for every number by itself.

    Formula:
        y*(s) = argmax_{y ∈ {low, high}} y·s;  p(high) = σ(w·s), soft = low + w·σ(w·s), with w = high − low;
        the projection is clamp(s, low, high).

    Raises:
        ValueError: low not below high.

    Wrong when: a score is exactly 0: it goes to `low`, as `x > 0` does; torch.sign gives 0, which is no vertex.

    Source: Bengio, Léonard & Courville 2013 for the Bernoulli neuron; Maddison, Mnih & Teh 2017 for the logistic
    noise of its relaxation.

    >>> import torch
    >>> from argrad.choices import cube
    >>> cube(-1, 1).hard(torch.tensor([0.3, -2.0, 0.0]))
    tensor([ 1., -1., -1.])
    """
    require(low < high, "high", "cube", f"above low={low}", high)
    corners = {"low": float(low), "high": float(high)}
    return Choice(
        hard=partial(_corner, **corners),
        name=f"the choice of {low:g} or {high:g} for each number",
        event_dims=0,
        soft=partial(_mean, **corners),
        soft_is_mean=True,
        project=partial(torch.clamp, min=low, max=high),
        sample=partial(_bernoulli, **corners),
        sample_mean=partial(_bernoulli_mean, **corners),
        log_prob=partial(_log_prob, **corners),
        enumerate=partial(_corners, **corners),
        covariance=partial(_covariance, **corners),
        conditional=partial(_conditional, **corners),
        lift=partial(_lift, **corners),
    )


def _corner(scores: Tensor, low: float, high: float) -> Tensor:
    return _side(scores > 0, scores, low, high)


def _side(up: Tensor, like: Tensor, low: float, high: float) -> Tensor:
    """Give `high` where `up` holds and `low` elsewhere, in the dtype of `like` from the start."""
    return torch.where(up, like.new_full((), high), like.new_full((), low))


def _corners(scores: Tensor, low: float, high: float) -> Tensor:
    return torch.stack([torch.full_like(scores, low), torch.full_like(scores, high)])


def _covariance(mean: Tensor, v: Tensor, low: float, high: float) -> Tensor:
    return (mean - low) * (high - mean) * v


def _mean(scores: Tensor, low: float, high: float) -> Tensor:
    width = high - low
    return low + width * torch.sigmoid(width * full_precision(scores))


def _bernoulli(scores: Tensor, samples: int, generator: torch.Generator | None, low: float, high: float) -> Tensor:
    return _bernoulli_mean(_mean(scores.detach(), low, high), samples, generator, low, high).to(scores.dtype)


def _bernoulli_mean(mean: Tensor, samples: int, generator: torch.Generator | None, low: float, high: float) -> Tensor:
    p = (mean - low) / (high - low)
    level = uniform((samples, *p.shape), p, generator, p.dtype)
    return _side(level < p, mean, low, high)


def _log_prob(scores: Tensor, vertex: Tensor, low: float, high: float) -> Tensor:
    signed = (high - low) * full_precision(scores)
    return logsigmoid(torch.where(vertex > (low + high) / 2, signed, -signed))


def _conditional(scores: Tensor, vertex: Tensor, generator: torch.Generator | None, low: float, high: float) -> Tensor:
    """Logistic noise given the side of 0 on which the noisy score falls, by its inverse distribution."""
    towards = vertex > (low + high) / 2
    signed = (high - low) * full_precision(scores)
    signed = torch.where(towards, signed, -signed)  # the noisy signed score is to be above 0
    level = uniform(signed.shape, signed, generator, signed.dtype)
    inside = torch.sigmoid(-signed) + level * torch.sigmoid(signed)
    noisy = signed + inside.log() - torch.log1p(-level) - logsigmoid(signed)
    return torch.where(towards, noisy, -noisy) / (high - low)


def _lift(scores: Tensor, vertex: Tensor, gap: float, low: float, high: float) -> Tensor:
    margin = gap / (high - low)
    return torch.where(vertex > (low + high) / 2, scores.clamp_min(margin), scores.clamp_max(-margin))


def grid(levels: Tensor | None = None) -> Choice:
    """Choose the nearest level for every number by itself: the integers, or the levels of a quantiser.

    Formula:
        y*(x) = argmin_{l ∈ levels} |x − l|.  Its law is stochastic rounding: of the two neighbours a ≤ x ≤ b,
        p(b) = (x − a)/(b − a), whose mean, and so `soft`, is x clamped to the levels' range, as is the projection.

    Args:
        levels: (L,) ascending, L ≥ 2; None for the integers, which round half to even as torch.round does
            (with levels, a tie goes to the lower one) and cannot be enumerated.

    Raises:
        ValueError: levels that are not one-dimensional and strictly ascending.

    Wrong when: a temperature is wanted: dividing x by it would move x, so estimators refuse any but 1.

    Source: Gupta, Agrawal, Gopalakrishnan & Narayanan 2015 (stochastic rounding).

    >>> import torch
    >>> from argrad.choices import grid
    >>> grid(torch.tensor([0.0, 0.1, 1.0])).hard(torch.tensor([0.04, 0.3, 9.0]))
    tensor([0.0000, 0.1000, 1.0000])
    """
    name = "the choice of the nearest level"
    if levels is None:
        return Choice(
            hard=torch.round,
            name=name,
            event_dims=0,
            scalable=False,
            soft=_itself,
            soft_is_mean=True,
            project=_itself,
            sample=_round_up_or_down,
            log_prob=_integer_log_prob,
        )
    _require_ascending(levels)
    levels = levels.detach()
    return Choice(
        hard=partial(_nearest, levels=levels),
        name=name,
        event_dims=0,
        scalable=False,
        soft=partial(_within, levels=levels),
        soft_is_mean=True,
        project=partial(_within, levels=levels),
        sample=partial(_neighbour, levels=levels),
        log_prob=partial(_neighbour_log_prob, levels=levels),
        enumerate=partial(_every_level, levels=levels),
    )


def _require_ascending(levels: Tensor) -> None:
    expected = "a one-dimensional tensor of at least 2 strictly ascending numbers"
    fits = isinstance(levels, Tensor) and levels.is_floating_point()
    require(fits, "levels", "grid", expected, levels, error=TypeError)
    fits = levels.ndim == 1 and len(levels) > 1
    require(fits and (not reads_values(levels) or bool((levels.diff() > 0).all())), "levels", "grid", expected, levels)


def _itself(x: Tensor) -> Tensor:
    return x * 1


def _within(x: Tensor, levels: Tensor) -> Tensor:
    ends = levels.to(x)
    return x.clamp(ends[0], ends[-1])


def _every_level(x: Tensor, levels: Tensor) -> Tensor:
    return levels.to(x).view(-1, *[1] * x.ndim).expand(-1, *x.shape)


def _round_up_or_down(x: Tensor, samples: int, generator: torch.Generator | None) -> Tensor:
    below = x.detach().floor()
    level = uniform((samples, *x.shape), x, generator, torch.float32)
    return below + (level < x.detach() - below).to(x.dtype)


def _integer_log_prob(x: Tensor, vertex: Tensor) -> Tensor:
    return _log(1 - (full_precision(x) - vertex).abs())


def _nearest(x: Tensor, levels: Tensor) -> Tensor:
    fine = full_precision(x).contiguous()
    rungs = levels.to(fine)
    # halved before they are added, so that large levels do not overflow
    return rungs[torch.bucketize(fine, rungs[1:] / 2 + rungs[:-1] / 2)].to(x.dtype)


def _bracket(x: Tensor, levels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Find the neighbours below and above, and how far x has come from the one to the other, in [0, 1]."""
    rungs = levels.to(full_precision(x))
    inside = full_precision(x).clamp(rungs[0], rungs[-1])
    above = torch.bucketize(inside.detach().contiguous(), rungs, right=True).clamp(1, len(rungs) - 1)
    low, high = rungs[above - 1], rungs[above]
    return low, high, (inside - low) / (high - low)


def _neighbour(x: Tensor, samples: int, generator: torch.Generator | None, levels: Tensor) -> Tensor:
    low, high, up = _bracket(x.detach(), levels)
    level = uniform((samples, *x.shape), x, generator, up.dtype)
    return torch.where(level < up, high, low).to(x.dtype)


def _neighbour_log_prob(x: Tensor, vertex: Tensor, levels: Tensor) -> Tensor:
    low, high, up = _bracket(x, levels)
    # on a level itself p(other neighbour) is 0, whose logarithm has no slope: a rounding error keeps it
    up = up + torch.finfo(up.dtype).eps * (0.5 - up.detach())
    at = [end.to(vertex.dtype) for end in (low, high)]
    return _log(torch.where(vertex == at[1], up, torch.where(vertex == at[0], 1 - up, 0)))


def _log(p: Tensor) -> Tensor:
    """Logarithm, −∞ without a derivative where p is 0: what cannot happen has none, and 0/0 is NaN."""
    never = p <= 0
    return p.masked_fill(never, 1).log().masked_fill(never, -torch.inf)
