"""Orders: ranks, sorted values, and the matrices that sort and match."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from argrad._carrier import exact
from argrad._checks import in_the_name_of, require, require_mask, require_scores
from argrad.choices import one_hot, soft_sort
from argrad.choices import permutation as _permutation
from argrad.choices import rank as _rank
from argrad.choices.permutation import position_scores
from argrad.core import Estimator
from argrad.estimators import StraightThrough
from argrad.verbs._door import prepare, require_fit
from argrad.verbs._either import choose

if TYPE_CHECKING:
    from collections.abc import Callable

    from jaxtyping import Bool, Float

_STRAIGHT = StraightThrough()
_ROWS = {"draw": "argrad.rank(sample=True)", "expect": "argrad.expect(choice=argrad.choices.rank)"}


class Sorted(NamedTuple):
    """What `sort` and `median` give: values with the gradient asked for, and torch's integer indices."""

    values: Tensor
    indices: Tensor


def rank(
    scores: Float[Tensor, "*shape"],
    dim: int = -1,
    descending: bool = False,
    *,
    grad: Estimator = _STRAIGHT,
    mask: Bool[Tensor, "..."] | None = None,
    sample: bool = False,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "*shape"]:
    """Rank the scores, 1 for the lowest, exactly, with a gradient to the scores.

    Formula: r = argmax_{r ∈ permutations of (1, …, n)} ⟨r, s⟩; ∂L/∂s as `grad` says.

    Args:
        scores: any shape, floating point; −inf is a mask: rank 0, and the others are ranked without it.
        dim: the dimension of the options.
        descending: 1 for the highest.
        grad: the estimator; with a gradient for the deterministic choice, or for a draw if sample=True. Its
            temperature is in the scores' units: scores further apart than that get no gradient from the default
            relaxation.
        mask: True where an option counts; broadcasts to the scores.
        sample: draw a Plackett–Luce order instead.
        generator: for the draw.

    Returns:
        Ranks as floating-point numbers, shaped and typed like the scores. Equal scores are ranked by their index.

    Raises:
        TypeError, IndexError, ValueError: as `argmax`, but a row without an option is no error.

    Wrong when: the scores' scale is far from the temperature: standardise them first.

    Source: Blondel, Teboul, Berthet & Djolonga 2020 (the default's relaxation, `soft_rank`).

    >>> import torch, argrad
    >>> scores = torch.tensor([0.3, 2.0, 0.1], requires_grad=True)
    >>> r = argrad.rank(scores); r.detach()
    tensor([2., 3., 1.])
    >>> r[0].backward(); scores.grad
    tensor([ 0.5000,  0.0000, -0.5000])
    """
    moved = prepare(scores, dim, mask, "rank")
    if descending:
        moved = (-moved).masked_fill(moved == -torch.inf, -torch.inf)
    return choose(_rank, moved, grad, "rank", sample, generator).movedim(-1, dim)


def argsort(
    scores: Float[Tensor, "*shape"],
    dim: int = -1,
    descending: bool = False,
    *,
    grad: Estimator = _STRAIGHT,
    mask: Bool[Tensor, "..."] | None = None,
) -> Float[Tensor, "*others n n"]:
    """Give the matrix that sorts the scores, exactly, with a gradient to them: `P @ x` is x in the order of the scores.

    Formula: row i is one of n, argmax_j −|sort(s)_i − s_j|; ∂L/∂s as `grad` says for the choice of one of n, row by
    row.

    Args:
        scores: any shape, floating point; −inf is a mask and stays where torch.sort puts it.
        dim: the dimension of the options.
        descending: highest first.
        grad: the estimator, for one of n; StraightThrough gives SoftSort's gradient, hard forward.
        mask: True where an option counts; broadcasts to the scores.

    Returns:
        (*others, n, n), the dims of the scores but `dim`, then positions, then options; typed like the scores. For the
        indices take torch's `scores.argsort(dim)`: integers have no gradient. Equal scores keep the order of their
        index.

    Raises:
        TypeError, IndexError, ValueError: as `argmax`, but a row without an option is no error.

    Wrong when: n is large, as it takes O(n²) memory: `sort` and `rank` do not. Backward, rows are relaxed one by one.

    Source: Prillo & Eisenschlos 2020, "SoftSort".

    >>> import torch, argrad
    >>> argrad.argsort(torch.tensor([0.3, 2.0, 0.1]))
    tensor([[0., 0., 1.],
            [1., 0., 0.],
            [0., 1., 0.]])
    """
    moved = prepare(scores, dim, mask, "argsort")
    return sorting_rows(moved, descending, None, grad, "argsort").to(scores.dtype)


