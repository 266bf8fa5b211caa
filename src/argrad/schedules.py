"""Temperatures that change with the step: plain functions, whose step a module of `argrad.nn` counts.

Each maker returns a function of the step (an int or a tensor) that holds its last value after `steps`.
"""

from __future__ import annotations

from functools import partial
from math import pi
from typing import TYPE_CHECKING

import torch

from argrad._checks import require_count, require_positive

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    Schedule = Callable[[int | Tensor], Tensor]


def constant(value: float) -> Schedule:
    """Hold one value.

    Raises:
        ValueError, TypeError: value not a positive number.

    >>> from argrad import schedules
    >>> schedules.constant(0.5)(1000)
    tensor(0.5000)
    """
    require_positive(value, "value", "constant")
    return partial(_constant, value=value)


def linear(start: float, end: float, steps: int) -> Schedule:
    """Go from start to end in equal steps: start + (end − start)·t.

    Raises:
        ValueError, TypeError: start or end not a positive number; steps below 1.

    >>> from argrad import schedules
    >>> schedules.linear(1.0, 0.1, steps=100)(50)
    tensor(0.5500)
    """
    _require(start, end, steps, "linear")
    return partial(_linear, start=start, end=end, steps=steps)


def cosine(start: float, end: float, steps: int) -> Schedule:
    """Go from start to end along half a cosine: end + (start − end)·(1 + cos πt)/2.

    Raises:
        ValueError, TypeError: start or end not a positive number; steps below 1.

    Source: Loshchilov & Hutter 2017, equation 5 (there for learning rates).

    >>> from argrad import schedules
    >>> schedules.cosine(1.0, 0.5, steps=100)(50)
    tensor(0.7500)
    """
    _require(start, end, steps, "cosine")
    return partial(_cosine, start=start, end=end, steps=steps)


def exponential(start: float, end: float, steps: int) -> Schedule:
    """Go from start to end by equal factors: start·(end/start)^t.

    Raises:
        ValueError, TypeError: start or end not a positive number; steps below 1.

    Source: Jang, Gu & Poole 2017, section 4.2 (annealing of the Gumbel-softmax temperature, there to 0.5).

    >>> from argrad import schedules
    >>> schedules.exponential(1.0, 0.01, steps=100)(50)
    tensor(0.1000)
    """
    _require(start, end, steps, "exponential")
    return partial(_exponential, start=start, end=end, steps=steps)


def _require(start: float, end: float, steps: int, of: str) -> None:
    require_positive(start, "start", of)
    require_positive(end, "end", of)
    require_count(steps, "steps", of)


def _progress(step: int | Tensor, steps: int) -> Tensor:
    return (torch.as_tensor(step) / steps).clamp(0, 1)


def _constant(step: int | Tensor, value: float) -> Tensor:
    return torch.as_tensor(step) * 0.0 + value


def _linear(step: int | Tensor, start: float, end: float, steps: int) -> Tensor:
    return start + (end - start) * _progress(step, steps)


def _cosine(step: int | Tensor, start: float, end: float, steps: int) -> Tensor:
    return end + (start - end) * (1 + (pi * _progress(step, steps)).cos()) / 2


def _exponential(step: int | Tensor, start: float, end: float, steps: int) -> Tensor:
    return start * (end / start) ** _progress(step, steps)
