"""The matrix-tree theorem by a determinant, for scores that it can bear: many times faster than elimination.

With arcs w[m, h] = exp s[m, h] and root arcs r[m], the total weight of all trees is det M,

    M = diag(Σ_h w[m, h] + r[m]) − w,

and with a single root the same without r on the diagonal and with r in place of the first column. As X = M⁻¹ gives the
derivatives of log det M, the marginals are w[m, h] (X[m, m] − X[h, m]) and r[m] X[m, m].

Rows are divided by their largest weight, so that no score is too large by itself; but where words prefer each other to
every way out, M is close to singular, and the bound on the error says so.

Source: Tutte 1948; Koo, Globerson, Carreras & Collins 2007, section 3; Higham 2002,
chapter 14 (the error of an inverse).
"""

from __future__ import annotations

import torch
from torch import Tensor

from argrad._precision import finest
from argrad.choices._gibbs import MASKED


def log_total(s: Tensor, *, single_root: bool) -> tuple[Tensor, Tensor]:
    """Give log Σ over trees of exp⟨y, s⟩, and a bound on its derivatives' error: (*batch, n, n) → (*batch,) twice."""
    arcs, root, scale = _weights(s, single_root=single_root)
    total = torch.linalg.slogdet(_laplacian(arcs, root, single_root=single_root)).logabsdet + scale
    return total.to(s.dtype), marginals(s.detach(), single_root=single_root)[1]


def marginals(s: Tensor, *, single_root: bool) -> tuple[Tensor, Tensor]:
    """Give the marginals, and a first-order bound on their error from rounding: (*batch, n, n), (*batch,)."""
    arcs, root, _ = _weights(s, single_root=single_root)
    matrix = _laplacian(arcs, root, single_root=single_root)
    inverse = torch.linalg.inv_ex(matrix).inverse
    p = _through(inverse, arcs, root, single_root=single_root)
    with torch.no_grad():
        size = inverse.abs()
        rounding = size @ (matrix.abs() @ size)
        bound = _through(rounding, arcs, root, single_root=single_root, sign=1).amax((-2, -1))
    return p.to(s.dtype), bound * (s.shape[-1] * torch.finfo(p.dtype).eps)


def _weights(s: Tensor, *, single_root: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Give weights of arcs and of root arcs, at most 1, and the logarithm of what they were divided by."""
    z = s.to(finest(s))
    words = z.masked_fill(_eye(z), MASKED)
    root = z.diagonal(dim1=-2, dim2=-1)
    top = (words if single_root else z).detach().amax(-1, keepdim=True)
    top = top.masked_fill(top < MASKED / 2, 0)
    words, root = words - top, root - top.squeeze(-1)
    scale = top.sum((-2, -1))
    if single_root:
        best = root.detach().amax(-1, keepdim=True)
        best = best.masked_fill(best < MASKED / 2, 0)
        root, scale = root - best, scale + best.squeeze(-1)
    return words.exp(), root.exp(), scale


def _laplacian(arcs: Tensor, root: Tensor, *, single_root: bool) -> Tensor:
    outflow = arcs.sum(-1)
    if not single_root:
        return (outflow + root).diag_embed() - arcs
    return torch.cat([root.unsqueeze(-1), (outflow.diag_embed() - arcs)[..., 1:]], -1)


def _through(inverse: Tensor, arcs: Tensor, root: Tensor, *, single_root: bool, sign: int = -1) -> Tensor:
    """Sum what M's entries tell of each weight: (*batch, n, n), the roots on the diagonal."""
    here = inverse.diagonal(dim1=-2, dim2=-1)
    to_root = inverse[..., 0, :] if single_root else here
    if single_root:  # the first column of M has no arcs, so the first row of X has nothing to say of them
        first = torch.arange(arcs.shape[-1], device=arcs.device) == 0
        here, inverse = here.masked_fill(first, 0), inverse.masked_fill(first.unsqueeze(-1), 0)
    between = arcs * (here.unsqueeze(-1) + sign * inverse.mT)
    return between + (root * to_root).diag_embed()


def _eye(s: Tensor) -> Tensor:
    return torch.eye(s.shape[-1], dtype=torch.bool, device=s.device)
