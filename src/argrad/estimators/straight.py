"""The hard vertex forward, and a simple way back: unchanged, through a relaxation, or through a projection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from argrad._carrier import Pull
from argrad._checks import NOISE, require_function, require_positive, require_step
from argrad._precision import full_precision
from argrad.core import VertexEstimator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

    from argrad.core import Choice, Noise


@dataclass(frozen=True)
class Identity(VertexEstimator):
    """The vertex forward, the incoming gradient backward, unchanged: the first straight-through estimator.

    Formula: ∂L/∂s := ∂L/∂y, and 0 for masked options.

    Wrong when: always a little: it is the gradient of no expectation. For one of n it also moves all the scores by
    a common constant, which no choice sees; for rounding it ignores the range (`StraightThrough` clamps).

    Source: Hinton 2012, *Neural networks for machine learning*, lecture 15b; Bengio, Léonard & Courville 2013.

    >>> import torch, argrad
    >>> x = torch.tensor([0.4, 1.6], requires_grad=True)
    >>> argrad.round(x, grad=argrad.Identity()).sum().backward(); x.grad
    tensor([1., 1.])
    """

    @property
    def needs(self) -> Mapping[str, tuple[str, ...]]:
        """Only `hard`; a draw needs the law."""
        return {"pick": (), "draw": ("sample",), "expect": ("sample",)}

    def carry(self, choice: Choice, scores: Tensor, vertex: Tensor) -> Pull:
        """Pass the gradient, but not to a mask."""
        return Pull(_unchanged, choice, scores, vertex)


def _unchanged(choice: Choice, scores: Tensor, vertex: Tensor, grad: Tensor) -> Tensor:  # noqa: ARG001
    return grad.masked_fill(scores == -torch.inf, 0)


@dataclass(frozen=True)
class StraightThrough(VertexEstimator):
    """The vertex forward, the Jacobian of a relaxation backward.

    Formula:
        ∂L/∂s := J gᵀ with J = ∂ relaxation(s/τ)/∂s, g = ∂L/∂y; for one of n, J = (diag(p) − p pᵀ)/τ, p = softmax(s/τ).
        `argmax`: y is the best vertex. `sample`: y ~ the choice's law at forward_temperature. With Gumbel noise:
        y = argmax(s + G) and p = softmax((s + G)/τ), straight-through Gumbel-softmax.

    Args:
        temperature: τ of the backward pass; float, tensor or parameter (which then gets a gradient). A tensor
            broadcasts to the scores as estimators see them, with the options last whatever `dim` says.
        relaxation: a function of scores along the last dimension, such as `argrad.sparsemax`;
            None: the choice's own entropic relaxation.
        noise: a `Noise` whose argmax is the draw; None: draw from the choice's law.
        forward_temperature: τ_f, divides the scores before the draw (decoupled straight-through); with noise
            y = argmax(s/τ_f + G), as it would change nothing after the noise.

    Raises:
        ValueError, TypeError: temperatures not positive numbers; relaxation no function, noise no `Noise`.

    Wrong when: the cost is not multilinear in the vertices. Sampled at τ = 1 it is right to first order: its bias
    begins with the cost's second derivatives, and is zero for multilinear costs; the deterministic form is the gradient
    of no expectation. A low τ starves the upstream: at a margin of m, J ~ exp(−m/τ).

    Source: Bengio, Léonard & Courville 2013; Jang, Gu & Poole 2017, section 2.2 (Gumbel); Shah, Yan, Mozer & Liu 2024
    (two temperatures; with noise they relax by softmax(s/τ + G)); Liu, Dong, Liu, Yu & Gao 2023 (first order).

    >>> import torch, argrad
    >>> scores = torch.tensor([0.0, 1.0], requires_grad=True)
    >>> argrad.argmax(scores, grad=argrad.StraightThrough())[1].backward(); scores.grad
    tensor([-0.1966,  0.1966])
    """

    temperature: float | Tensor = 1.0
    relaxation: Callable[[Tensor], Tensor] | None = None
    noise: Noise | None = None
    forward_temperature: float | Tensor = 1.0

    def __post_init__(self) -> None:
        require_positive(self.temperature, "temperature", "StraightThrough")
        require_function(self.relaxation, "relaxation", "StraightThrough")
        require_function(self.noise, "noise", "StraightThrough", NOISE)
        require_positive(self.forward_temperature, "forward_temperature", "StraightThrough")

    @property
    def needs(self) -> Mapping[str, tuple[str, ...]]:
        """A softening of the choice, and its law unless noise makes the draw."""
        soft = () if self.relaxation else ("soft",)
        if self.noise is not None:
            return {"draw": soft, "expect": soft}
        return {"pick": soft, "draw": (*soft, "sample"), "expect": (*soft, "sample")}

    @property
    def bias(self) -> str:
        """None for linear costs, as long as draw and way back are those of the choice's own law."""
        return "linear" if self._plain else "biased"

    @property
    def _plain(self) -> bool:
        temperatures = (self.temperature, self.forward_temperature)
        warm = all(not isinstance(t, torch.Tensor) and t == 1 for t in temperatures)
        return warm and self.relaxation is None and self.noise is None

    def sharpen(self, choice: Choice, scores: Tensor) -> Tensor:
        """Divide by the forward temperature, before any noise: after it, that would change nothing."""
        return choice.tempered(scores, self.forward_temperature)

    def drawn_by(self) -> Noise | None:
        """Give the noise."""
        return self.noise

    def draw_pair(
        self, choice: Choice, scores: Tensor, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor | Pull]:
        """Give a vertex and its carrier; where one mean serves the draw and the way back, it is computed once."""
        if not (self._plain and choice.has("sample_mean")):
            return super().draw_pair(choice, scores, generator)
        mean = choice.soft(full_precision(scores))
        return choice.sample_mean(mean.detach(), 1, generator).squeeze(0), mean

    def carry(self, choice: Choice, scores: Tensor, vertex: Tensor) -> Tensor:  # noqa: ARG002
        """Give the soft point."""
        return (self.relaxation or choice.soft)(choice.tempered(scores, self.temperature))


