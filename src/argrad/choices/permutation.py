"""Permutation matrices: the best assignment of rows to columns, and its relaxations."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from itertools import permutations
from math import factorial
from typing import TYPE_CHECKING

import torch

from argrad._checks import reads_values, require_choosable, require_count, require_scores
from argrad.choices._balance import Exponential, Positive, balanced
from argrad.choices._gibbs import inner, lift, require_enumerable, require_event, spread
from argrad.choices._order import ascending, require_ordered
from argrad.choices.one_hot import draw_index
from argrad.core import Choice, full_precision

if TYPE_CHECKING:
    from torch import Tensor

_DIMS = 2
_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-6}  # before Newton's steps, which square what is left twice


def sinkhorn(scores: Tensor, rounds: int = 1000) -> Tensor:
    """Give the doubly stochastic matrix of greatest likeness to exp(scores): the entropic relaxation of an assignment.

    Formula:
        P = argmax_{P ≥ 0, rows and columns sum to 1} ⟨P, s⟩ + H(P) = exp(s + f + g): rows and columns are balanced in turn,
        in the log domain, and Newton's steps finish it and carry the implicit derivatives.

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
    Gumbel–Sinkhorn networks", section 2.

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
        argmin_{P ≥ 0, rows and columns sum to 1} ‖P − x‖² = [x + f + g]₊: rows and columns are projected in turn (each a
        sparsemax), which is coordinate ascent on the dual, until the sums are within 1e-6 (1e-4 in float32); the
        support then tells a linear system, which is solved exactly and differentiated.

    Args:
        point: (*batch, n, n), floating point; −inf forbids a pair.
        rounds: of projections in turn, at most.

    Returns:
        (*batch, n, n) in the point's dtype.

    Raises:
        TypeError, ValueError: as `sinkhorn`.

    Wrong when: rounds end before the support is found, at n = 100 and entries hundreds apart: the sums show it.

    Source: Blondel, Seguy & Rolet 2018, "Smooth and sparse optimal transport", section 3 (the dual); Dykstra 1983
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

    Source: Prillo & Eisenschlos 2020, "SoftSort", equation 3.

    >>> import torch
    >>> from argrad.choices import softsort
    >>> softsort(torch.tensor([2.0, 1.0])).sum(-1)
    tensor([1., 1.])
    """
    require_scores(scores, "softsort", dim)
    return position_scores(scores.movedim(dim, -1), descending).softmax(-1).to(scores.dtype)


def position_scores(scores: Tensor, descending: bool = False) -> Tensor:
    """Give −|sort(s)_i − s_j| for positions i and options j, (*batch, n, n): one of n for each position.

    The best option of a row is the one that torch.sort(stable=True) puts there, at ties too: the others of the same
    score are less by the least number that there is.
    """
    require_ordered(scores, "argsort")
    s = full_precision(scores)
    order = ascending(-s.detach() if descending else s.detach())
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


def _hard(scores: Tensor) -> Tensor:
    """Ask scipy, matrix by matrix: it has no solver for batches."""
    s = _matrix(scores.detach(), "permutation")
    flat = s.reshape(-1, *s.shape[-2:]).cpu().numpy()
    try:
        solve = import_module("scipy.optimize").linear_sum_assignment
    except ImportError as error:
        msg = "The best assignment is found by scipy: pip install 'argrad[sklearn]'."
        raise ImportError(msg) from error
    try:
        columns = [torch.from_numpy(solve(one, maximize=True)[1]) for one in flat]
    except ValueError as error:
        msg = "The 'scores' parameter of permutation must allow a perfect matching. Got masks that leave none."
        raise ValueError(msg) from error
    index = torch.stack(columns) if columns else torch.zeros(s.shape[:-1], dtype=torch.long)
    index = index.view(s.shape[:-1]).to(scores.device)
    return torch.zeros_like(scores).scatter(-1, index.unsqueeze(-1), 1)


def _every(scores: Tensor) -> Tensor:
    require_event(scores, "permutation", _DIMS)
    n = scores.shape[-1]
    require_enumerable(factorial(n), "permutation")
    columns = torch.tensor(list(permutations(range(n))), device=scores.device)
    return spread(scores.new_zeros(len(columns), n, n).scatter(-1, columns.unsqueeze(-1), 1), scores, _DIMS)


def _all_scores(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Give all vertices and ⟨y, s⟩ for each."""
    _matrix(scores, "permutation")
    vertices = _every(scores)
    totals = inner(scores, full_precision(vertices), _DIMS)
    if reads_values(totals):
        require_choosable(totals.detach().amax(0), "permutation")
    return vertices, totals


def _log_prob(scores: Tensor, vertex: Tensor) -> Tensor:
    totals = _all_scores(scores)[1]
    impossible = ((vertex != 0) & (scores == -torch.inf)).flatten(-_DIMS).any(-1)
    log_p = inner(scores.masked_fill(scores == -torch.inf, 0), vertex, _DIMS) - totals.logsumexp(0)
    return torch.where(impossible, -torch.inf, log_p)


def _sample(scores: Tensor, samples: int, generator: torch.Generator | None) -> Tensor:
    vertices, totals = _all_scores(scores.detach())
    index = draw_index(totals.movedim(0, -1), samples, generator)[..., None, None]
    return vertices.gather(0, index.expand(samples, *scores.shape))


permutation = Choice(
    hard=_hard,
    name="the choice of a permutation matrix",
    event_dims=_DIMS,
    soft=sinkhorn,
    project=birkhoff,
    sample=_sample,
    log_prob=_log_prob,
    enumerate=_every,
    lift=partial(lift, hard=_hard, event_dims=_DIMS),
)
"""The best assignment of rows to columns, one each: scores (*batch, n, n), vertices permutation matrices.

Formula: y*(s) = argmax_P ⟨P, s⟩ by scipy's solver, a row's pairs with −inf excepted. `soft` is Sinkhorn's matrix, the
maximiser with an entropy for each entry, which is near and not equal to the mean of the law p(y) ∝ exp⟨y, s⟩. That law
is had by enumeration, for n ≤ 8 (`sample`, `log_prob`, `enumerate`); beyond, estimators with Gumbel noise draw from the
Gumbel–matching law, y*(s + Gumbel noise): `StraightThrough(noise=Gumbel())`, `ImplicitMLE()`, `Relaxed(noise=Gumbel())`
(Gumbel–Sinkhorn). Ties go as scipy decides in `hard`, and are treated alike by `soft` and `project`.

Source: Kuhn 1955; Crouse 2016 (scipy's solver); Mena et al. 2018 (Gumbel–matching and Gumbel–Sinkhorn).
"""
