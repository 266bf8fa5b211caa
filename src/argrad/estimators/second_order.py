"""Estimators for a sampled vertex that look further than straight-through: to second order, or with less variance."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch

from argrad._carrier import Pull
from argrad._checks import require, require_count, require_positive
from argrad._precision import full_precision
from argrad.core import VertexEstimator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from argrad.core import Choice


def _require_fixed(temperature: float | Tensor, of: str) -> None:
    require_positive(temperature, "temperature", of)
    learns = isinstance(temperature, torch.Tensor) and temperature.requires_grad
    require(not learns, "temperature", of, "a fixed number: this rule gives it no gradient", temperature)


@dataclass(frozen=True)
class ReinMax(VertexEstimator):
    """A sampled vertex, with a gradient that is right to second order (at temperature 1).

    Formula:
        ∂L/∂s := 2 Cov((p_τ + y)/2) g − ½ Cov(p) g, with y ~ p, p_τ = soft(s/τ) and g = ∂L/∂y; for one of n,
        Cov(q) = diag(q) − q qᵀ. At τ = 1 this is Heun's second-order rule, and for one of n equal to
        ½[p∘(g − g_x) + y (g_x − ⟨p, g⟩)], the ZGR estimator.

    Args:
        temperature: τ; a fixed positive number. The authors' code takes none below 1.

    Raises:
        ValueError, TypeError: temperature not positive, or a tensor that asks for a gradient.

    Wrong when: the cost is far from quadratic in the vertices: exact for quadratic costs at τ = 1, else its bias
    begins with third derivatives, and on a strongly cubic cost it can exceed straight-through's. τ ≠ 1 gives the
    exactness up.

    Source: Liu, Dong, Liu, Yu & Gao 2023, "Bridging discrete and backpropagation: straight-through and beyond",
    with the authors' code (where τ enters); Shekhovtsov 2023, "Cold analysis of Rao-Blackwellized straight-through
    Gumbel-softmax gradient estimator" (ZGR, the limit of `GumbelRao` as its τ falls to 0).

    >>> import torch, argrad
    >>> scores = torch.zeros(5, 3, requires_grad=True)
    >>> y = argrad.sample(scores, grad=argrad.ReinMax(), generator=torch.Generator().manual_seed(0))
    >>> y.detach().sum(-1)
    tensor([1., 1., 1., 1., 1.])
    """

    temperature: float | Tensor = 1.0

    def __post_init__(self) -> None:
        _require_fixed(self.temperature, "ReinMax")

    @property
    def needs(self) -> Mapping[str, tuple[str, ...]]:
        """The law, its mean and its covariance."""
        return dict.fromkeys(("draw", "expect"), ("sample", "soft", "covariance"))

    @property
    def bias(self) -> str:
        """None for quadratic costs, at temperature 1."""
        return "quadratic" if self._plain else "biased"

    @property
    def _plain(self) -> bool:
        return not isinstance(self.temperature, torch.Tensor) and self.temperature == 1

    def draw_pair(self, choice: Choice, scores: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Pull]:
        """Give a vertex and its carrier; at temperature 1 where the choice knows them, by the closed form."""
        if self._plain and choice.has("sample_mean") and choice.has("second_order"):
            mean = choice.soft(full_precision(scores.detach()))
            vertex = choice.sample_mean(mean, 1, generator).squeeze(0)
            return vertex, Pull(_second_order, choice, scores, vertex, mean)
        vertex = choice.sample(scores.detach(), 1, generator).squeeze(0)
        return vertex, self.carry(choice, scores, vertex)

    def carry(self, choice: Choice, scores: Tensor, vertex: Tensor) -> Pull:
        """Attach the second-order rule."""
        return Pull(self._rule, choice, scores, vertex)

    def _rule(self, choice: Choice, scores: Tensor, code: Tensor, grad: Tensor) -> Tensor:
        vertex = choice.vertex(code, scores)
        mean, warm = choice.soft(scores), choice.soft(choice.tempered(scores, self.temperature))
        return 2 * choice.covariance((warm + vertex) / 2, grad) - choice.covariance(mean, grad) / 2


def _second_order(choice: Choice, scores: Tensor, code: Tensor, grad: Tensor, mean: Tensor | None = None) -> Tensor:
    return choice.second_order(choice.soft(scores) if mean is None else mean, code, grad)


@dataclass(frozen=True)
class GumbelRao(VertexEstimator):
    """Straight-through Gumbel-softmax averaged over the noise that gives the same vertex: same mean, less variance.

    Formula:
        ∂L/∂s := (1/K) Σ_k Cov(y_k) g / τ, y_k = soft((s + G_k)/τ) with G_k drawn given that s + G_k picks y ~ p;
        no gradient goes through G_k (the paper's text says that one does, but only without it is the mean the same),
        and no further cost evaluations are made.

    Args:
        samples: K ≥ 1.
        temperature: τ > 0.

    The noise is drawn in the backward pass, one sample at a time, so memory does not grow with K; differentiating
    the same graph twice draws it anew.

    Raises:
        ValueError, TypeError: samples below 1; temperature not positive, or a tensor that asks for a gradient.

    Wrong when: straight-through Gumbel-softmax is: its bias is the same for every K.

    Source: Paulus, Maddison & Krause 2021, "Rao-Blackwellizing the straight-through Gumbel-softmax gradient
    estimator", equations 7, 9 and 10.

    >>> import torch, argrad
    >>> scores = torch.zeros(3, requires_grad=True)
    >>> argrad.sample(scores, grad=argrad.GumbelRao(samples=10, temperature=0.5))[0].backward()
    >>> scores.grad.sum().abs() < 1e-6
    tensor(True)
    """

    samples: int = 10
    temperature: float | Tensor = 1.0

    def __post_init__(self) -> None:
        require_count(self.samples, "samples", "GumbelRao")
        _require_fixed(self.temperature, "GumbelRao")

    @property
    def needs(self) -> Mapping[str, tuple[str, ...]]:
        """The law, the noise given its outcome, and the relaxation with its covariance."""
        return dict.fromkeys(("draw", "expect"), ("sample", "conditional", "soft", "covariance"))

    def carry(self, choice: Choice, scores: Tensor, vertex: Tensor) -> Pull:
        """Attach the average, with the default generator."""
        return Pull(partial(self._rule, generator=None), choice, scores, vertex)

    def draw_pair(self, choice: Choice, scores: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Pull]:
        """Give a vertex and a carrier whose backward pass draws its noise from the same generator."""
        vertex = choice.sample(scores.detach(), 1, generator).squeeze(0)
        return vertex, Pull(partial(self._rule, generator=generator), choice, scores, vertex)

    def _rule(
        self, choice: Choice, scores: Tensor, code: Tensor, grad: Tensor, generator: torch.Generator | None
    ) -> Tensor:
        vertex = choice.vertex(code, scores)
        total = torch.zeros_like(grad)
        for _ in range(self.samples):
            shift = choice.conditional(scores.detach(), vertex, generator) - scores.detach()
            noisy = scores + shift.masked_fill(scores == -torch.inf, 0)
            total = total + choice.covariance(choice.soft(choice.tempered(noisy, self.temperature)), grad)
        return total / (self.samples * self.temperature)


@dataclass(frozen=True)
class GappedStraightThrough(VertexEstimator):
    """Straight-through whose relaxation is first moved to agree with the drawn vertex, by a gap, without noise.

    Formula:
        ∂L/∂s := J g, J the Jacobian in s of soft((s + m₁ − m₂)/τ), y ~ p: m₁ raises the drawn option to the best
        score, m₂ lowers the others to at least `gap` below it; no gradient goes through m₁, m₂.

    Args:
        temperature: τ > 0.
        gap: the margin by which the vertex is to win, ≥ 0; the authors' default is 1.

    Raises:
        ValueError, TypeError: temperature or gap out of range; a temperature that asks for a gradient.

    Wrong when: an unbiased or second-order gradient is needed: biased like straight-through, with the variance of
    one draw of y only.

    Source: Fan, Chi, Rudnicky & Ramadge 2022, "Training discrete deep generative models via gapped
    straight-through estimator", with the authors' code.

    >>> import torch, argrad
    >>> scores = torch.zeros(3, requires_grad=True)
    >>> argrad.sample(scores, grad=argrad.GappedStraightThrough())[0].backward()
    >>> scores.grad.sum().abs() < 1e-6
    tensor(True)
    """

    temperature: float | Tensor = 1.0
    gap: float = 1.0

    def __post_init__(self) -> None:
        _require_fixed(self.temperature, "GappedStraightThrough")
        fits = isinstance(self.gap, (int, float)) and 0 <= self.gap < float("inf")
        require(fits, "gap", "GappedStraightThrough", "a finite number, at least 0", self.gap)

    @property
    def needs(self) -> Mapping[str, tuple[str, ...]]:
        """The law, a way to make a vertex win, and the relaxation."""
        return dict.fromkeys(("draw", "expect"), ("sample", "lift", "soft"))

    def carry(self, choice: Choice, scores: Tensor, vertex: Tensor) -> Tensor:
        """Give the soft point of the lifted scores."""
        s = full_precision(scores)
        shift = choice.lift(s.detach(), choice.vertex(vertex, s), self.gap) - s.detach()
        return choice.soft(choice.tempered(s + shift.masked_fill(s == -torch.inf, 0), self.temperature))
