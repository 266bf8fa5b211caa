"""What the structured choices share: masks as finite numbers, and the law from one recursion.

A recursion over parts of a structure, `value(scores, plus)`, is written once. What `plus` does with the alternatives
says what comes out, and the gradient of the value, which counts the parts that were used, is

| plus | value | its gradient |
|---|---|---|
| `total`: log Σ exp | the log-partition function | the marginals |
| `best`: max | the best score | the best vertex |
| `drawn`: log Σ exp forward, one drawn alternative backward | the log-partition function | an exact draw |

Source: Goodman 1999, "Semiring parsing"; Eisner 2016, "Inside-outside and forward-backward algorithms are just
backprop"; Rush 2020, "Torch-Struct" (drawing by the gradient).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from argrad._carrier import exact
from argrad._checks import ScoresError, describe, reads_values, require, require_choosable, require_scores
from argrad._precision import full_precision
from argrad.choices._sparsemap import sparsemap
from argrad.choices.one_hot import draw_index
from argrad.core import Choice

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    Plus = Callable[[Tensor], Tensor]  # sums over the last dimension

MASKED = -1e30
_MOST_VERTICES = 2**16


def finite(scores: Tensor) -> Tensor:
    """Full precision, with a finite number for −inf: it swallows any score, and makes no NaN in any derivative."""
    return full_precision(scores).clamp_min(MASKED)


def unmask(total: Tensor, of: str) -> Tensor:
    """Give a log-partition function or best score, −inf where nothing is possible, which is an error where readable."""
    total = torch.where(total < MASKED / 2, -torch.inf, total)
    require_choosable(total.detach(), of)
    return total


def require_event(scores: object, of: str, event_dims: int, square: bool = True) -> None:
    """Scores are floating point, of at least the event's dimensions, the last two of equal size."""
    require_scores(scores, of, None)
    fits = scores.ndim >= event_dims and all(scores.shape[-event_dims:])  # type: ignore[union-attr]
    fits = fits and (not square or scores.shape[-1] == scores.shape[-2])  # type: ignore[union-attr]
    shape = "the last two of equal size" if square else "none of size 0"
    if not fits:
        raise ScoresError(of, f"be of at least {event_dims} dimensions, {shape}", describe(scores))


def total(terms: Tensor) -> Tensor:
    """Sum the alternatives along the last dimension: log Σ exp, whose slopes are shares that sum to 1.

    Taken by torch's own `logsumexp`, they would be exp(term − result), off by the rounding of a large result.
    """
    top = terms.detach().amax(-1, keepdim=True)
    return (terms - top).exp().sum(-1).log() + top.squeeze(-1)


def best(terms: Tensor) -> Tensor:
    """Take the best alternative along the last dimension; at a tie, on the CPU, the first."""
    return terms.max(-1).values


def drawn(generator: torch.Generator | None, terms: Tensor) -> Tensor:
    """Sum the alternatives, and send the gradient to one of them, drawn with its probability."""
    index = draw_index(terms.detach(), 1, generator).squeeze(0)
    return exact(terms.detach().logsumexp(-1), terms.gather(-1, index.unsqueeze(-1)).squeeze(-1))


def inner(scores: Tensor, vertex: Tensor, event_dims: int) -> Tensor:
    """⟨vertex, scores⟩ over the event, in which a masked part that is not used counts 0."""
    s = full_precision(scores)
    terms = vertex * torch.where((vertex == 0) & (s == -torch.inf), 0, s)
    return terms.flatten(terms.ndim - event_dims).sum(-1)


def lift(scores: Tensor, vertex: Tensor, gap: float, *, hard: Callable[[Tensor], Tensor], event_dims: int) -> Tensor:
    """Raise every part of the vertex by the same amount, so that whoever lacks one of them is `gap` behind."""
    s = full_precision(scores)
    behind = inner(s, hard(s.detach()), event_dims) - inner(s, vertex, event_dims)
    return s + vertex * (behind + gap).view(*behind.shape, *[1] * event_dims)


def log_prob(scores: Tensor, vertex: Tensor, *, log_partition: Callable[[Tensor], Tensor], event_dims: int) -> Tensor:
    """Give ⟨vertex, scores⟩ − log Z."""
    return inner(scores, vertex, event_dims) - log_partition(scores)


