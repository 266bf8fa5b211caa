"""The best path through a chain of tags: Viterbi, forward–backward, and exact draws.

A path x_0 … x_{T−1} over C tags is the vertex y with y[t, i, j] = 1 where x_t = i and x_{t+1} = j: T − 1 edges of
C × C. Scores live on the same edges; `edges` folds scores of positions into them, `nodes` and `tags` read a vertex.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from argrad._autograd import applied
from argrad._checks import in_transform, require, require_scores
from argrad._ops import uniform
from argrad._precision import finest, full_precision
from argrad.choices._chain_messages import (
    backward_messages,
    best_onward,
    covariance,
    covariance_in_place,
    law,
    log_sum,
)
from argrad.choices._gibbs import (
    finite,
    indicate,
    lift,
    log_prob,
    require_enumerable,
    require_event,
    require_lengths,
    spread,
    unmask,
)
from argrad.choices._sparsemap import sparsemap
from argrad.choices.simplex import sparsemax
from argrad.core import Choice

_DIMS = 3


def edges(unary: Tensor, transition: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Fold scores of positions and of transitions into the scores of a chain's edges.

    Formula: s[t, i, j] = transition[t, i, j] + unary[t+1, j], and s[0, i, j] moreover + unary[0, i]. Past the end of a
    shorter sequence the last tag repeats at score 0, and nothing else is possible: the sequence's law is unchanged.

    Args:
        unary: (*batch, T, C) scores of tag c at position t; −inf is a mask.
        transition: (C, C) from row to column, or (*batch, T−1, C, C) for each edge by itself; −inf is a mask.
        lengths: (*batch,) integers in [1, T]; None: all are T.

    Returns:
        (*batch, T−1, C, C); for T = 1 one edge to a padded position.

    Raises:
        TypeError, ValueError: shapes or lengths that do not fit.

    Source: Lafferty, McCallum & Pereira 2001.

    >>> import torch
    >>> from argrad.choices.chain import chain, edges, tags
    >>> unary = torch.tensor([[0.0, 1.0], [2.0, 0.0], [0.0, 0.5]])
    >>> tags(chain.hard(edges(unary, torch.tensor([[0.0, -9.0], [0.0, 0.0]]))))
    tensor([1, 0, 0])
    """
    require_event(unary, "edges", 2, square=False)
    require_scores(transition, "edges", None, name="transition")
    *_, length, tag_count = unary.shape
    each = (length - 1, tag_count, tag_count)
    fits = transition.shape == each[1:] or (transition.ndim >= _DIMS and transition.shape[-3:] == each)
    expected = f"of shape {each[1:]} or (*batch, {', '.join(map(str, each))})"
    require(fits, "transition", "edges", expected, transition, context=f"with unary of shape {tuple(unary.shape)}")
    if length == 1:
        unary = torch.cat([unary, torch.zeros_like(unary)], -2)
        transition = unary.new_zeros(each[1:])
        lengths = unary.new_ones(unary.shape[:-2], dtype=torch.long)
    scores = transition + unary[..., 1:, None, :]
    if lengths is not None:
        require_lengths(lengths, unary.shape[:-2], length, "edges")
        stay = torch.full_like(scores, -torch.inf).masked_fill(torch.eye(tag_count, device=scores.device) > 0, 0)
        here = torch.arange(1, scores.shape[-3] + 1, device=scores.device) < lengths.unsqueeze(-1)
        scores = torch.where(here[..., None, None], scores, stay)
    first = scores[..., :1, :, :] + unary[..., :1, :, None]
    return torch.cat([first, scores[..., 1:, :, :]], -3)


def nodes(vertex: Tensor) -> Tensor:
    """Give the tags of an edge vertex as one-hot rows, or the tags' marginals of edge marginals; linear.

    Formula: n[0, i] = Σ_j y[0, i, j], n[t+1, j] = Σ_i y[t, i, j].

    Args:
        vertex: (*batch, T−1, C, C).

    Returns:
        (*batch, T, C).

    >>> import torch
    >>> from argrad.choices.chain import chain, nodes
    >>> nodes(chain.soft(torch.zeros(4, 2, 2)))[0]
    tensor([0.5000, 0.5000])
    """
    return torch.cat([vertex[..., :1, :, :].sum(-1), vertex.sum(-2)], -2)


def tags(vertex: Tensor) -> Tensor:
    """Give the tags of an edge vertex as integers: (*batch, T−1, C, C) → (*batch, T)."""
    return nodes(vertex).argmax(-1)


def each_edge(point: Tensor) -> Tensor:
    """Project every edge by itself onto its simplex: a relaxed set, like SPIGOT's for trees, which need not be a path.

    For training through long chains: `replace(chain, project=each_edge)`, by `dataclasses.replace`, costs a fraction of
    the projection onto the paths' own polytope.

    Formula: argmin ‖p − x‖² over p ≥ 0 with Σ_ij p[t, i, j] = 1 for each t.

    Args:
        point: (*batch, T−1, C, C).

    Wrong when: what enters and leaves a tag has to agree: between edges it does not.

    Source: Peng, Thomson & Smith 2018 (relaxing the constraints that couple parts).

    >>> import torch
    >>> from argrad.choices.chain import each_edge
    >>> each_edge(torch.tensor([[[1.0, 0.8], [0.0, 0.0]]]))
    tensor([[[0.6000, 0.4000],
             [0.0000, 0.0000]]])
    """
    return sparsemax(point.flatten(-2)).unflatten(-1, point.shape[-2:])


