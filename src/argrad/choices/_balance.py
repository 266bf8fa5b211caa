"""Matrices with row and column sums of 1, as a function of scores plus one potential for each row and column.

P = φ(s + f + g): φ = exp is Sinkhorn's, φ = [·]₊ the Euclidean projection. The potentials are found without autograd,
by turns and then by Newton's steps; two more Newton steps, in differentiable code, carry the first and second
derivative.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch

from argrad._checks import in_transform
from argrad.choices.simplex import sparsemax

if TYPE_CHECKING:
    from torch import Tensor

_STEPS = 2  # each doubles the order to which the implicit derivative is right
_FIXED_ROUNDS = 100  # where values may not be read
_CHECK_EVERY = 10


class Link(Protocol):
    """A function φ, its derivative, the potential that gives a row its sum, and φ with its pieces held fast."""

    def value(self, x: Tensor) -> Tensor: ...
    def slope(self, x: Tensor) -> Tensor: ...
    def balance(self, x: Tensor, dim: int) -> Tensor: ...
    def fixed(self, x: Tensor) -> Link: ...


class Exponential:
    """φ = exp."""

    def value(self, x: Tensor) -> Tensor:
        return x.exp()

    def slope(self, x: Tensor) -> Tensor:
        return x.exp()

    def balance(self, x: Tensor, dim: int) -> Tensor:
        return -x.logsumexp(dim, keepdim=True)

    def fixed(self, x: Tensor) -> Link:  # noqa: ARG002
        return self


class Positive:
    """φ = [·]₊, or x on a support that was found before and 0 elsewhere.

    What is within rounding of 0 counts as 0. Between parts of the support that no entry connects the potentials are
    free, and rest where an entry that is 0 is about to enter: it must not pass for support.
    """

    def __init__(self, support: Tensor | None = None) -> None:
        self.support = support

    def value(self, x: Tensor) -> Tensor:
        return x.masked_fill(self.slope(x) == 0, 0)

    def slope(self, x: Tensor) -> Tensor:
        return (x > torch.finfo(x.dtype).eps ** 0.65).to(x.dtype) if self.support is None else self.support

    def fixed(self, x: Tensor) -> Link:
        return Positive(self.slope(x))

    def balance(self, x: Tensor, dim: int) -> Tensor:
        """Give −τ of sparsemax: any option of the support tells it."""
        p = sparsemax(x, dim)
        best = x.argmax(dim, keepdim=True)
        return p.gather(dim, best) - x.gather(dim, best)


def balanced(scores: Tensor, link: Link, tolerance: float, rounds: int) -> Tensor:
    """Give φ(s + f + g) with all sums 1: (*batch, n, n), in the scores' dtype; −inf gives 0.

    Args:
        scores: full precision; at least one perfect matching must be free of −inf.
        link: φ.
        tolerance: of the sums, before the last Newton steps.
        rounds: of a balancing of rows and columns, at most.
    """
    f, g = _potentials(scores.detach(), link, tolerance, rounds)
    link = link.fixed(scores.detach() + f + g)
    for _ in range(_STEPS):
        d_f, d_g = _newton(scores + f + g, link)
        f, g = f + d_f, g + d_g
    return link.value(scores + f + g)


@torch.no_grad()
def _potentials(scores: Tensor, link: Link, tolerance: float, rounds: int) -> tuple[Tensor, Tensor]:
    readable = not in_transform()
    f = -scores.amax(-1, keepdim=True)
    g = link.balance(scores + f, -2)
    for turn in range(rounds if readable else _FIXED_ROUNDS):
        f = link.balance(scores + g, -1)
        g = link.balance(scores + f, -2)
        if readable and turn % _CHECK_EVERY == 0:
            f, g = _better(scores, f, g, link)
            if _error(scores + f + g, link).le(tolerance).all():
                break
    return _better(scores, f, g, link)


def _better(scores: Tensor, f: Tensor, g: Tensor, link: Link) -> tuple[Tensor, Tensor]:
    """Take a Newton step in the rows of the batch where it lowers the error."""
    d_f, d_g = _newton(scores + f + g, link)
    takes = _error(scores + f + d_f + g + d_g, link) < _error(scores + f + g, link)
    return torch.where(takes, f + d_f, f), torch.where(takes, g + d_g, g)


def _error(x: Tensor, link: Link) -> Tensor:
    p = link.value(x)
    rows, columns = (p.sum(-1) - 1).abs().amax(-1), (p.sum(-2) - 1).abs().amax(-1)
    return torch.maximum(rows, columns)[..., None, None]


def _newton(x: Tensor, link: Link) -> tuple[Tensor, Tensor]:
    """Solve diag(W1) df + W dg = 1 − P1, Wᵀ df + diag(Wᵀ1) dg = 1 − Pᵀ1, W = φ′(x), eliminating df.

    What is left is a Laplacian, singular along constants, which change nothing; a ridge keeps it solvable.
    """
    p, w = link.value(x), link.slope(x)
    missing_row, missing_column = 1 - p.sum(-1, keepdim=True), 1 - p.sum(-2, keepdim=True).mT
    row, column = w.sum(-1, keepdim=True), w.sum(-2)
    laplacian = torch.diag_embed(column + torch.finfo(x.dtype).eps ** 0.75) - w.mT @ (w / row)
    d_g = torch.linalg.solve(laplacian, missing_column - w.mT @ (missing_row / row))
    return (missing_row - w @ d_g) / row, d_g.mT
