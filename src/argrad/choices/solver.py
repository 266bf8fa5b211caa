"""Anybody's solver as a choice."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from argrad._checks import require, require_count, require_scores
from argrad._precision import full_precision
from argrad.choices._sparsemap import sparsemap
from argrad.core import Choice

if TYPE_CHECKING:
    from collections.abc import Callable


def solver(maximise: Callable[[Tensor], Tensor], event_dims: int = 1, name: str = "your solver") -> Choice:
    """Make a choice of any maximiser: a shortest path, a knapsack, a schedule, a legacy program.

    Formula:
        y*(s) = maximise(s) = argmax_{y ∈ Y} ⟨y, s⟩, Y known by the solver alone. project(x), the nearest point of
        conv(Y), is found by a fully corrective Frank–Wolfe method that asks the solver once a round, to a duality gap
        of 1e-10.

    Args:
        maximise: scores (*batch, *event) → vertices of the same shape. A solver that minimises costs takes −scores.
        event_dims: how many trailing dimensions make up one choice.
        name: what error messages call it.

    Returns:
        A Choice with `hard` and `project`. With it work Identity, Interpolation, ImplicitMLE, Perturbed, Spigot, and
        `losses.perturbed_loss`, `losses.projection_loss`; the others need the law, which a solver does not tell.

    Raises:
        TypeError, ValueError: maximise not callable, event_dims below 1; at the call, vertices of another shape.

    Wrong when: the solver is not exact, or does not maximise ⟨y, s⟩: the projection then may not converge, which is an
    error, and Interpolation and ImplicitMLE give the difference of two answers, whatever they mean. −inf as a mask is
    the solver's own matter.

    Source: Vlastelica et al. 2020 (solvers as layers); Wolfe 1976; Niculae, Martins, Blondel & Cardie 2018
    (projection).

    >>> import torch
    >>> from argrad.choices import one_hot, solver
    >>> knapsack = solver(lambda value: (value > 0.5).to(value.dtype), name="the knapsack")
    >>> knapsack.hard(torch.tensor([0.3, 0.9]))
    tensor([0., 1.])
    """
    require(callable(maximise), "maximise", "solver", "a function", maximise, error=TypeError)
    require_count(event_dims, "event_dims", "solver")
    hard = partial(_ask, maximise, event_dims, name)
    return Choice(
        hard=hard,
        name=name,
        event_dims=event_dims,
        project=partial(sparsemap, hard=hard, event_dims=event_dims),
    )


def numpy_solver(maximise: Callable[[Any], Any], event_dims: int = 1, name: str = "your solver") -> Choice:
    """Make a choice of a maximiser of numpy arrays that solves one instance at a time.

    Formula: y*(s) = maximise(s) for each instance of the batch, in a loop: such a function knows no batches.

    Args:
        maximise: an array of shape (*event,), float32 or float64 → an array of that shape, numbers or booleans.
        event_dims: how many trailing dimensions make up one choice.
        name: what error messages call it.

    Returns:
        A Choice with `hard` and `project`; see `solver`.

    Raises:
        TypeError, ValueError: as `solver`.

    Wrong when: as `solver`. Tensors on an accelerator travel to the CPU and back at each call.

    Source: as `solver`.

    >>> import numpy, torch
    >>> from argrad.choices import numpy_solver
    >>> choice = numpy_solver(lambda s: s == s.max())
    >>> choice.hard(torch.tensor([[0.1, 0.3], [2.0, 1.0]]))
    tensor([[0., 1.],
            [1., 0.]])
    """
    require(callable(maximise), "maximise", "numpy_solver", "a function", maximise, error=TypeError)
    require_count(event_dims, "event_dims", "numpy_solver")
    return solver(partial(_one_by_one, maximise, event_dims), event_dims, name)


def _one_by_one(maximise: Callable[[Any], Any], event_dims: int, scores: Tensor) -> Tensor:
    event = scores.shape[scores.ndim - event_dims :]
    instances = full_precision(scores).cpu().reshape(scores.shape[: scores.ndim - event_dims].numel(), *event)
    # a program may work in place, and write each answer into the same array
    vertices = [torch.as_tensor(maximise(one.clone().numpy())).to(scores, copy=True) for one in instances]
    for vertex in vertices[:1]:
        require(vertex.shape == event, "maximise", "numpy_solver", f"a function to shape {tuple(event)}", vertex)
    return torch.stack(vertices).view(scores.shape) if vertices else torch.zeros_like(scores)


def _ask(maximise: Callable[[Tensor], Tensor], event_dims: int, name: str, scores: Tensor) -> Tensor:
    require_scores(scores, name, None)
    require(scores.ndim >= event_dims, "scores", name, f"of at least {event_dims} dimensions", scores)
    with torch.no_grad():
        vertex = maximise(scores.detach())
    fits = isinstance(vertex, Tensor) and vertex.shape == scores.shape
    require(fits, "maximise", "solver", f"a function to the scores' shape {tuple(scores.shape)}", vertex)
    return vertex.to(scores.dtype)
