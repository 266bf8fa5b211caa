"""How good a gradient is: its bias, variance and direction against the truth, and what a call costs."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, prod
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from argrad.comparison.meter import peak_bytes, stopwatch
from argrad.comparison.moments import Moments
from argrad.comparison.ways import label
from argrad.estimators import Enumerate, IndeCateR, Perturbed, ScoreFunction
from argrad.estimators.exact import cost_dims
from argrad.verbs import expect
from argrad.verbs.expectation import checked_cost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from argrad.core import Choice, Estimator

_UNCOUNTED = 2**63
_SAMPLES = 64  # of a draw of the truth, where it is drawn
_TIMED = 10  # calls of a deterministic estimator
_SURE = 4.0  # standard errors from which on a squared bias is called one: its estimate is skewed to the right


@dataclass(frozen=True)
class Question:
    """A cost, the scores of the choices it depends on, and what is chosen."""

    cost: Callable[..., Tensor]
    scores: tuple[Tensor, ...]
    choice: Choice

    @torch.enable_grad()
    def gradient(self, estimator: Estimator, generator: torch.Generator) -> Tensor:
        """Give one estimate of the gradient of the summed expected costs to all scores, as one vector."""
        leaves = tuple(s.detach().requires_grad_() for s in self.scores)
        value = expect(self.cost, leaves, grad=estimator, choice=self.choice, generator=generator)
        return torch.cat([g.flatten() for g in torch.autograd.grad(value.sum(), leaves)])

    @property
    def device(self) -> torch.device:
        """Where the scores are."""
        return self.scores[0].device

    def states(self) -> int:
        """Count the joint states of the variables that share a cost."""
        dims = cost_dims(self.choice, checked_cost(self.cost, self.choice), self.scores)
        shapes = [s.shape[dims : s.ndim - self.choice.event_dims] for s in self.scores]
        return prod(self.options(s) ** prod(v) for s, v in zip(self.scores, shapes, strict=True))

    def options(self, scores: Tensor) -> int:
        """Count the vertices of one variable; as too many to count, where the choice does not list them."""
        if not self.choice.has("enumerate"):
            return _UNCOUNTED
        one = scores.detach().reshape(-1, *scores.shape[scores.ndim - self.choice.event_dims :])[:1]
        try:
            return len(self.choice.enumerate(one))
        except ValueError:  # it says so itself when there are too many
            return _UNCOUNTED


@dataclass(frozen=True)
class Truth:
    """The gradient to compare with.

    Attributes:
        gradient: one vector over all scores, float64.
        source: how it was found.
        variance: E‖gradient − its mean‖², 0 where it is exact.
    """

    gradient: Tensor
    source: str
    variance: float = 0.0

    @property
    def norm(self) -> float:
        """Its length."""
        return self.gradient.norm().item()

    @property
    def relative_error(self) -> float:
        """One standard error of the gradient, over its length."""
        return self.variance**0.5 / self.norm if self.norm else 0.0


def find_truth(
    question: Question,
    generator: torch.Generator,
    *,
    most_states: int,
    draws: int,
    reference: Estimator | None = None,
) -> Truth:
    """Enumerate where that fits, else average the reference, or an unbiased estimator where none is given."""
    if question.states() <= most_states:
        return Truth(question.gradient(Enumerate(), generator).double(), "exact, all states enumerated")
    mean_of, draws, why = (reference, draws, "") if reference else _unbiased(question, most_states, draws)
    moments = Moments.of(draw_many(question, mean_of, generator, draws, []))
    many = f"mean of {moments.count} draws of " if moments.count > 1 else ""
    return Truth(moments.mean, f"{many}{label(mean_of)}{why}", moments.variance / moments.count)


def _unbiased(question: Question, most_states: int, draws: int) -> tuple[Estimator, int, str]:
    """Give an estimator whose mean is the true gradient, how often to draw it, and a word on it.

    A choice without a law, such as a solver, has no expected cost: it gets one by noise on its scores.
    """
    if max(question.options(s) for s in question.scores) <= most_states:
        return IndeCateR(), 10 * draws, ", unbiased"
    if question.choice.has("sample") and question.choice.has("log_prob"):
        return ScoreFunction(samples=_SAMPLES), draws, ", unbiased"
    return Perturbed(samples=_SAMPLES), draws, ", as the choice has no law: its cost is smoothed by noise of width 1"


@dataclass(frozen=True)
class Quality:
    """What was measured of one estimator's gradient. Lengths are relative to the true gradient's.

    Attributes:
        bias: ‖E[g] − truth‖/‖truth‖, without the part that the noise of the mean adds; 0 if that is larger.
        bias_error: its standard error (for a bias within noise: an upper bound, at two standard errors).
        biased: whether the squared bias is above four standard errors; else it is within noise.
        noise: √(total variance of one call)/‖truth‖.
        cosine: mean cosine between one call's gradient and the truth.
        signal_to_noise: ‖E[g]‖/√(total variance); inf for a deterministic estimator.
        seconds: the fastest of the calls, forward and backward, the cost included: other work on the machine only adds.
        peak_bytes: most memory alive at once in a call; None where nobody counts.
        draws: how many calls were measured; 1 for an estimator that takes no random number.
    """

    bias: float
    bias_error: float
    biased: bool
    noise: float
    cosine: float
    signal_to_noise: float
    seconds: float
    peak_bytes: int | None
    draws: int

    @property
    def error(self) -> float:
        """Root mean square error of one call, √(bias² + noise²), relative to the truth."""
        return (self.bias**2 + self.noise**2) ** 0.5


def measure(question: Question, estimator: Estimator, truth: Truth, generator: torch.Generator, draws: int) -> Quality:
    """Call the estimator `draws` times, and compare it with the truth."""
    memory = peak_bytes(lambda: question.gradient(estimator, generator), question.device)
    seconds: list[float] = []
    drawn = draw_many(question, estimator, generator, draws, seconds)
    moments = Moments.of(drawn, towards=truth.gradient)
    squared, error = moments.squared_distance(truth.gradient, truth.variance)
    scale = truth.norm or 1.0
    floor = (1e3 * torch.finfo(question.scores[0].dtype).eps * scale) ** 2  # rounding is no bias
    biased = squared > max(_SURE * error, floor)
    bias = max(squared, 0.0) ** 0.5
    return Quality(
        bias=bias / scale,
        bias_error=(error / (2 * bias) if biased else (max(squared, 0) + 2 * error) ** 0.5) / scale,
        biased=biased,
        noise=moments.variance**0.5 / scale,
        cosine=moments.cosine,
        signal_to_noise=moments.signal / moments.variance**0.5 if moments.variance else inf,
        seconds=min(seconds),
        peak_bytes=memory,
        draws=moments.count,
    )


def draw_many(
    question: Question, estimator: Estimator, generator: torch.Generator, count: int, seconds: list[float]
) -> Iterator[Tensor]:
    """Give `count` draws in float64 and book their times; one, if another takes no random number and is the same.

    In that case a few more are made for the sake of the times.
    """

    def draw() -> Tensor:
        start = stopwatch(question.device)
        drawn = question.gradient(estimator, generator)
        seconds.append(stopwatch(question.device) - start)
        return drawn.double()

    before = _random_state(generator)
    first = draw()
    untouched = _random_state(generator) == before
    second = draw()
    yield first
    if untouched and torch.equal(first, second):
        for _ in range(min(count, _TIMED) - 2):
            draw()
        return
    yield second
    for _ in range(count - 2):
        yield draw()


def _random_state(generator: torch.Generator) -> tuple[bytes, ...]:
    """Fingerprint every source of randomness that an estimator may draw from."""
    states = [generator.get_state(), torch.get_rng_state()]
    if generator.device.type == "cuda":
        states.append(torch.cuda.get_rng_state(generator.device))
    return tuple(state.numpy().tobytes() for state in states)
