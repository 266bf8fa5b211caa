"""What everything rests on: a choice, an estimator, and the law of exact values.

A hard choice is a linear maximisation over the vertices of a polytope,

    y*(s) = argmax_{y ∈ Y} ⟨y, s⟩,

piecewise constant in the scores s, so its derivative is zero wherever it exists. Two small ideas mend that:

- a `Choice` says WHAT is picked: a value made of pure functions on the trailing dimension(s) of a tensor of scores;
- an `Estimator` says WHAT GRADIENT the pick gets, by using those functions. It never asks which choice it got.

One method an estimator, one verb a method: `pick` is the deterministic choice (`argrad.argmax`), `draw` is a
sample (`argrad.sample`), `expect` is E[cost(y)] (`argrad.expect`).

How a gradient is attached. The forward value is the vertex itself, bit for bit; the gradient travels through a
*carrier*: a tensor shaped like the vertex whose own value is never used. `exact(vertex, carrier)` ties the two.
A carrier is either ordinary differentiable torch code (a softmax) or a `pull`: a rule that maps the gradient at
the vertex to a gradient at the scores.
"""

from __future__ import annotations

from abc import ABC
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Sample(Protocol):
    """Draw `samples` vertices: (*batch, *event) scores → (samples, *batch, *event)."""

    def __call__(self, scores: Tensor, samples: int, generator: torch.Generator | None) -> Tensor: ...


@dataclass(frozen=True)
class Choice:
    """A hard choice, as pure functions of scores of shape (*batch, *event).

    Only `hard` is needed; whoever lacks a function simply cannot be used with the estimators that need it, and
    the error lists those that would work. Each function maps over the batch.

    Attributes:
        hard: scores → the best vertex y* = argmax_{y ∈ Y} ⟨y, s⟩, shaped like the scores.
        name: what error messages call this choice.
        event_dims: how many trailing dimensions make up one choice (1: a row; 0: every number by itself).
        soft: scores → the mean of the Gibbs law p(y) ∝ exp⟨y, s⟩, which is the entropic relaxation of `hard`.
        project: a point → the nearest point of the polytope conv(Y), in Euclidean distance.
        sample: draws from the Gibbs law.
        log_prob: (scores, vertex) → log p(vertex), shape (*batch,).
        enumerate: scores → all vertices, shape (|Y|, *batch, *event), in the scores' dtype.
        covariance: (mean, v) → Cov(mean) v, the covariance of the Gibbs law that has this mean, times v.
            As d soft(s) = Cov(soft(s)) ds, this is the Jacobian of `soft` without the scores.
        conditional: (scores, vertex, generator) → scores plus noise, drawn given that `vertex` wins.
        lift: (scores, vertex, gap) → scores moved so that `vertex` wins by at least `gap`.
    """

    hard: Callable[[Tensor], Tensor]
    name: str = "this choice"
    event_dims: int = 1
    soft: Callable[[Tensor], Tensor] | None = None
    project: Callable[[Tensor], Tensor] | None = None
    sample: Sample | None = None
    log_prob: Callable[[Tensor, Tensor], Tensor] | None = None
    enumerate: Callable[[Tensor], Tensor] | None = None
    covariance: Callable[[Tensor, Tensor], Tensor] | None = None
    conditional: Callable[[Tensor, Tensor, torch.Generator | None], Tensor] | None = None
    lift: Callable[[Tensor, Tensor, float], Tensor] | None = None


class Estimator(ABC):
    """What gradient a choice gets. Subclasses are frozen dataclasses of hyperparameters; none inherits another.

    An estimator defines the methods whose verbs make sense for it and says in `needs` which functions of the
    choice each of them uses. The verbs read `needs` before they call, so an unfit pair is refused in words.
    """

    @property
    def needs(self) -> Mapping[str, tuple[str, ...]]:
        """Method → the functions of the `Choice` that it uses. A method that is not named is not defined."""
        raise NotImplementedError

    def pick(self, choice: Choice, scores: Tensor) -> Tensor:
        """Give the deterministic choice with this estimator's gradient; shaped like the scores."""
        raise NotImplementedError

    def draw(self, choice: Choice, scores: Tensor, generator: torch.Generator | None) -> Tensor:
        """Give one random choice with this estimator's gradient; shaped like the scores."""
        raise NotImplementedError

    def expect(
        self,
        choice: Choice,
        cost: Callable[..., Tensor],
        scores: tuple[Tensor, ...],
        generator: torch.Generator | None,
    ) -> Tensor:
        """Give E[cost(y)], or this estimator's estimate of it.

        `cost` takes one tensor of vertices for each tensor of scores, each with one more dimension in front
        (samples, *batch, *event), and returns (samples, *costs); the result has the shape (*costs,).

        An estimator of the vertex's gradient spends one vertex on it: a draw where it has one, else its pick.
        """
        one = "draw" in self.needs
        vertices = [self.draw(choice, s, generator) if one else self.pick(choice, s) for s in scores]
        return cost(*(y.unsqueeze(0) for y in vertices)).squeeze(0)


def full_precision(scores: Tensor) -> Tensor:
    """Half-precision scores in float32: noise, exponentials and temperatures do not survive 8 or 11 bits."""
    return scores.float() if scores.dtype in (torch.float16, torch.bfloat16) else scores


def exact(value: Tensor, carrier: Tensor) -> Tensor:
    """Return `value`, bit for bit, with the gradient of `carrier`: the straight-through device.

    `value + (carrier − carrier.detach())` says the same in arithmetic, for two more passes over memory; it is what
    a compiler gets to see, which fuses them.
    """
    if torch.compiler.is_compiling():
        return value.detach() + (carrier - carrier.detach()).to(value.dtype)
    return _Exact.apply(value.detach(), carrier)


class _Exact(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(value: Tensor, carrier: Tensor) -> Tensor:  # noqa: ARG004
        return value.view_as(value)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.carrier_dtype, ctx.value_dtype = inputs[1].dtype, output.dtype

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[None, Tensor]:
        return None, grad.to(ctx.carrier_dtype)

    @staticmethod
    def jvp(ctx: Any, _value_tangent: Tensor | None, tangent: Tensor) -> Tensor:
        return tangent.to(ctx.value_dtype, copy=True)


def pull(rule: Callable[[Tensor, Tensor, Tensor], Tensor], scores: Tensor, vertex: Tensor) -> Tensor:
    """Return a carrier whose gradient is a rule: `rule(scores, vertex, grad_vertex)` → `grad_scores`.

    For rules that need the incoming gradient. Its value is a zero that takes no memory. The rule is ordinary
    differentiable torch code of its three arguments, so it can be differentiated again.
    """
    return _Pull.apply(scores, vertex, rule)


class _Pull(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(scores: Tensor, vertex: Tensor, rule: Callable[..., Tensor]) -> Tensor:  # noqa: ARG004
        return scores.new_zeros(()).expand(scores.shape)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ARG004
        scores, vertex, ctx.rule = inputs
        ctx.save_for_backward(scores, vertex)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        scores, vertex = ctx.saved_tensors
        return ctx.rule(scores, vertex, grad), None, None