def log_partition(scores: Tensor) -> Tensor:
    """Give log Z = log Σ_y exp⟨y, s⟩ over all paths: (*batch, T−1, C, C) → (*batch,).

    Its gradient is the marginals; all derivatives are exact.

    Raises:
        TypeError, ValueError: scores of the wrong type or shape, with NaN or +inf, or without a possible path.

    >>> import torch
    >>> from argrad.choices.chain import log_partition
    >>> log_partition(torch.zeros(2, 3, 3)).exp()  # 3 tags at 3 positions
    tensor(27.0000)
    """
    require_event(scores, "chain", _DIMS)
    return unmask(_law(scores)[0], "chain")


def _soft(scores: Tensor) -> Tensor:
    require_event(scores, "chain", _DIMS)
    log_z, marginals = _law(scores)
    unmask(log_z, "chain")
    return marginals


def _hard(scores: Tensor) -> Tensor:
    """Give the best path, at a tie the first in the order of a dictionary."""
    require_event(scores, "chain", _DIMS)
    to_go, onward = best_onward(finite(scores.detach()))
    unmask(to_go.amax(-1), "chain")
    path = [to_go.argmax(-1, keepdim=True)]
    for pointer in onward:
        path.append(pointer.gather(-1, path[-1]))
    return _vertex(torch.cat(path, -1), scores)


def _sample(scores: Tensor, samples: int, generator: torch.Generator | None) -> Tensor:
    """Filter backward, draw forward."""
    require_event(scores, "chain", _DIMS)
    s = finite(scores.detach())
    to_go, shift = backward_messages(s, log_sum)
    unmask(to_go[..., 0, :].amax(-1) + shift, "chain")
    repeated = (samples, *s.shape[:-3])
    tag = _draw(to_go[..., 0, :].expand(*repeated, -1), generator)
    path = [tag]
    for step, after in zip(s.unbind(-3), to_go[..., 1:, :].unbind(-2), strict=True):
        row = tag.unsqueeze(-1).expand(*repeated, 1, s.shape[-1])
        tag = _draw(step.expand(*repeated, -1, -1).gather(-2, row).squeeze(-2) + after, generator)
        path.append(tag)
    return _vertex(torch.cat(path, -1), scores.expand(samples, *scores.shape))


def _draw(terms: Tensor, generator: torch.Generator | None) -> Tensor:
    """Draw from softmax(terms) by the inverse of the cumulative distribution: (…, C) → (…, 1)."""
    ladder = terms.softmax(-1).cumsum(-1, dtype=finest(terms))
    level = uniform(ladder[..., :1].shape, ladder, generator)
    # a level below 1 stays below the top, and above a step of no width: nothing masked is drawn
    return (ladder <= level * ladder[..., -1:]).sum(-1, keepdim=True)


def _vertex(path: Tensor, like: Tensor) -> Tensor:
    count = like.shape[-1]
    index = path[..., :-1] * count + path[..., 1:]
    return indicate(index, like.detach().flatten(-2)).unflatten(-1, (count, count))


def _law(scores: Tensor) -> tuple[Tensor, Tensor]:
    return _law_of(full_precision(scores))


def _covariance(mean: Tensor, v: Tensor) -> Tensor:
    plain = torch.is_grad_enabled() or in_transform() or mean.shape != v.shape
    return covariance(mean, v) if plain else covariance_in_place(mean, v)


class _Law(torch.autograd.Function):
    """log Z and the marginals; as d log Z = ⟨mean, ds⟩ and d mean = Cov(mean) ds, the mean is all that is kept."""

    generate_vmap_rule = True

    @staticmethod
    # pyrefly: ignore[bad-override]
    def forward(s: Tensor) -> tuple[Tensor, Tensor]:
        return law(finite(s))  # a masked edge has marginal 0, so its derivatives are 0 without help

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: tuple[Tensor, Tensor]) -> None:  # noqa: ARG004
        ctx.save_for_backward(output[1])
        ctx.save_for_forward(output[1])
        ctx.set_materialize_grads(False)

    @staticmethod
    # pyrefly: ignore[bad-override]
    def backward(ctx: Any, grad_log_z: Tensor | None, grad_mean: Tensor | None) -> Tensor | None:
        (mean,) = ctx.saved_tensors
        total = None if grad_log_z is None else grad_log_z[..., None, None, None] * mean
        if grad_mean is None:
            return total
        moved = _covariance(mean, grad_mean)
        return moved if total is None else total + moved

    @staticmethod
    # pyrefly: ignore[bad-override]
    def jvp(ctx: Any, tangent: Tensor) -> tuple[Tensor, Tensor]:
        (mean,) = ctx.saved_tensors
        return (mean * tangent).sum((-3, -2, -1)), covariance(mean, tangent)


_law_of = applied(_Law)


def _enumerate(scores: Tensor) -> Tensor:
    require_event(scores, "chain", _DIMS)
    steps, count = scores.shape[-3], scores.shape[-1]
    require_enumerable(count ** (steps + 1), "chain")
    path = torch.cartesian_prod(*[torch.arange(count, device=scores.device)] * (steps + 1))
    like = scores.new_zeros(len(path), steps, count, count)
    return spread(_vertex(path.view(len(path), -1), like), scores, _DIMS)


chain = Choice(
    hard=_hard,
    name="the choice of a path through a chain",
    event_dims=_DIMS,
    soft=_soft,
    soft_is_mean=True,
    project=partial(sparsemap, hard=_hard, event_dims=_DIMS),
    sample=_sample,
    log_prob=partial(log_prob, log_partition=log_partition, event_dims=_DIMS),
    enumerate=_enumerate,
    covariance=_covariance,
    lift=partial(lift, hard=_hard, event_dims=_DIMS),
)
