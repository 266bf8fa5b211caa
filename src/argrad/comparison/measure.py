"""How good a gradient is: its bias, variance and direction against the truth, and what a call costs."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, prod
from statistics import median
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from argrad.comparison.meter import peak_bytes, stopwatch
from argrad.estimators import Enumerate, IndeCateR, ScoreFunction
from argrad.estimators.exact import cost_dims
from argrad.verbs import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from argrad.core import Choice, Estimator

_BLOCKS = 32
_SURE = 3.0  # standard errors from which on a bias is called one


@dataclass(frozen=True)
class Question:
    """A cost, the scores of the choices it depends on, and what is chosen."""

    cost: Callable[..., Tensor]
    scores: tuple[Tensor, ...]
    choice: Choice

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
        if not self.choice.has("enumerate"):
            return 2**63
        dims = cost_dims(self.choice, self.cost, self.scores)
        shapes = [s.shape[dims : s.ndim - self.choice.event_dims] for s in self.scores]
        return prod(
            self.choice.enumerate(s.detach()).shape[0] ** prod(v) for s, v in zip(self.scores, shapes, strict=True)
        )


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


def find_truth(question: Question, generator: torch.Generator, *, most_states: int, draws: int) -> Truth:
    """Enumerate where that fits, else average an unbiased estimator over many draws."""
    if question.states() <= most_states:
        return Truth(question.gradient(Enumerate(), generator).double(), "exact, all states enumerated")
    local = question.choice.has("enumerate")
    unbiased: Estimator = IndeCateR() if local else ScoreFunction(samples=64)
    moments = _Moments.of(question, unbiased, generator, draws)
    source = f"mean of {draws} draws of {type(unbiased).__name__}, unbiased"
    return Truth(moments.mean, source, moments.variance / draws)


@dataclass(frozen=True)
class Quality:
    """What was measured of one estimator's gradient. Lengths are relative to the true gradient's.

    Attributes:
        bias: ‖E[g] − truth‖/‖truth‖, without the part that the noise of the mean adds; 0 if that is larger.
        bias_error: its standard error (for a bias within noise: an upper bound, at two standard errors).
        biased: whether the bias is above three standard errors; else it is within noise.
        noise: √(total variance of one call)/‖truth‖.
        cosine: mean cosine between one call's gradient and the truth.
        signal_to_noise: ‖E[g]‖/√(total variance); inf for a deterministic estimator.
        seconds: median of one call, forward and backward, the cost included.
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
    """Call the estimator `draws` times, or twice if it takes no random number, and compare it with the truth."""
    memory = peak_bytes(lambda: question.gradient(estimator, generator), question.device)
    moments = _Moments.of(question, estimator, generator, draws, towards=truth.gradient)
    squared, error = moments.squared_distance(truth)
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
        seconds=median(moments.seconds[1:] or moments.seconds),
        peak_bytes=memory,
        draws=moments.count,
    )


@dataclass(frozen=True)
class _Moments:
    """Sums over draws, kept by blocks: no draw is stored, and yet the error of what follows is known."""

    blocks: Tensor  # (blocks, P): mean of each block of draws
    variance: float  # total variance of one draw
    cosine: float
    seconds: list[float]
    count: int

    @classmethod
    def of(
        cls,
        question: Question,
        estimator: Estimator,
        generator: torch.Generator,
        draws: int,
        towards: Tensor | None = None,
    ) -> _Moments:
        """Draw, and sum up."""
        before = _random_state(generator)
        seconds, cosines, squares = [], 0.0, 0.0
        sums, count = torch.zeros(0), 0
        for i in range(draws):
            start = stopwatch(question.device)
            drawn = question.gradient(estimator, generator)
            seconds.append(stopwatch(question.device) - start)
            drawn = drawn.double()
            if i == 0:
                sums = drawn.new_zeros(min(_BLOCKS, draws), drawn.numel())
            sums[i % len(sums)] += drawn
            squares += drawn.square().sum().item()
            cosines += _cosine(drawn, towards)
            count += 1
            repeats = i == 1 and _random_state(generator) == before and torch.equal(2 * drawn, sums.sum(0))
            if repeats:
                return cls(drawn.unsqueeze(0), 0.0, cosines / 2, seconds, 1)
        counts = torch.tensor([(count - b + len(sums) - 1) // len(sums) for b in range(len(sums))]).to(sums)
        mean = sums.sum(0) / count
        variance = (squares - count * mean.square().sum().item()) / max(count - 1, 1)
        return cls(sums / counts.unsqueeze(1), max(variance, 0.0), cosines / count, seconds, count)

    @property
    def mean(self) -> Tensor:
        """The mean over blocks."""
        return self.blocks.mean(0)

    @property
    def signal(self) -> float:
        """‖E[g]‖, without the part that the noise of the mean adds."""
        return max(self.mean.square().sum().item() - self.variance / self.count, 0.0) ** 0.5

    def squared_distance(self, truth: Truth) -> tuple[float, float]:
        """Give an unbiased estimate of ‖E[g] − truth‖² and its standard error (jackknife over blocks).

        Σ_{a≠b} ⟨d_a, d_b⟩/(B(B−1)) over block means less the truth: products of different blocks share no noise.
        """
        gap = self.blocks - truth.gradient
        if len(gap) == 1:
            return gap.square().sum().item() - truth.variance, _truth_error(gap[0], truth)
        total, own, b = gap.sum(0), gap.square().sum(1), len(gap)
        whole = ((total.square().sum() - own.sum()) / (b * (b - 1))).item()
        without = (total - gap).square().sum(1) - (own.sum() - own)
        jackknife = without / ((b - 1) * (b - 2)) if b > 2 else without * 0 + inf  # noqa: PLR2004
        error = ((b - 1) / b * (jackknife - jackknife.mean()).square().sum()).sqrt().item()
        return whole - truth.variance, (error**2 + _truth_error(gap.mean(0), truth) ** 2) ** 0.5


def _truth_error(gap: Tensor, truth: Truth) -> float:
    """Bound the standard error that the truth's own noise adds to ‖gap‖²: its covariance is at most its trace."""
    return (2 * truth.variance**2 + 4 * gap.square().sum().item() * truth.variance) ** 0.5


def _cosine(drawn: Tensor, towards: Tensor | None) -> float:
    if towards is None:
        return 0.0
    norms = (drawn.norm() * towards.norm()).item()
    return (drawn @ towards).item() / norms if norms else 0.0


def _random_state(generator: torch.Generator) -> tuple[bytes, ...]:
    """Fingerprint every source of randomness that an estimator may draw from."""
    states = [generator.get_state(), torch.get_rng_state()]
    if generator.device.type == "cuda":
        states.append(torch.cuda.get_rng_state(generator.device))
    return tuple(state.numpy().tobytes() for state in states)
