"""What everything rests on: a choice and an estimator.

A hard choice is a linear maximisation over the vertices of a polytope,

    y*(s) = argmax_{y ∈ Y} ⟨y, s⟩,

piecewise constant in the scores s, so its derivative is zero wherever it exists. Two small ideas mend that:

- a `Choice` says WHAT is picked: a value made of pure functions on the trailing dimension(s) of a tensor of scores;
- an `Estimator` says WHAT GRADIENT the pick gets, by using those functions. It never asks which choice it got.

One method an estimator, one verb a method: `pick` is the deterministic choice (`argrad.argmax`), `draw` is a
sample (`argrad.sample`), `expect` is E[cost(y)] (`argrad.expect`).

How a gradient is attached: the forward value is the vertex itself, bit for bit, and the gradient travels through a
*carrier*, whose own value is never used. `exact(vertex, carrier)` ties the two: see `_carrier.py`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from argrad._carrier import Pull, exact
from argrad._precision import divide, full_precision

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Sample(Protocol):
    """Draw `samples` vertices: (*batch, *event) scores → (samples, *batch, *event)."""

    def __call__(self, scores: Tensor, samples: int, generator: torch.Generator | None, /) -> Tensor:
        """Draw."""


def lacking(*_: Any) -> Any:
    """Stand in for a function that a choice does not have."""
    msg = "This choice lacks the function that was called. Ask `choice.has(name)` first."
    raise TypeError(msg)


@dataclass(frozen=True)
class Choice:
    """A hard choice, as pure functions of scores of shape (*batch, *event).

    Only `hard` is needed; whoever lacks a function simply cannot be used with the estimators that need it, and
    the error lists those that would work. Each function maps over the batch.

    Attributes:
        hard: scores → the best vertex y* = argmax_{y ∈ Y} ⟨y, s⟩, shaped like the scores.
        name: what error messages call this choice.
        event_dims: how many trailing dimensions make up one choice (1: a row; 0: every number by itself).
        scalable: whether hard(c·s) = hard(s) for c > 0, so that a temperature makes sense (not so for rounding).
        soft: scores → a point of the polytope that relaxes `hard` (for linear choices: the entropic relaxation).
        soft_is_mean: whether `soft` is the mean of the law below, so that it is exact for linear costs.
        project: a point → the nearest point of the polytope conv(Y), in Euclidean distance.
        sample: draws from the choice's law; for linear choices the Gibbs law p(y) ∝ exp⟨y, s⟩.
        sample_mean: draws from the law that has this mean, where that is the quicker way.
        log_prob: (scores, vertex) → log p(vertex), shape (*batch,).
        enumerate: scores → all vertices, shape (|Y|, *batch, *event), in the scores' dtype.
        covariance: (mean, v) → Cov(mean) v, the covariance of the Gibbs law that has this mean, times v.
            As d soft(s) = Cov(soft(s)) ds, this is the Jacobian of `soft` without the scores.
        second_order: (mean, code, v) → 2 Cov((mean + vertex)/2) v − ½ Cov(mean) v, in closed form.
        conditional: (scores, vertex, generator) → scores plus noise, drawn given that `vertex` wins.
        lift: (scores, vertex, gap) → scores moved so that `vertex` wins by at least `gap`.
        decode: (code, scores) → vertex, for a choice whose `hard` and samplers return a compact code of the
            vertex, such as its index, instead of the vertex itself.
    """

    hard: Callable[[Tensor], Tensor]
    name: str = "this choice"
    event_dims: int = 1
    scalable: bool = True
    soft: Callable[[Tensor], Tensor] = lacking
    soft_is_mean: bool = False
    project: Callable[[Tensor], Tensor] = lacking
    sample: Sample = lacking
    sample_mean: Sample = lacking
    log_prob: Callable[[Tensor, Tensor], Tensor] = lacking
    enumerate: Callable[[Tensor], Tensor] = lacking
    covariance: Callable[[Tensor, Tensor], Tensor] = lacking
    second_order: Callable[[Tensor, Tensor, Tensor], Tensor] = lacking
    conditional: Callable[[Tensor, Tensor, torch.Generator | None], Tensor] = lacking
    lift: Callable[[Tensor, Tensor, float], Tensor] = lacking
    decode: Callable[[Tensor, Tensor], Tensor] = lacking

    def has(self, function: str) -> bool:
        """Whether this choice has the function of that name."""
        return getattr(self, function) is not lacking

    def vertex(self, code: Tensor, scores: Tensor) -> Tensor:
        """Give the vertex that `hard` or a sampler returned, in the scores' dtype."""
        return self.decode(code, scores) if self.has("decode") else code.to(scores.dtype)

    def tempered(self, scores: Tensor, temperature: float | Tensor) -> Tensor:
        """Divide the scores by a temperature, in full precision, where that makes sense."""
        if not isinstance(temperature, Tensor) and temperature == 1:
            return full_precision(scores)
        if not self.scalable:
            msg = f"A temperature does not make sense for {self.name}: it would move the scores. Leave it at 1."
            raise ValueError(msg)
        return divide(full_precision(scores), temperature)

    def sums(self, terms: Tensor) -> Tensor:
        """Sum over the event dimensions, and keep them: (*batch, *event) → (*batch, 1, …, 1)."""
        return terms.sum(tuple(range(-self.event_dims, 0)), keepdim=True) if self.event_dims else terms


