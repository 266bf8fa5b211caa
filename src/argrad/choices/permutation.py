"""Relaxed permutation matrices: doubly stochastic ones of an assignment, and the rows of SoftSort for scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from argrad._checks import in_the_name_of, require_choosable, require_count, require_scores
from argrad._precision import full_precision
from argrad.choices._balance import Exponential, Positive, balanced
from argrad.choices._gibbs import require_event
from argrad.choices._order import ascending, require_ordered

if TYPE_CHECKING:
    from torch import Tensor

_DIMS = 2
_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-6}  # before Newton's steps, which square what is left twice


def sinkhorn(scores: Tensor, rounds: int = 1000) -> Tensor:
    """Give the doubly stochastic matrix of greatest likeness to exp(scores): the entropic relaxation of an assignment.

    Formula:
        P = argmax_{P ≥ 0, rows and columns sum to 1} ⟨P, s⟩ + H(P) = exp(s + f + g): rows and columns are balanced in
        turn, in the log domain, and Newton's steps finish it and carry the implicit derivatives.

    Args:
        scores: (*batch, n, n), floating point; −inf forbids a pair. Divide by a temperature τ first.
        rounds: of balancing, at most.

    Returns:
        (*batch, n, n) in the scores' dtype, computed in float32 at least. The sums are 1 to rounding; where the scores
        differ by 100 or more, to about 1e-3 within the default rounds.

    Raises:
        TypeError, ValueError: scores that are not floating point, not square; NaN, +inf; a row or column all of −inf.

    Wrong when: some pair that is allowed is in no perfect matching: P is 0 there in the limit, which is reached slowly.
    Under `torch.compile` and `vmap` there are 100 rounds always.

    Source: Sinkhorn 1964; Cuturi 2013; Mena, Belanger, Linderman & Snoek 2018, "Learning latent permutations with
    Gumbel–Sinkhorn networks".

    >>> import torch
    >>> from argrad.choices import sinkhorn
    >>> sinkhorn(torch.tensor([[1.0, 0.0], [0.0, 0.0]]))
    tensor([[0.6225, 0.3775],
            [0.3775, 0.6225]])
    """
    require_count(rounds, "rounds", "sinkhorn")
    s = _matrix(scores, "sinkhorn")
    return balanced(s, Exponential(), _TOLERANCE[s.dtype], rounds).to(scores.dtype)


def birkhoff(point: Tensor, rounds: int = 1000) -> Tensor:
    """Project a matrix onto the Birkhoff polytope, the doubly stochastic matrices.

    Formula:
        argmin_{P ≥ 0, rows and columns sum to 1} ‖P − x‖² = [x + f + g]₊: rows and columns are projected in turn (each
        a sparsemax), which is coordinate ascent on the dual, until the sums are within 1e-6 (1e-4 in float32); the
        support then tells a linear system, which is solved exactly and differentiated.

    Args:
        point: (*batch, n, n), floating point; −inf forbids a pair.
        rounds: of projections in turn, at most.

    Returns:
        (*batch, n, n) in the point's dtype.

    Raises:
        TypeError, ValueError: as `sinkhorn`.

    Wrong when: rounds end before the support is found, at n = 100 and entries hundreds apart: the sums show it.

    Source: Blondel, Seguy & Rolet 2018, "Smooth and sparse optimal transport" (the dual); Dykstra 1983
    (projections in turn).

    >>> import torch
    >>> from argrad.choices import birkhoff
    >>> birkhoff(torch.tensor([[1.0, 0.0], [0.0, 0.0]]))
    tensor([[0.7500, 0.2500],
            [0.2500, 0.7500]])
    """
    require_count(rounds, "rounds", "birkhoff")
    x = _matrix(point, "birkhoff")
    return balanced(x, Positive(), _TOLERANCE[x.dtype], rounds).to(point.dtype)


def softsort(scores: Tensor, dim: int = -1, descending: bool = False) -> Tensor:
    """Give the relaxed matrix that sorts scores: row i is a softmax that peaks at the i-th option.

    Formula: P = softmax_j(−|sort(s)_i − s_j|). Divide the scores by a temperature τ first.

    Args:
        scores: floating point; −inf is a mask, of weight 0 in every row but those of the masked themselves.
        dim: the dimension of the options.
        descending: highest first.

    Returns:
        (*others, n, n): rows are positions, columns the options of `dim`; in the scores' dtype.

    Raises:
        TypeError, IndexError, ValueError: scores that are not floating point; no such dim; NaN or +inf.

    Wrong when: columns must sum to 1: rows only do. O(n²) memory.

    Source: Prillo & Eisenschlos 2020, "SoftSort".

    >>> import torch
    >>> from argrad.choices import softsort
    >>> softsort(torch.tensor([2.0, 1.0])).sum(-1)
    tensor([1., 1.])
    """
    require_scores(scores, "softsort", dim)
    positions = in_the_name_of("softsort", position_scores, scores.movedim(dim, -1), descending)
    return positions.softmax(-1).to(scores.dtype)


def position_scores(scores: Tensor, descending: bool = False, at: Tensor | None = None) -> Tensor:
    """Give −|sort(s)_i − s_j| for positions i and options j: one of n for each position.

    The best option of a row is the one that torch.sort(stable=True) puts there, at ties too: the others of the same
    score are less by the least number that there is. A masked option is an option at its own position alone.

    Args:
        scores: (*batch, n).
        descending: highest first.
        at: (*batch, p) positions; None: all of them.

    Returns:
        (*batch, p, n), in full precision.
    """
    require_ordered(scores, "sort")
    s = full_precision(scores)
    order = ascending(-s.detach() if descending else s.detach())
    order = order if at is None else order.gather(-1, at)
    masked = s == -torch.inf
    inside = s.masked_fill(masked, 0)
    far = -(inside.gather(-1, order).unsqueeze(-1) - inside.unsqueeze(-2)).abs()
    here = torch.zeros_like(far.detach()).scatter(-1, order.unsqueeze(-1), 1)
    apart = masked.gather(-1, order).unsqueeze(-1) | masked.unsqueeze(-2)
    tie = torch.finfo(s.dtype).tiny * (here - 1)
    return torch.where(apart, here.log(), far + tie)


def _matrix(scores: Tensor, of: str) -> Tensor:
    """Check a square matrix with an option in each row and column; give it in full precision."""
    require_event(scores, of, _DIMS)
    s = full_precision(scores)
    require_choosable(s.detach().amax(-1), of)
    require_choosable(s.detach().amax(-2), of)
    return s