def indicate(index: Tensor, like: Tensor) -> Tensor:
    """One-hot rows like these, with a 1 at the index; out of place, which vmap knows."""
    return torch.zeros_like(like).scatter(-1, index.unsqueeze(-1), 1)


def spread(vertices: Tensor, scores: Tensor, event_dims: int) -> Tensor:
    """Repeat (|Y|, *event) vertices for each batch: (|Y|, *batch, *event), like the scores."""
    batch = scores.shape[: scores.ndim - event_dims]
    shape = (len(vertices), *[1] * len(batch), *vertices.shape[1:])
    return vertices.to(scores).view(shape).expand(-1, *scores.shape)


def require_lengths(lengths: object, batch: torch.Size, longest: int, of: str) -> None:
    """Lengths are integers in [1, longest], one for each sequence."""
    whole = isinstance(lengths, torch.Tensor) and not lengths.is_floating_point() and lengths.dtype != torch.bool
    require(whole, "lengths", of, "an integer tensor", lengths, error=TypeError)
    assert isinstance(lengths, torch.Tensor)  # noqa: S101  (for the type checker; checked above)
    require(lengths.shape == batch, "lengths", of, f"of the batch shape {tuple(batch)}", lengths)
    if reads_values(lengths) and lengths.numel():
        low, high = int(lengths.min()), int(lengths.max())
        require(low >= 1 and high <= longest, "lengths", of, f"in [1, {longest}]", low if low < 1 else high)


def require_enumerable(count: int, of: str) -> None:
    """Refuse to list more vertices than fit."""
    shown = f"{Decimal(count):.3g}"  # 300! has no float
    require(count <= _MOST_VERTICES, "scores", of, f"of at most {_MOST_VERTICES} vertices to enumerate", shown)


def derivative(total: Callable[[Tensor], Tensor], scores: Tensor, of: str) -> Tensor:
    """Differentiate each row's total, of finite scores, by the scores; the result can be differentiated again."""

    def summed(s: Tensor) -> tuple[Tensor, Tensor]:
        rows = total(finite(s))
        return rows.sum(), rows.detach()

    s = full_precision(scores)
    slope, rows = torch.func.grad(summed, has_aux=True)(s)
    unmask(rows, of)
    # a lone vertex has a constant derivative, which is still a function of the scores to autograd
    return slope + 0 * finite(s)


@dataclass(frozen=True)
class Recursion:
    """A choice, and its log-partition function, from one recursion over finite scores: methods, which can be pickled.

    Attributes:
        value: (finite scores, plus) → the sum, in the sense of `plus`, over all vertices.
        of: what errors call it.
        event_dims: trailing dimensions of one choice.
        check: raises for scores of the wrong type or shape.
    """

    value: Callable[[Tensor, Plus], Tensor]
    of: str
    event_dims: int
    check: Callable[[Tensor], None]

    def log_partition(self, scores: Tensor) -> Tensor:
        """Give log Z."""
        self.check(scores)
        return unmask(self.value(finite(scores), total), self.of)

    def hard(self, scores: Tensor) -> Tensor:
        """Give the best vertex."""
        return self._gradient(scores.detach(), best).to(scores.dtype)

    def soft(self, scores: Tensor) -> Tensor:
        """Give the marginals."""
        return self._gradient(scores, total)

    def sample(self, scores: Tensor, samples: int, generator: torch.Generator | None) -> Tensor:
        """Draw vertices."""
        repeated = scores.detach().expand(samples, *scores.shape)
        return self._gradient(repeated, partial(drawn, generator)).to(scores.dtype)

    def _gradient(self, scores: Tensor, plus: Plus) -> Tensor:
        self.check(scores)
        return derivative(lambda s: self.value(s, plus), scores, self.of)

    def choice(self, **functions: Any) -> Choice:
        """Give the choice; `functions` are those that the recursion does not tell, or does not tell as quickly."""
        rest: dict[str, Any] = {"project": partial(sparsemap, hard=self.hard, event_dims=self.event_dims), **functions}
        return Choice(
            hard=self.hard,
            event_dims=self.event_dims,
            soft=self.soft,
            soft_is_mean=True,
            sample=self.sample,
            log_prob=partial(log_prob, log_partition=self.log_partition, event_dims=self.event_dims),
            lift=partial(lift, hard=self.hard, event_dims=self.event_dims),
            **rest,
        )
