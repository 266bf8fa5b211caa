"""E[cost(choice)]: the verb in which every estimator works."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from argrad._checks import ScoresError, in_the_name_of, require, require_generator, require_mask, require_scores
from argrad.choices import one_hot
from argrad.estimators import ScoreFunction
from argrad.verbs._door import require_choice, require_fit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jaxtyping import Bool, Float

    from argrad.core import Choice, Estimator


def expect(
    cost: Callable[..., Tensor],
    scores: Float[Tensor, "..."] | Sequence[Float[Tensor, "..."]],
    *,
    grad: Estimator = ScoreFunction(samples=8),  # noqa: B008 (frozen)
    choice: Choice = one_hot,
    mask: Bool[Tensor, "..."] | None = None,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "*costs"]:
    """Give the expected cost of a random choice, with a gradient to the scores and to whatever the cost uses.

    Formula: E_{y ~ p(·; s)}[cost(y)].

    Args:
        cost: takes vertices of shape (samples, *scores.shape) and returns costs of shape (samples, *costs), where
            *costs are leading dimensions of the scores: one cost a row, or one for several rows, which are
            then variables of that cost. With several tensors of scores it takes as many arguments.
        scores: options last; several tensors for variables of different sizes.
        grad: the estimator. The default is unbiased and asks nothing of the cost but its value.
        choice: what is chosen; one out of n by default.
        mask: True where an option may be chosen; for a single tensor of scores.
        generator: for the draws.

    Returns:
        Shape (*costs,).

    Raises:
        TypeError: scores, mask or costs of the wrong type; an estimator that needs what the choice lacks.
        ValueError: a cost of the wrong shape; a mask that does not fit.

    Wrong when: the estimator is. Estimators of the vertex's gradient (straight-through, ReinMax, …) evaluate the
    cost at one vertex and need it differentiable; `Interpolation` takes the best vertex for the mean.

    Source: Mohamed, Rosca, Figurnov & Mnih 2020, "Monte Carlo gradient estimation in machine learning" (the setting).

    >>> import torch, argrad
    >>> scores = torch.zeros(2, 3, requires_grad=True)
    >>> price = torch.tensor([1.0, 2.0, 6.0])
    >>> argrad.expect(lambda y: y @ price, scores, grad=argrad.Enumerate()).detach()
    tensor([3.0000, 3.0000])
    """
    require(callable(cost), "cost", "expect", "a function of the vertices", cost, error=TypeError)
    require_choice(choice, "expect")
    several = _several(scores)
    for s in several:
        require_scores(s, "expect", -1 if choice.event_dims else None)
        require_generator(generator, s, "expect")
    if mask is not None:
        require(
            len(several) == 1,
            "mask",
            "expect",
            "None with several tensors of scores; mask them by -inf",
            mask,
        )
        require_mask(mask, several[0], "expect")
        several = (several[0].masked_fill(~mask, -torch.inf),)
    estimator = require_fit(grad, choice, "expect", "expect")
    return in_the_name_of("expect", estimator.expect, choice, checked_cost(cost, choice), several, generator)


def checked_cost(cost: Callable[..., Tensor], choice: Choice) -> Callable[..., Tensor]:
    """Give the cost, which refuses what it returns where that is no tensor of costs."""

    def checked(*vertices: Tensor) -> Tensor:
        try:
            costs = cost(*vertices)
        except ScoresError as error:  # of the cost's own scores, not of these
            raise ValueError(str(error)) from error
        _require_costs(costs, vertices, choice)
        return costs

    return checked


def _several(scores: object) -> tuple[Tensor, ...]:
    if isinstance(scores, Tensor):
        return (scores,)
    several = tuple(scores) if isinstance(scores, Iterable) else ()
    require(len(several) > 0, "scores", "expect", "a tensor or a sequence of tensors", scores, error=TypeError)
    return several


def _require_costs(costs: Tensor, vertices: tuple[Tensor, ...], choice: Choice) -> None:
    shapes = [tuple(y.shape) for y in vertices]
    floating = isinstance(costs, Tensor) and costs.is_floating_point()
    require(floating, "cost", "expect", "a function that returns a floating-point tensor", costs, error=TypeError)
    fits = all(1 <= costs.ndim <= y.ndim - choice.event_dims and costs.shape == y.shape[: costs.ndim] for y in vertices)
    require(
        fits,
        "cost",
        "expect",
        "a function that returns a tensor of shape (samples, *leading dimensions of the scores)",
        costs,
        context=f"for vertices of shape {shapes[0] if len(shapes) == 1 else shapes}",
    )
