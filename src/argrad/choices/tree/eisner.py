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
        to_right, _ = _halves(pad(rows, (0, 0, 1, 0), value=MASKED), plus)
        return to_right[..., 0, -1]
    to_right, to_left = _halves(s, plus)
    right_half = to_right.flip(-1).diagonal(dim1=-2, dim2=-1)  # from word k to the last
    left_half = to_left.diagonal(dim1=-2, dim2=-1)  # from the first word to word k
    return plus(root + left_half + right_half)


def _halves(s: Tensor, plus: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """Give all half trees: those with the head first, by [start, width], and those with the head last, by [end, width].

    A span from i to j = i + w is joined from shorter ones: an arc between i and j closes two half trees that face each
    other, and a half tree of i ends in the half tree of the last dependent of i.
    """
    n = s.shape[-1]
    empty = torch.zeros_like(s[..., :1])
    right_at_start = right_at_end = left_at_start = left_at_end = empty
    arc_right_at_start = arc_left_at_end = s[..., :0]
    for w in range(1, n):
        facing = plus(right_at_start[..., : n - w, :] + left_at_end[..., w:, :].flip(-1))
        arc_right_at_start = _append(arc_right_at_start, facing + s.diagonal(-w, -2, -1), at_end=False)
        arc_left_at_end = _append(arc_left_at_end, facing + s.diagonal(w, -2, -1), at_end=True)
        right = plus(arc_right_at_start[..., : n - w, :] + right_at_end[..., w:, :].flip(-1))
        left = plus(left_at_start[..., : n - w, :] + arc_left_at_end[..., w:, :].flip(-1))
        right_at_start = _append(right_at_start, right, at_end=False)
        right_at_end = _append(right_at_end, right, at_end=True)
        left_at_start = _append(left_at_start, left, at_end=False)
        left_at_end = _append(left_at_end, left, at_end=True)
    return right_at_start, left_at_end


def _append(table: Tensor, spans: Tensor, *, at_end: bool) -> Tensor:
    """Add the column of the next width, by the start of each span or by its end; what is past the sentence is 0."""
    missing = table.shape[-2] - spans.shape[-1]
    column = pad(spans, (missing, 0) if at_end else (0, missing))
    return torch.cat([table, column.unsqueeze(-1)], -1)