class Noise(ABC):
    """Which draw: independent noise added to scores. Subclasses are frozen dataclasses."""

    @abstractmethod
    def __call__(self, like: Tensor, generator: torch.Generator | None) -> Tensor:
        """Draw noise of this shape and device, in float32 at least."""

    @abstractmethod
    def slope(self, noise: Tensor) -> Tensor:
        """Give ν'(z), where the noise has the density exp(−ν(z))."""


class Estimator(ABC):
    """What gradient a choice gets. Subclasses are frozen dataclasses of hyperparameters; none inherits another.

    An estimator defines the methods whose verbs make sense for it and says in `needs` which functions of the
    choice each of them uses. The verbs read `needs` before they call, so an unfit pair is refused in words.
    """

    @property
    @abstractmethod
    def needs(self) -> Mapping[str, tuple[str, ...]]:
        """Method → the functions of the `Choice` that it uses. A method that is not named is not defined."""

    @property
    def bias(self) -> str:
        """What is known of the gradient of E[cost]: "exact", "unbiased", "biased", or "linear", "quadratic".

        The last two: unbiased for costs of that degree in the vertex, where `soft` is the mean of the choice's law.
        """
        return "biased"

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
        drawn = "draw" in self.needs
        vertices = [self.draw(choice, s, generator) if drawn else self.pick(choice, s) for s in scores]
        return cost(*(y.unsqueeze(0) for y in vertices)).squeeze(0)


class VertexEstimator(Estimator):
    """An estimator of the gradient at the vertex: the forward value is one vertex, the gradient has a carrier."""

    def drawn_by(self) -> Noise | None:
        """Give the noise whose argmax is the draw; None: the choice's own law."""
        return None

    @abstractmethod
    def carry(self, choice: Choice, scores: Tensor, vertex: Tensor) -> Tensor | Pull:
        """Give the carrier: a tensor shaped like the scores and linked to them, its value never used, or a rule."""

    def sharpen(self, choice: Choice, scores: Tensor) -> Tensor:  # noqa: ARG002
        """Give the scores of the law to draw from."""
        return scores

    def pick_pair(self, choice: Choice, scores: Tensor) -> tuple[Tensor, Tensor | Pull]:
        """Give the best vertex (or its code) and the carrier."""
        vertex = choice.hard(scores.detach())
        return vertex, self.carry(choice, scores, vertex)

    def draw_pair(
        self, choice: Choice, scores: Tensor, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor | Pull]:
        """Give a random vertex (or its code) and the carrier."""
        law = self.sharpen(choice, scores.detach())
        noise_law = self.drawn_by()
        if noise_law is None:
            vertex = choice.sample(law, 1, generator).squeeze(0)
            return vertex, self.carry(choice, scores, vertex)
        noise = noise_law(law, generator)
        vertex = choice.hard(full_precision(law) + noise)
        return vertex, self.carry(choice, full_precision(scores) + noise, vertex)

    def pick(self, choice: Choice, scores: Tensor) -> Tensor:
        """Give the best vertex, exactly, with the carrier's gradient."""
        code, carrier = self.pick_pair(choice, scores)
        return exact(choice.vertex(code, scores), carrier)

    def draw(self, choice: Choice, scores: Tensor, generator: torch.Generator | None) -> Tensor:
        """Give a random vertex, exactly, with the carrier's gradient."""
        code, carrier = self.draw_pair(choice, scores, generator)
        return exact(choice.vertex(code, scores), carrier)
