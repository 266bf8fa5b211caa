"""Projective trees: no two arcs cross. One recursion over spans of words, in O(n³) by n rounds.

Source: Eisner 1996, "Three new probabilistic models for dependency parsing"; Eisner & Satta 1999 (into halves).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import pad

from argrad.choices._gibbs import MASKED

if TYPE_CHECKING:
    from collections.abc import Callable


def value(s: Tensor, plus: Callable[[Tensor], Tensor], *, single_root: bool) -> Tensor:
    """Sum, in the sense of `plus`, over all projective trees: finite scores (*batch, n, n) → (*batch,)."""
    root = s.diagonal(dim1=-2, dim2=-1)
    if not single_root:  # the root is one more word, to the left of all, that only has dependents
        words = s.masked_fill(torch.eye(s.shape[-1], dtype=torch.bool, device=s.device), MASKED)
        rows = torch.cat([root.unsqueeze(-1), words], -1)
        return _halves(pad(rows, (0, 0, 1, 0), value=MASKED), plus)[0, ..., 0, -1]
    head_first, head_last = _halves(s, plus)
    right_half = head_first.flip(-1).diagonal(dim1=-2, dim2=-1)  # from word k to the last
    left_half = head_last.flip(-2).diagonal(dim1=-2, dim2=-1)  # from the first word to word k
    return plus(root + left_half + right_half)


def _halves(s: Tensor, plus: Callable[[Tensor], Tensor]) -> Tensor:
    """Give all half trees, by [start, width]: those whose head comes first, in the sentence and in its mirror image.

    A span from i to j = i + w is joined from shorter ones: an arc between i and j closes two half trees that face each
    other, and a half tree of i ends in the half tree of the last dependent of i. A half tree whose head comes last is
    one whose head comes first in the mirror.
    """
    n = s.shape[-1]
    both = torch.stack([s, s.flip(-2, -1)])
    at_start = at_end = torch.zeros_like(both[..., :1])
    arc_at_start = both[..., :0]
    for w in range(1, n):
        facing = plus(at_start[..., : n - w, :] + at_start.flip(0, -2)[..., w:, :].flip(-1))
        arc_at_start = _append(arc_at_start, facing + both.diagonal(-w, -2, -1), at_end=False)
        half = plus(arc_at_start[..., : n - w, :] + at_end[..., w:, :].flip(-1))
        at_start, at_end = _append(at_start, half, at_end=False), _append(at_end, half, at_end=True)
    return at_start


def _append(table: Tensor, spans: Tensor, *, at_end: bool) -> Tensor:
    """Add the column of the next width, by the start of each span or by its end; what is past the sentence is 0."""
    missing = table.shape[-2] - spans.shape[-1]
    column = pad(spans, (missing, 0) if at_end else (0, missing))
    return torch.cat([table, column.unsqueeze(-1)], -1)
