"""The soft way: replace the choice by a point inside the polytope, whose gradient is true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from argrad._checks import NOISE, require_function, require_positive
from argrad._precision import full_precision
from argrad.core import Estimator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch
    from torch import Tensor

    from argrad.core import Choice, Noise


@dataclass(frozen=True)
class Relaxed(Estimator):
    """A soft point instead of the vertex, with its true gradient; with Gumbel noise it is Gumbel-softmax (Concrete).

    Formula:
        y = relaxation((s + noise)/temperature); for one of n and no relaxation named, the softmax.

    Args:
        temperature: above 0; float, tensor, or parameter (which then gets a gradient). A tensor broadcasts to the
            scores as estimators see them, with the options last whatever `dim` says.
        relaxation: a function of scores along the last dimension, such as `argrad.sparsemax`, or `choice.project`;
            None: the choice's own entropic relaxation.
        noise: None for a deterministic point (`argmax`), a `Noise` for a random one (`sample`).

    Raises:
        ValueError, TypeError: temperature not a positive number; relaxation no function, noise no `Noise`.

    Wrong when: the model is used with a hard choice later: the forward value is NOT a vertex, and what was
    trained is the relaxed objective. Unbiased for that one; its variance grows as the temperature falls.

    Source: Jang, Gu & Poole 2017, equation 2; Maddison, Mnih & Teh 2017 (the same law, named Concrete).

    >>> import torch, argrad
    >>> argrad.argmax(torch.tensor([0.0, 0.0]), grad=argrad.Relaxed(temperature=0.5))
    tensor([0.5000, 0.5000])
    """

    temperature: float | Tensor = 1.0
    relaxation: Callable[[Tensor], Tensor] | None = None
    noise: Noise | None = None

    def __post_init__(self) -> None:
        require_positive(self.temperature, "temperature", "Relaxed")
        require_function(self.relaxation, "relaxation", "Relaxed")
        require_function(self.noise, "noise", "Relaxed", NOISE)

    @property
    def needs(self) -> Mapping[str, tuple[str, ...]]:
        """A softening of the choice."""
        functions = () if self.relaxation else ("soft",)
        return {"pick" if self.noise is None else "draw": functions, "expect": functions}

    @property
    def bias(self) -> str:
        """None for linear costs, where the soft point is the mean of the choice's own law."""
        fixed = isinstance(self.temperature, int | float)
        return "linear" if fixed and self == Relaxed() else "biased"

    def pick(self, choice: Choice, scores: Tensor) -> Tensor:
        """Give the soft point."""
        soften = self.relaxation or choice.soft
        return soften(choice.tempered(scores, self.temperature)).to(scores.dtype)

    def draw(self, choice: Choice, scores: Tensor, generator: torch.Generator | None) -> Tensor:
        """Give the soft point of noisy scores."""
        if self.noise is None:
            msg = "Relaxed draws only with noise: Relaxed(noise=Gumbel())."
            raise ValueError(msg)
        noisy = full_precision(scores) + self.noise(scores, generator)
        return self.pick(choice, noisy).to(scores.dtype)
