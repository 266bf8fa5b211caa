"""The nearest point of a polytope that is known by its maximiser alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

_MOST_ROUNDS = 1000
_TOLERANCE = 1e-10  # of the duality gap, relative to 1 + ‖point − projection‖; the error is at most √(2·gap)
_LEAST_WEIGHT = 1e-12


def sparsemap(point: Tensor, *, hard: Callable[[Tensor], Tensor], event_dims: int) -> Tensor:
    """Project onto conv(Y), with Y known by `hard` alone: an active set of vertices, as few as the result is made of.

    Formula: argmin_{p ∈ conv(Y)} ‖p − x‖². The active vertices are found without autograd, in float64, all rows in step;
    on them the projection is linear in x, p = Vᵀλ with [V Vᵀ, 1; 1ᵀ, 0] [λ; ν] = [V x; 1], which autograd differentiates.

    Args:
        point: (*batch, *event); −inf is a mask.
        hard: point → the best vertex.
        event_dims: trailing dimensions of one choice.

    Returns:
        The projection, like the point.

    Raises:
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
    event = point.shape[point.ndim - event_dims :]
    flat = point.double().reshape(point.shape[: point.ndim - event_dims].numel(), event.numel())

    def best(rows: Tensor) -> Tensor:
        return hard(rows.view(len(rows), *event)).view(rows.shape)

    x = torch.where(flat > -torch.inf, flat, 0)
    with torch.no_grad():
        vertices, active = _support(flat, x, best)
    weights = _weigh(vertices, active, x)
    return (weights.unsqueeze(-2) @ vertices).squeeze(-2).view(point.shape).to(point.dtype)


def _support(masked: Tensor, x: Tensor, best: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """Find, row by row, affinely independent vertices whose hull holds the projection: (B, K, D), and which are used."""
    vertices = best(masked).unsqueeze(1)
    weights = torch.ones_like(vertices[..., 0])
    for _ in range(_MOST_ROUNDS):
        here = (weights.unsqueeze(1) @ vertices).squeeze(1)
        vertex = best(masked - here)
        gap = ((x - here) * (vertex - here)).sum(-1)
        behind = gap > _TOLERANCE * (1 + (x - here).norm(dim=-1))
        if not behind.any():
            return vertices, weights > 0
        active = torch.cat([weights > 0, behind.unsqueeze(-1)], -1)
        vertices = torch.cat([vertices, vertex.unsqueeze(1)], 1)
        weights = torch.cat([weights, torch.zeros_like(weights[:, :1])], -1)
        vertices, weights = _pack(vertices, _settle(vertices, weights, active, x))
    msg = f"The projection did not reach its tolerance in {_MOST_ROUNDS} rounds."
    raise RuntimeError(msg)


def _settle(vertices: Tensor, weights: Tensor, active: Tensor, x: Tensor) -> Tensor:
    """Walk from the weights to the best ones on the active vertices; drop each whose weight falls to 0 on the way."""
    while True:
        goal = _weigh(vertices, active, x)
        out = active & (goal <= _LEAST_WEIGHT)
        if not out.any():
            return goal
        ratio = torch.where(out, weights / (weights - goal).clamp_min(_LEAST_WEIGHT), torch.inf)
        step = ratio.amin(-1, keepdim=True).clamp(0, 1)
        weights = weights + step * (goal - weights)
        leaves = out & (ratio <= step)
        active = active & ~leaves
        weights = torch.where(active, weights.clamp_min(0), 0)


def _weigh(vertices: Tensor, active: Tensor, x: Tensor) -> Tensor:
    """Give the affine weights, summing to 1, of the nearest point to x in the hull of the active vertices."""
    used = active.to(x.dtype)
    gram = vertices @ vertices.mT * used.unsqueeze(-1) * used.unsqueeze(-2) + torch.diag_embed(1 - used)
    system = torch.cat([torch.cat([gram, used.unsqueeze(-1)], -1), torch.cat([used, 0 * used[:, :1]], -1)[:, None]], -2)
    target = torch.cat([(vertices @ x.unsqueeze(-1)).squeeze(-1) * used, torch.ones_like(x[:, :1])], -1)
    return torch.linalg.solve(system, target)[..., :-1] * used


def _pack(vertices: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Keep as many places as the fullest row needs."""
    used = weights > 0
    order = used.int().argsort(dim=-1, descending=True, stable=True)[:, : int(used.sum(-1).amax())]
    index = order.unsqueeze(-1).expand(-1, -1, vertices.shape[-1])
    return vertices.gather(1, index), weights.gather(1, order)