@dataclass(frozen=True)
class Spigot(VertexEstimator):
    """The vertex forward; backward, the way from it to the nearest feasible point after a gradient step.

    Formula: ∂L/∂s := y − project(y − step·g), g = ∂L/∂y, onto the polytope of the choice. `argmax`: y is the best
        vertex, as the authors have it. `sample` and `expect`: y is drawn from the choice's law.

    Args:
        step: length of the step η in the space of vertices; above 0. The result is not divided by it.

    Raises:
        ValueError, TypeError: step not a positive number.

    Wrong when: it is read as the gradient of something: it is a projected step towards a better vertex. It is zero
    when the choice is already the best under g, and bounded however large g is: for one of n its 1-norm is at most 2.
    It is not linear in g: a loss that is a mean over B rows shrinks g by B, so let `step` grow with it, or take a sum.

    Source: Peng, Thomson & Smith 2018, "Backpropagating through structured argmax using a SPIGOT"; Mihaylova, Niculae
    & Martins 2020, "Understanding the mechanics of SPIGOT".

    >>> import torch, argrad
    >>> scores = torch.tensor([2.0, 1.0, 0.0], requires_grad=True)
    >>> y = argrad.argmax(scores, grad=argrad.Spigot(step=1.0))
    >>> (y @ torch.tensor([0.5, -0.5, 0.0])).backward(); scores.grad
    tensor([ 0.5000, -0.5000,  0.0000])
    """

    step: float = 1.0

    def __post_init__(self) -> None:
        require_step(self.step, "Spigot")

    @property
    def needs(self) -> Mapping[str, tuple[str, ...]]:
        """The projection; a draw, which `expect` makes, needs the law."""
        return {"pick": ("project",), "draw": ("project", "sample"), "expect": ("project", "sample")}

    def carry(self, choice: Choice, scores: Tensor, vertex: Tensor) -> Pull:
        """Attach the projected step."""
        return Pull(self._rule, choice, scores, vertex)

    def _rule(self, choice: Choice, scores: Tensor, code: Tensor, grad: Tensor) -> Tensor:
        vertex = choice.vertex(code, scores)
        moved = (vertex - self.step * grad).masked_fill(scores == -torch.inf, -torch.inf)
        return vertex - full_precision(choice.project(moved))