def sort(
    scores: Float[Tensor, "*shape"],
    dim: int = -1,
    descending: bool = False,
    *,
    grad: Estimator | Callable[[Tensor], Tensor] = soft_sort,
    mask: Bool[Tensor, "..."] | None = None,
) -> Sorted:
    """Sort the scores, exactly, with a gradient that reaches neighbours in the order.

    Formula: values = sort(s); with a relaxation, ∂values/∂s := ∂relaxation(s)/∂s; with an estimator, values = P s, P
    the rows of `argsort`, differentiated in both.

    Args:
        scores: any shape, floating point; −inf is a mask and stays where torch.sort puts it.
        dim: the dimension of the options.
        descending: highest first.
        grad: a function of scores along the last dimension to soft values in ascending order, such as `soft_sort`,
            `partial(soft_sort, temperature=0.1)` (O(n) memory); or an estimator (O(n²) memory).
        mask: True where an option counts; broadcasts to the scores.

    Returns:
        (values, indices) as torch.sort(stable=True). For soft values call `soft_sort` itself.

    Raises:
        TypeError, IndexError, ValueError: as `argmax`, but a row without an option is no error.

    Wrong when: the true derivative of the sorted values is wanted: that is torch.sort's own.

    Source: Blondel, Teboul, Berthet & Djolonga 2020 (`soft_sort`); Prillo & Eisenschlos 2020 (estimators).

    >>> import torch, argrad
    >>> scores = torch.tensor([5.0, 1.0, 2.0], requires_grad=True)
    >>> argrad.sort(scores).values[0].backward(); scores.grad
    tensor([0.3333, 0.3333, 0.3333])
    """
    moved = prepare(scores, dim, mask, "sort")
    hard = moved.detach().sort(dim=-1, descending=descending, stable=True)
    if isinstance(grad, Estimator):
        values = weigh(sorting_rows(moved, descending, None, grad, "sort"), moved).to(scores.dtype)
        values = values.masked_fill(hard.values == -torch.inf, -torch.inf)
    else:
        relaxes = callable(grad) and not isinstance(grad, type)
        require(relaxes, "grad", "sort", "an estimator or a relaxation such as soft_sort", grad, error=TypeError)
        soft = in_the_name_of("sort", grad, moved)
        soft = (soft.flip(-1) if descending else soft).masked_fill(hard.values == -torch.inf, 0)
        values = exact(hard.values, soft)
    return Sorted(values.movedim(-1, dim), hard.indices.movedim(-1, dim))


def sorting_rows(moved: Tensor, descending: bool, at: Tensor | None, grad: Estimator, of: str) -> Tensor:
    """Choose one of n for each position: (*batch, p, n), in full precision."""
    estimator = require_fit(grad, one_hot, "pick", of, _ROWS)
    positions = in_the_name_of(of, position_scores, moved, descending, at)
    return in_the_name_of(of, estimator.pick, one_hot, positions)


def weigh(rows: Tensor, moved: Tensor) -> Tensor:
    """Σ_j P_ij s_j, masked ones counting 0: (*batch, p)."""
    return (rows * moved.masked_fill(moved == -torch.inf, 0).unsqueeze(-2)).sum(-1)


def permutation(
    scores: Float[Tensor, "*batch n n"],
    *,
    grad: Estimator = _STRAIGHT,
    mask: Bool[Tensor, "..."] | None = None,
    sample: bool = False,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "*batch n n"]:
    """Assign rows to columns, one each, with the highest total score, exactly, with a gradient to the scores.

    Formula: P = argmax over permutation matrices of ⟨P, s⟩; ∂L/∂s as `grad` says.

    Args:
        scores: (*batch, n, n), floating point; −inf forbids a pair.
        grad: the estimator; with a gradient for the deterministic choice, or for a draw if sample=True.
        mask: True where a pair is allowed; broadcasts to the scores.
        sample: draw instead: from p(P) ∝ exp⟨P, s⟩, for n ≤ 12, or for any n by the estimator's noise
            (Gumbel–matching).
        generator: for the draw.

    Returns:
        Permutation matrices, shaped and typed like the scores.

    Raises:
        TypeError: scores not floating point; an estimator that does not fit.
        ValueError: scores not square; NaN, +inf, or no perfect matching allowed.
        ImportError: scipy, which solves the assignment, is not installed.

    Wrong when: n is large: each matrix is solved by itself on the CPU, O(n³), and Sinkhorn takes a linear solve of n ×
    n.

    Source: Mena, Belanger, Linderman & Snoek 2018 (the default's relaxation, `sinkhorn`).

    >>> import torch, argrad
    >>> argrad.permutation(torch.tensor([[2.0, 1.0], [3.0, 0.0]]))
    tensor([[0., 1.],
            [1., 0.]])
    """
    require_scores(scores, "permutation")
    require_mask(mask, scores, "permutation")
    scores = scores if mask is None else scores.masked_fill(~mask, -torch.inf)
    return choose(_permutation, scores, grad, "permutation", sample, generator)
