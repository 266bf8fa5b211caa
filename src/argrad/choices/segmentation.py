"""The best cut of a sequence into labelled segments: semi-Markov.

A segmentation of T positions into segments of at most K, each with one of C labels, is the vertex y with
y[t, d, p, c] = 1 where a segment starts at t, covers d + 1 positions, has label c and follows one of label p. The first
segment follows none; its p is 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from argrad._checks import require, require_scores
from argrad.choices._gibbs import (
    MASKED,
    Recursion,
    require_enumerable,
    require_event,
    require_lengths,
    spread,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

_DIMS = 4


def segments(content: Tensor, transition: Tensor | None = None, lengths: Tensor | None = None) -> Tensor:
    """Fold scores of segments and of transitions between labels into the scores of a segmentation.

    Formula: s[t, d, p, c] = content[t, d, c] + transition[p, c], and s[0, d, 0, c] = content[0, d, c]. Past the end of
    a shorter sequence come segments of one position, with the last label, at score 0.

    Args:
        content: (*batch, T, K, C), score of a segment that starts at t, covers d + 1 positions and has label c; −inf is
            a mask. Segments that would pass the end are never chosen.
        transition: (C, C) from row to column, or None for 0.
        lengths: (*batch,) integers in [1, T]; None: all are T.

    Returns:
        (*batch, T, K, C, C).

    Raises:
        TypeError, ValueError: shapes or lengths that do not fit.

    Source: Sarawagi & Cohen 2004, "Semi-Markov conditional random fields for information extraction".

    >>> import torch
    >>> from argrad.choices.segmentation import labels, segmentation, segments
    >>> content = torch.zeros(4, 3, 2)
    >>> content[0, 2, 1] = 5.0  # label 1 on positions 0 to 2
    >>> labels(segmentation.hard(segments(content)))
    tensor([1, 1, 1, 0])
    """
    require_event(content, "segments", 3, square=False)
    longest, count = content.shape[-2:]
    if transition is None:
        transition = content.new_zeros(count, count)
    require_scores(transition, "segments", None, name="transition")
    require(transition.shape == (count, count), "transition", "segments", f"of shape {(count, count)}", transition)
    later = content[..., 1:, :, None, :] + transition
    none_before = torch.arange(count, device=content.device).unsqueeze(-1) == 0
    first = content[..., :1, :, None, :].expand(*content.shape[:-3], 1, longest, count, count)
    scores = torch.cat([first.masked_fill(~none_before, -torch.inf), later], -4)
    return scores if lengths is None else _padded(scores, lengths)


def _padded(scores: Tensor, lengths: Tensor) -> Tensor:
    length, longest, count = scores.shape[-4:-1]
    require_lengths(lengths, scores.shape[:-4], length, "segments")
    start = torch.arange(length, device=scores.device).view(-1, 1, 1, 1)
    width = torch.arange(1, longest + 1, device=scores.device).view(-1, 1, 1)
    end = lengths.view(*lengths.shape, 1, 1, 1, 1)
    scores = scores.masked_fill((start < end) & (start + width > end), -torch.inf)
    eye = torch.eye(count, dtype=torch.bool, device=scores.device)
    stay = torch.where(eye & (width == 1), 0, -torch.inf).to(scores.dtype)
    return torch.where(start < end, scores, stay)


def labels(vertex: Tensor) -> Tensor:
    """Give the label at every position: (*batch, T, K, C, C) → (*batch, T) integers."""
    return coverage(vertex).argmax(-1)


def starts(vertex: Tensor) -> Tensor:
    """Say where segments start, or how probably: (*batch, T, K, C, C) → (*batch, T)."""
    return vertex.sum((-3, -2, -1))


def coverage(vertex: Tensor) -> Tensor:
    """Give the label of every position as one-hot rows, or its marginals; linear.

    (*batch, T, K, C, C) → (*batch, T, C).

    Formula: n[u, c] = Σ over t ≤ u ≤ t + d and p of y[t, d, p, c].
    """
    parts = vertex.sum(-2)  # (*batch, T, K, C)
    length, longest = parts.shape[-3:-1]
    place = torch.arange(length, device=vertex.device)
    since = place.view(-1, 1, 1) - place.view(-1, 1)  # (position, start, 1)
    covers = (since >= 0) & (since <= torch.arange(longest, device=vertex.device))
    return torch.einsum("utk,...tkc->...uc", covers.to(parts.dtype), parts)


def _value(s: Tensor, plus: Callable[[Tensor], Tensor]) -> Tensor:
    """Sum over all segmentations, from the end: β_t(p) = ⊕_{d, c} s[t, d, p, c] + β_{t+d+1}(c)."""
    length, longest = s.shape[-4:-2]
    to_go = [torch.zeros_like(s[..., 0, 0, 0, :])] + [torch.full_like(s[..., 0, 0, 0, :], MASKED)] * (longest - 1)
    for t in range(length - 1, -1, -1):
        after = torch.stack(to_go[:longest], -2).unsqueeze(-2)  # (…, K, 1, C)
        terms = (s[..., t, :, :, :] + after).transpose(-3, -2)
        to_go.insert(0, plus(terms.flatten(-2)))
    return to_go[0][..., 0]


def _check(scores: Tensor) -> None:
    require_event(scores, "segmentation", _DIMS)


def _enumerate(scores: Tensor) -> Tensor:
    _check(scores)
    length, longest, count = scores.shape[-4:-1]
    counts = [1]
    for t in range(1, length + 1):
        counts.append(count * sum(counts[max(0, t - longest) : t]))
    require_enumerable(counts[-1], "segmentation")
    found = list(_cuts(length, longest, count, 0))
    vertices = scores.new_zeros(len(found), *scores.shape[-4:])
    row = [i for i, parts in enumerate(found) for _ in parts]
    place = torch.tensor([part for parts in found for part in parts], device=scores.device)
    vertices[torch.tensor(row, device=scores.device), *place.unbind(-1)] = 1
    return spread(vertices, scores, _DIMS)


def _cuts(length: int, longest: int, count: int, before: int, start: int = 0) -> Iterator[list[tuple[int, ...]]]:
    """Yield every segmentation of what is left as a list of its parts."""
    if start == length:
        yield []
    for width in range(1, min(longest, length - start) + 1):
        for label in range(count):
            for rest in _cuts(length, longest, count, label, start + width):
                yield [(start, width - 1, before, label), *rest]


_recursion = Recursion(_value, "segmentation", _DIMS, _check)
log_partition = _recursion.log_partition
segmentation = _recursion.choice(name="the choice of a segmentation", enumerate=_enumerate)
"""Choose how to cut a sequence into labelled segments.

Formula: y*(s) = argmax over segmentations y of ⟨y, s⟩; the law is p(y) ∝ exp⟨y, s⟩. O(T·K·C²), in T rounds. At a tie
the shortest first segment wins, then the lowest label, and so on from left to right (on the CPU).

`project` is by an active set of segmentations (`argrad.choices._sparsemap`); it neither compiles in full nor vmaps.
"""
