"""Gradient descent that is looked at every so often, and the loss that an estimator makes of a cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from torch import Tensor

from argrad.comparison.ways import at
from argrad.verbs import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

    from argrad.comparison.problem import Outcome
    from argrad.core import Choice, Estimator

Loss = Callable[[Tensor, Any, float], Tensor]
"""(scores, what would have been right, progress from 0 to 1) → a loss for each choice, or one for all."""


def through(
    estimator: Estimator,
    cost: Callable[[Any, Tensor], Tensor],
    choice: Choice,
    generator: torch.Generator | None = None,
) -> Loss:
    """Give the loss E[cost(right, choice)], with this estimator's gradient to the scores."""

    def loss(scores: Tensor, right: Any, progress: float) -> Tensor:
        return expect(partial(cost, right), scores, grad=at(estimator, progress), choice=choice, generator=generator)

    return loss


def descend(
    loss: Callable[[float], Tensor],
    optimizer: torch.optim.Optimizer,
    steps: int,
    look: Callable[[], Outcome],
    every: int,
) -> Iterator[Outcome]:
    """Minimise, and look at the model every so many steps and at the end.

    Args:
        loss: the progress, above 0 and up to 1 → the loss of one batch.
        optimizer: takes the steps.
        steps: how many.
        look: gives how the model stands.
        every: steps between two looks.
    """
    for step in range(1, steps + 1):
        value = loss(step / steps)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        if step % every == 0 or step == steps:
            yield replace(look(), progress=step / steps)
