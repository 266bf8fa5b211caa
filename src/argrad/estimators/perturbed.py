"""Estimators that ask the solver again: on noisy scores, or on scores moved by the incoming gradient."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from argrad._carrier import Pull
from argrad._checks import NOISE, require_count, require_function, require_positive, require_step
from argrad._precision import full_precision
from argrad.core import Estimator, VertexEstimator
from argrad.noise import Gumbel, Normal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from argrad.core import Choice, Noise


@dataclass(frozen=True)
class Perturbed(Estimator):
    """The mean vertex of noisy scores, smooth in the scores, for any choice that has only `hard`.

    Formula:
        y_σ(s) = E[y*(s + σZ)];  ∂⟨y_σ, g⟩/∂s = (1/σ) E[⟨y*(s + σZ) − y*(s), g⟩ ν'(Z)], Z with density exp(−ν).
        Both are means over `samples` draws; subtracting y*(s) changes no expectation and lowers the variance.

    Args:
        sigma: the width σ > 0 of the noise, in the units of the scores.
        samples: draws, ≥ 1. With one draw the value is a vertex, else a mean of vertices.
        noise: its law. For Gumbel noise and one of n, y_σ = softmax(s/σ) exactly.

    Raises:
        ValueError, TypeError: sigma or samples out of range.

    Wrong when: a vertex is needed (the value is a mean), or samples are few: the gradient is unbiased for y_σ, with
    a variance that grows as 1/σ² and with the dimension.

    Source: Berthet, Blondel, Teboul, Cuturi, Vert & Bach 2020, "Learning with differentiable perturbed
    optimizers".

    >>> import torch, argrad
    >>> y = argrad.sample(torch.zeros(2), grad=argrad.Perturbed(samples=1000))
    >>> (y - 0.5).abs().max() < 0.1
    tensor(True)
    """

    sigma: float = 1.0
    samples: int = 10
    noise: Noise = field(default_factory=Normal)

    def __post_init__(self) -> None:
        require_positive(self.sigma, "sigma", "Perturbed")
        require_count(self.samples, "samples", "Perturbed")
        require_function(self.noise, "noise", "Perturbed", NOISE)

    @property
    def needs(self) -> Mapping[str, tuple[str, ...]]:
        """Only `hard`."""
        return {"draw": (), "expect": ()}

    def draw(self, choice: Choice, scores: Tensor, generator: torch.Generator | None) -> Tensor:
        """Give the mean vertex; its gradient is that of a linear function with the same derivative."""
        s = full_precision(scores)
        noise = self.noise(s.detach().expand(self.samples, *s.shape), generator)
        vertices = choice.hard(s.detach() + self.sigma * noise)
        gain = (vertices - choice.hard(s.detach())) / (self.sigma * self.samples)
        slope = self.noise.slope(noise)
        flat = s.masked_fill(s == -torch.inf, 0)
        linear = (gain * choice.sums(slope * (flat - flat.detach()))).sum(0)
        return (vertices.mean(0) + linear).to(scores.dtype)


@dataclass(frozen=True)
class ImplicitMLE(VertexEstimator):
    """A noisy vertex, and the difference to the vertex that the incoming gradient would have preferred.

    Formula:
        y = y*(s + ε);  ∂L/∂s := (y*(s + ε) − y*(s + ε − step·g))/step, with the same ε and g = ∂L/∂y.

    Args:
        step: λ > 0, how far the scores are moved against the gradient. The paper's algorithm leaves the division by λ
            to the learning rate.
        noise: law of ε. For one of n and Gumbel noise, y is a draw from softmax(s) (perturb and MAP).

    Raises:
        ValueError, TypeError: step not a positive number.

    Wrong when: step·g is small beside the gaps between scores: most gradients are then 0 and a few are large (in the
    limit right for linear costs alone, of high variance); when large, it is biased towards the best vertex under −g. It
    is not linear in g: a loss that is a mean over B rows shrinks g by B, so let `step` grow with it, or take a sum.

    Source: Niepert, Minervini & Franceschi 2021, "Implicit MLE: backpropagating through discrete exponential family
    distributions", equations 8, 9 and 12, algorithm 1.

    >>> import torch, argrad
    >>> scores = torch.tensor([1.0, 0.0], requires_grad=True)
    >>> y = argrad.sample(scores, grad=argrad.ImplicitMLE(step=10.0))
    >>> (y @ torch.tensor([1.0, 0.0])).backward()
    """

    step: float = 1.0
    noise: Noise = field(default_factory=Gumbel)

    def __post_init__(self) -> None:
        require_step(self.step, "ImplicitMLE")
        require_function(self.noise, "noise", "ImplicitMLE", NOISE)

    @property
    def needs(self) -> Mapping[str, tuple[str, ...]]:
        """Only `hard`."""
        return {"draw": (), "expect": ()}

    def drawn_by(self) -> Noise | None:
        """Give the noise."""
        return self.noise

    def carry(self, choice: Choice, scores: Tensor, vertex: Tensor) -> Pull:
        """Attach the difference of two solutions."""
        return Pull(self._rule, choice, scores, vertex)

    def _rule(self, choice: Choice, scores: Tensor, vertex: Tensor, grad: Tensor) -> Tensor:
        return _towards(choice, scores, vertex, grad, self.step)


@dataclass(frozen=True)
class Interpolation(VertexEstimator):
    """The vertex forward; backward, the slope of a piecewise linear function through the solver's values.

    Formula: ∂L/∂s := (y*(s) − y*(s − step·g))/step, g = ∂L/∂y (scores are maximised; the paper minimises costs).

    Args:
        step: λ > 0, in the units of the scores over those of g: about the range over which the loss is interpolated.

    Raises:
        ValueError, TypeError: step not a positive number.

    Wrong when: step is too small for step·g to change the solution: the gradient is then exactly 0. A loss that is a
    mean over B rows shrinks g by B, so let `step` grow with it, or take a sum.

    Source: Vlastelica, Paulus, Musil, Martius & Rolínek 2020, "Differentiation of blackbox combinatorial solvers",
    algorithm 1, equations 4 and 5.

    >>> import torch, argrad
    >>> scores = torch.tensor([1.0, 0.0], requires_grad=True)
    >>> y = argrad.argmax(scores, grad=argrad.Interpolation(step=4.0))
    >>> (y @ torch.tensor([1.0, 0.0])).backward(); scores.grad
    tensor([ 0.2500, -0.2500])
    """

    step: float = 1.0

    def __post_init__(self) -> None:
        require_step(self.step, "Interpolation")

    @property
    def needs(self) -> Mapping[str, tuple[str, ...]]:
        """Only `hard`."""
        return {"pick": (), "expect": ()}

    def carry(self, choice: Choice, scores: Tensor, vertex: Tensor) -> Pull:
        """Attach the slope."""
        return Pull(self._rule, choice, scores, vertex)

    def _rule(self, choice: Choice, scores: Tensor, vertex: Tensor, grad: Tensor) -> Tensor:
        return _towards(choice, scores, vertex, grad, self.step)


def _towards(choice: Choice, scores: Tensor, code: Tensor, grad: Tensor, step: float) -> Tensor:
    moved = choice.hard(scores.detach() - step * grad.detach())
    return (choice.vertex(code, scores) - choice.vertex(moved, scores)) / step
