"""The matrix-tree theorem without a determinant: the total weight of all trees, by sums and quotients alone.

Σ over trees of Π exp s is the determinant of a Laplacian, which loses all digits once scores differ by more than a few
tens. Eliminating word after word from the graph gives the same number without one subtraction, so in log space
it holds for scores of any size: with arcs w[m, h] and root arcs r[m], removing word k multiplies the total by its
outflow d = Σ_h w[k, h] + r[k], and lets the others pass through it: w[m, h] += w[m, k] w[k, h]/d, and
r[m] += w[m, k] r[k]/d.

With a single root, r is of first order in an infinitesimal: d has no r[k], and the last word's r is the result.

Source: Tutte 1948; Koo, Globerson, Carreras & Collins 2007 and Smith & Smith 2007 (marginals of trees); Grassmann,
Taksar & Heyman 1985 and O'Cinneide 1993 (elimination without subtraction, and its relative accuracy).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from argrad.choices._gibbs import MASKED
from argrad.choices.one_hot import draw_index

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


def log_total(s: Tensor, *, single_root: bool) -> Tensor:
    """Log Σ over trees of exp⟨y, s⟩, of finite scores: (*batch, n, n) → (*batch,)."""
    root = s.diagonal(dim1=-2, dim2=-1)
    words = _without_diagonal(s)
    outflows = []
    for left in range(s.shape[-1] - 1, 0, -1):
        outflow = words.logsumexp(-1)
        # any order gives the total; the word with the largest outflow has a way out wherever any tree is possible
        k = outflow.detach().argmax(-1, keepdim=True)
        others = torch.arange(left, device=s.device) + (torch.arange(left, device=s.device) >= k)
        gone_root, root = root.gather(-1, k), root.gather(-1, others)
        rows = _take(words, others, -2)
        gone, through, words = _take(_take(words, k, -2), others, -1), _take(rows, k, -1), _take(rows, others, -1)
        out = outflow.gather(-1, k)
        out = out if single_root else _add(out, gone_root)
        words = _without_diagonal(_add(words, through + (gone - out.unsqueeze(-1))))
        root = _add(root, through.squeeze(-1) + (gone_root - out))
        outflows.append(out)
    return torch.cat([*outflows, root], -1).sum(-1)


def sample(s: Tensor, marginals: Callable[[Tensor], Tensor], generator: torch.Generator | None) -> Tensor:
    """Draw trees from finite scores, head after head, each from its marginals given the heads before."""
    for m in range(s.shape[-1]):
        p = marginals(s)[..., m, :]
        head = draw_index(p.clamp_min(0).log(), 1, generator).squeeze(0).unsqueeze(-1)
        row = s[..., m, :]
        only = torch.full_like(row, MASKED).scatter(-1, head, row.gather(-1, head))
        s = torch.cat([s[..., :m, :], only.unsqueeze(-2), s[..., m + 1 :, :]], -2)
    return (s > MASKED / 2).to(s.dtype)


def _add(a: Tensor, b: Tensor) -> Tensor:
    # not logaddexp: its second derivative is NaN where the two are far apart
    return torch.stack(torch.broadcast_tensors(a, b)).logsumexp(0)


def _take(x: Tensor, index: Tensor, dim: int) -> Tensor:
    """Gather rows (dim −2) or columns (dim −1)."""
    if dim == -1:
        return x.gather(-1, index.unsqueeze(-2).expand(*x.shape[:-1], index.shape[-1]))
    return x.gather(-2, index.unsqueeze(-1).expand(*x.shape[:-2], index.shape[-1], x.shape[-1]))


def _without_diagonal(s: Tensor) -> Tensor:
    return s.masked_fill(torch.eye(s.shape[-1], dtype=torch.bool, device=s.device), MASKED)
