"""Modules for choices that carry state: a temperature that is learned, or that follows a schedule.

One rule for training and evaluation: **a module makes the same kind of choice in both.** What is an argmax in training
is an argmax in evaluation, what is a draw stays a draw. The one exception is asked for by name:
`Sample(argmax_in_eval=True)`.

A schedule's step is a buffer, `clock`: it counts forward passes in training mode, and a checkpoint keeps it.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from argrad import verbs
from argrad._checks import require, require_positive
from argrad.core import Estimator
from argrad.estimators import StraightThrough

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_STRAIGHT = StraightThrough()


class Temperature(nn.Module):
    """A temperature with its state: a number, a learned parameter, or a schedule with its clock.

    Args:
        value: a float; an `nn.Parameter`, which is then learned; or a schedule, a function of the step such as
            `argrad.schedules.cosine(1.0, 0.1, steps=1000)`.

    Shape: called without arguments, gives a float or a tensor of shape ().

    Raises:
        TypeError, ValueError: a value that is none of these, or not above 0.

    Wrong when: the module runs under activation checkpointing: the pass that is run again counts too, and sees the
    temperature of a later step.

    >>> from argrad import nn, schedules
    >>> temperature = nn.Temperature(schedules.linear(1.0, 0.5, steps=1))
    >>> temperature(), temperature()
    (tensor(1.), tensor(0.5000))
    """

    clock: Tensor

    def __init__(self, value: float | nn.Parameter | Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.schedule = value if callable(value) and not isinstance(value, Tensor) else None
        if self.schedule is None:
            require_positive(value, "temperature", "Temperature")
            kept = not isinstance(value, Tensor) or isinstance(value, nn.Parameter)
            require(
                kept, "temperature", "Temperature", "a float, an nn.Parameter or a schedule", value, error=TypeError
            )
            self.value = value
        else:
            self.register_buffer("clock", torch.zeros((), dtype=torch.long))

    def forward(self) -> float | Tensor:
        """Give the temperature now; in training mode the clock then moves on."""
        if self.schedule is None:
            return self.value  # type: ignore[return-value]
        now = self.schedule(self.clock.clone())
        if self.training:
            self.clock.add_(1)
        return now


class _Chooser(nn.Module):
    """What the choosing modules share: an estimator whose temperature may have state."""

    def __init__(self, dim: int, grad: Estimator, temperature: object) -> None:
        super().__init__()
        require(
            isinstance(grad, Estimator),
            "grad",
            type(self).__name__,
            "an estimator such as StraightThrough()",
            grad,
            error=TypeError,
        )
        self.dim = dim
        self._grad = grad
        self.temperature: Temperature | None = None
        if temperature is not None:
            has = "temperature" in {f.name for f in fields(grad)}  # type: ignore[arg-type]
            require(has, "temperature", type(self).__name__, f"None: {type(grad).__name__} has none", temperature)
            self.temperature = temperature if isinstance(temperature, Temperature) else Temperature(temperature)  # type: ignore[arg-type]

    def grad(self) -> Estimator:
        """Give the estimator at the temperature of this step."""
        if self.temperature is None:
            return self._grad
        return replace(self._grad, temperature=self.temperature())  # type: ignore[call-overload]

    def extra_repr(self) -> str:
        """Show the dim and the estimator."""
        return f"dim={self.dim}, grad={self._grad}"


class Argmax(_Chooser):
    """`argrad.argmax` as a layer: scores → one-hot vectors.

    Args:
        dim: the dimension of the options.
        grad: the estimator.
        temperature: None (the estimator's own), a float, an `nn.Parameter`, or a schedule.

    Shape: (*shape,) → (*shape,).

    Raises:
        TypeError, ValueError: as `argrad.argmax`; a temperature for an estimator that has none.

    Source: see the estimator.

    >>> import torch, argrad
    >>> layer = argrad.nn.Argmax(temperature=argrad.schedules.cosine(1.0, 0.1, steps=1000))
    >>> layer(torch.tensor([0.1, 0.7]))
    tensor([0., 1.])
    """

    def __init__(
        self,
        dim: int = -1,
        *,
        grad: Estimator = _STRAIGHT,
        temperature: float | nn.Parameter | Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__(dim, grad, temperature)

    def forward(self, scores: Tensor, mask: Tensor | None = None) -> Tensor:
        """Choose."""
        return verbs.argmax(scores, self.dim, grad=self.grad(), mask=mask)


class Sample(_Chooser):
    """`argrad.sample` as a layer: logits → drawn one-hot vectors.

    Args:
        dim: the dimension of the options.
        grad: the estimator.
        temperature: None (the estimator's own), a float, an `nn.Parameter`, or a schedule.
        argmax_in_eval: take the best option, without a draw, in evaluation mode.

    Shape: (*shape,) → (*shape,).

    Raises:
        TypeError, ValueError: as `argrad.sample`; a temperature for an estimator that has none.

    Source: see the estimator.

    >>> import torch, argrad
    >>> layer = argrad.nn.Sample(grad=argrad.ReinMax(), argmax_in_eval=True).eval()
    >>> layer(torch.tensor([0.1, 0.7]))
    tensor([0., 1.])
    """

    def __init__(
        self,
        dim: int = -1,
        *,
        grad: Estimator = _STRAIGHT,
        temperature: float | nn.Parameter | Callable[[Tensor], Tensor] | None = None,
        argmax_in_eval: bool = False,
    ) -> None:
        super().__init__(dim, grad, temperature)
        self.argmax_in_eval = argmax_in_eval

    def forward(
        self, scores: Tensor, mask: Tensor | None = None, *, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draw; or choose, in evaluation, if so asked."""
        grad = self.grad()
        if self.argmax_in_eval and not self.training:
            return verbs.argmax(scores, self.dim, mask=mask)
        return verbs.sample(scores, self.dim, grad=grad, mask=mask, generator=generator)


class Select(_Chooser):
    """`argrad.select` as a layer: values and scores → the value at the best score.

    Args:
        dim: the dimension of the options.
        grad: the estimator.
        temperature: None (the estimator's own), a float, an `nn.Parameter`, or a schedule.
        shared: whether the values are one table for all rows.

    Shape: values (*batch, n, *value) or (n, *value), scores (*batch, n) → (*batch, *value).

    Raises:
        TypeError, ValueError: as `argrad.select`; a temperature for an estimator that has none.

    Source: see the estimator.

    >>> import torch, argrad
    >>> argrad.nn.Select()(torch.tensor([10.0, 20.0]), torch.tensor([0.1, 0.7]))
    tensor(20.)
    """

    def __init__(
        self,
        dim: int = -1,
        *,
        grad: Estimator = _STRAIGHT,
        temperature: float | nn.Parameter | Callable[[Tensor], Tensor] | None = None,
        shared: bool = False,
    ) -> None:
        super().__init__(dim, grad, temperature)
        self.shared = shared

    def forward(self, values: Tensor, scores: Tensor, mask: Tensor | None = None) -> Tensor:
        """Select."""
        return verbs.select(values, scores, self.dim, grad=self.grad(), mask=mask, shared=self.shared)


class SoftArgmax(nn.Module):
    """`argrad.soft_argmax` as a layer: heat maps → coordinates.

    Args:
        dim: one dimension, or two or three.
        temperature: a float, an `nn.Parameter`, or a schedule.
        base: coordinate of index 0 (the "base index").
        step: distance between neighbours (the "step size").
        normalised: coordinates from −1 to 1.
        window: cells this near to the hard argmax count; None: all.
        hard: the hard coordinate forward, with the soft gradient.

    Shape: (*shape,) → the shape without `dim`, or for several dims with a last dimension of that many coordinates.

    Raises:
        As `argrad.soft_argmax`.

    Wrong when: the index names a class; see `argrad.soft_argmax`.

    Source: see `argrad.soft_argmax`.

    >>> import torch, argrad
    >>> argrad.nn.SoftArgmax(base=1, step=1)(torch.tensor([0.0, 90.0, 0.0]))
    tensor(2.)
    """

    def __init__(
        self,
        dim: int | Sequence[int] = -1,
        *,
        temperature: float | nn.Parameter | Callable[[Tensor], Tensor] = 1.0,
        base: float | Sequence[float] = 0.0,
        step: float | Sequence[float] = 1.0,
        normalised: bool = False,
        window: int | None = None,
        hard: bool = False,
    ) -> None:
        super().__init__()
        self.temperature = Temperature(temperature)
        self.options = {"base": base, "step": step, "normalised": normalised, "window": window, "hard": hard}
        self.dim = dim

    def forward(self, scores: Tensor, mask: Tensor | None = None) -> Tensor:
        """Give the coordinates."""
        return verbs.soft_argmax(scores, self.dim, temperature=self.temperature(), mask=mask, **self.options)  # type: ignore[arg-type]

    def extra_repr(self) -> str:
        """Show the dim and the options."""
        return f"dim={self.dim}, " + ", ".join(f"{name}={value}" for name, value in self.options.items())
