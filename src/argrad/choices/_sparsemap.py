"""The nearest point of a polytope that is known by its maximiser alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from argrad._checks import require_scores
from argrad._precision import finest

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

_MOST_ROUNDS = 1000
_TOLERANCE = 1e-10  # of the duality gap, relative to 1 + ‖point − projection‖; the error is at most √(2·gap)
_LEAST_WEIGHT = 1e-12


def sparsemap(point: Tensor, *, hard: Callable[[Tensor], Tensor], event_dims: int) -> Tensor:
    """Project onto conv(Y), with Y known by `hard` alone: an active set of vertices, as few as the result is made of.

    Formula: argmin_{p ∈ conv(Y)} ‖p − x‖². The active vertices are found without autograd, as finely as the device can,
    all rows in step; on them p = Vᵀλ is linear in x, [V Vᵀ, 1; 1ᵀ, 0] [λ; ν] = [V x; 1], which autograd differentiates.

    Args:
        point: (*batch, *event); −inf is a mask.
        hard: point → the best vertex.
        event_dims: trailing dimensions of one choice.

    Returns:
        The projection, like the point.

    Raises:
        TypeError: a point that is not floating point.
        RuntimeError: not within tolerance after 1000 rounds.

    Wrong when: the projection is made of very many vertices: memory is (vertices × event) a row, and each round asks
    `hard` once. How many rounds there are depends on values, so that it neither compiles in full nor vmaps.

    Source: Wolfe 1976, "Finding the nearest point in a polytope"; Niculae, Martins, Blondel & Cardie 2018, "SparseMAP".

    >>> import torch
    >>> from argrad.choices import one_hot
    >>> from argrad.choices._sparsemap import sparsemap
    >>> sparsemap(torch.tensor([1.0, 0.8, -1.0]), hard=one_hot.hard, event_dims=1)
    tensor([0.6000, 0.4000, 0.0000])
    """
    require_scores(point, "project", None, name="point")
    event = point.shape[point.ndim - event_dims :]
    flat = point.to(finest(point)).reshape(point.shape[: point.ndim - event_dims].numel(), event.numel())

    def best(rows: Tensor) -> Tensor:
        return hard(rows.view(len(rows), *event)).view(rows.shape)

    x = torch.where(flat > -torch.inf, flat, 0)
    with torch.no_grad():
        vertices, gram, active = _support(flat, x, best)
    weights = _weigh(gram, _products(vertices, x), active)
    return (weights.unsqueeze(-2) @ vertices).squeeze(-2).view(point.shape).to(point.dtype)


def _support(masked: Tensor, x: Tensor, best: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Find, row by row, affinely independent vertices whose hull holds the projection.

    Gives vertices (B, K, D), their products (B, K, K), and which of them are used (B, K).
    """
    vertices = best(masked).unsqueeze(1)
    weights, gram, target = torch.ones_like(vertices[..., 0]), vertices @ vertices.mT, _products(vertices, x)
    for _ in range(_MOST_ROUNDS):
        here = (weights.unsqueeze(1) @ vertices).squeeze(1)
        vertex = best(masked - here)
        gap = ((x - here) * (vertex - here)).sum(-1)
        behind = gap > _TOLERANCE * (1 + (x - here).norm(dim=-1))
        if not behind.any():
            return vertices, gram, weights > 0
        active = torch.cat([weights > 0, behind.unsqueeze(-1)], -1)
        vertices = torch.cat([vertices, vertex.unsqueeze(1)], 1)
        new = _products(vertices, vertex)
        gram = torch.cat([torch.cat([gram, new[:, :-1, None]], -1), new.unsqueeze(1)], 1)
        target = torch.cat([target, (vertex * x).sum(-1, keepdim=True)], -1)
        weights = _settle(gram, target, torch.cat([weights, torch.zeros_like(weights[:, :1])], -1), active)
        vertices, gram, target, weights = _pack(vertices, gram, target, weights)
    msg = f"The projection did not reach its tolerance in {_MOST_ROUNDS} rounds."
    raise RuntimeError(msg)


def _settle(gram: Tensor, target: Tensor, weights: Tensor, active: Tensor) -> Tensor:
    """Walk from the weights to the best ones on the active vertices; drop each whose weight falls to 0 on the way."""
    while True:
        goal = _weigh(gram, target, active)
        out = active & (goal <= _LEAST_WEIGHT)
        if not out.any():
            return goal
        ratio = torch.where(out, weights / (weights - goal).clamp_min(_LEAST_WEIGHT), torch.inf)
        step = ratio.amin(-1, keepdim=True).clamp(0, 1)
        weights = weights + step * (goal - weights)
        active = active & ~(out & (ratio <= step))
        weights = torch.where(active, weights.clamp_min(0), 0)


def _weigh(gram: Tensor, target: Tensor, active: Tensor) -> Tensor:
    """Give the affine weights, summing to 1, of the nearest point to x in the hull of the active vertices."""
    used = active.to(gram.dtype)
    square = gram * used.unsqueeze(-1) * used.unsqueeze(-2) + torch.diag_embed(1 - used)
    border = torch.cat([used, 0 * used[:, :1]], -1).unsqueeze(-2)
    system = torch.cat([torch.cat([square, used.unsqueeze(-1)], -1), border], -2)
    right = torch.cat([target * used, torch.ones_like(used[:, :1])], -1)
    return torch.linalg.solve(system, right)[..., :-1] * used


def _products(vertices: Tensor, x: Tensor) -> Tensor:
    return (vertices @ x.unsqueeze(-1)).squeeze(-1)


def _pack(vertices: Tensor, gram: Tensor, target: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Keep as many places as the fullest row needs."""
    used = weights > 0
    most = int(used.sum(-1).amax())
    if most == used.shape[-1]:
        return vertices, gram, target, weights
    order = used.int().argsort(dim=-1, descending=True, stable=True)[:, :most]
    rows = gram.gather(1, order.unsqueeze(-1).expand(-1, -1, gram.shape[-1]))
    gram = rows.gather(2, order.unsqueeze(1).expand(-1, most, -1))
    vertices = vertices.gather(1, order.unsqueeze(-1).expand(-1, -1, vertices.shape[-1]))
    return vertices, gram, target.gather(1, order), weights.gather(1, order)
