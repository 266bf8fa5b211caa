"""The recursions of a chain, step after step or by halves; scores are finite, of shape (*batch, T−1, C, C).

β_t(i) = ⊕_j s[t, i, j] + β_{t+1}(j) takes T − 1 steps of C² sums. Products of neighbouring matrices can be formed in
parallel, in log₂ T rounds, but of C³ sums each: that pays where a step is so small that its call is what costs.

Source: Särkkä & García-Fernández 2021, "Temporal parallelization of Bayesian smoothers"; Blelloch 1990 (the scan).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from argrad._precision import finest
from argrad.choices._gibbs import MASKED

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    Plus = Callable[[Tensor, int], Tensor]  # sums over one dimension, and may overwrite the terms

_LARGEST_SUM = 2**9  # of batch · C³ numbers: up to here, on a CPU, halving was faster than stepping


_RARELY = 16


def highest(terms: Tensor, dim: int) -> Tensor:
    """Take the maximum."""
    return terms.amax(dim)


def log_sum(terms: Tensor, dim: int) -> Tensor:
    """Log Σ exp of finite terms, in their own memory."""
    high = terms.amax(dim, keepdim=True)
    return terms.sub_(high).exp_().sum(dim).log_().add_(high.squeeze(dim))


def backward_messages(s: Tensor, plus: Plus) -> tuple[Tensor, Tensor]:
    """Give β at every position but for a constant each, (*batch, T, C), and the constant at position 0: (*batch,)."""
    if halving_pays(s):
        _, to_go, shift = _by_halves(s, plus)
        return to_go, shift
    message = torch.zeros_like(s[..., 0, 0, :])
    out: list[Tensor] = [message]
    shifts: list[Tensor] = []
    for step in reversed(s.unbind(-3)):
        message, shift = _level(plus(step + message.unsqueeze(-2), -1))
        shifts.append(shift)
        out.append(message)
    return torch.stack(out[::-1], -2), _add_up(torch.cat(shifts, -1))


def best_onward(s: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Give the best score from every first tag, and for each edge the best next tag of each tag, the first at a tie."""
    if halving_pays(s):
        _, to_go, shift = _by_halves(s, highest)
        best = (s + to_go[..., 1:, None, :]).argmax(-1)
        return to_go[..., 0, :] + shift.unsqueeze(-1), list(best.unbind(-2))
    message = torch.zeros_like(s[..., 0, 0, :])
    onward: list[Tensor] = []
    shifts: list[Tensor] = []
    for step in reversed(s.unbind(-3)):
        message, pointer = (step + message.unsqueeze(-2)).max(-1)
        onward.append(pointer)
        if len(onward) % _RARELY == 0:
            message, shift = _level(message)
            shifts.append(shift)
    total = _add_up(torch.cat(shifts, -1)).unsqueeze(-1) if shifts else 0
    return message + total, onward[::-1]


def _level(message: Tensor) -> tuple[Tensor, Tensor]:
    """Take the maximum off a message, so that it keeps its digits however long the chain."""
    top = message.amax(-1, keepdim=True)
    return message - top, top


def _add_up(shifts: Tensor) -> Tensor:
    return shifts.sum(-1, dtype=finest(shifts)).to(shifts.dtype)


def law(s: Tensor) -> tuple[Tensor, Tensor]:
    """Give log Z and the edges' marginals."""
    if not halving_pays(s):
        return _filter_and_smooth(s)
    so_far, to_go, shift = _by_halves(s, log_sum)
    joint = so_far[..., :-1, :, None] + s + to_go[..., 1:, None, :]
    return to_go[..., 0, :].logsumexp(-1) + shift, joint.flatten(-2).softmax(-1).view(s.shape)


def _filter_and_smooth(s: Tensor) -> tuple[Tensor, Tensor]:
    """Filter from both ends to the middle, at once, and smooth back.

    In place, scores become p(outer tag | inner tag, scores further out), and then marginals.
    """
    edges = fold(s, log_identity=True)
    alpha = torch.zeros_like(edges[0, 0])
    shifts: list[Tensor] = []
    shares: list[Tensor] = []
    for edge in edges.unbind(0):
        edge.add_(alpha.unsqueeze(1))
        high = edge.amax(0)
        weight = edge.sub_(high).exp_().sum(0)
        shares.append(weight.reciprocal())
        top = high.amax(0)  # kept apart, so that α stays near 0 and keeps its digits
        alpha = weight.log_().add_(high).sub_(top)
        shifts.append(top)
    middle = alpha.sum(1)
    log_z = torch.stack(shifts).sum((0, 1), dtype=finest(s)).to(s.dtype) + middle.logsumexp(0)
    node = middle.softmax(0).unsqueeze(1)
    for edge, share in zip(reversed(edges.unbind(0)), reversed(shares), strict=True):
        node = edge.mul_(share * node).sum(1)
    return log_z.view(s.shape[:-3]), unfold(edges, s)


def fold(s: Tensor, *, log_identity: bool = False) -> Tensor:
    """Lay both halves of a chain side by side, from the ends to the middle: (*batch, E, C, C) → (⌈E/2⌉, C, C, 2, B).

    The batch comes last, where a sum over tags is a sum of whole rows. If the halves differ by one edge, the shorter
    one starts with zeros, or with the edge that changes nothing in log space.
    """
    *_, count, tags, _ = s.shape
    flat = s.reshape(s.shape[:-3].numel(), *s.shape[-3:]).movedim(0, -1)  # (E, C, C, B)
    half = (count + 1) // 2
    out = flat.new_empty(half, tags, tags, 2, flat.shape[-1])
    out[..., 0, :] = flat[:half]
    out[2 * half - count :, ..., 1, :] = flat[half:].flip(0).transpose(1, 2)
    if count % 2:
        start = torch.zeros_like(flat[0])
        if log_identity:
            start = start + torch.where(torch.eye(tags, device=s.device) > 0, 0, MASKED).to(s.dtype).unsqueeze(-1)
        out[0, ..., 1, :] = start
    return out


def unfold(halves: Tensor, like: Tensor) -> Tensor:
    """Undo `fold`, into memory of its own: an autograd Function must not return a view."""
    half, count = len(halves), like.shape[-3]
    out = like.new_empty(like.shape)
    flat = out.view(halves.shape[-1], *like.shape[-3:]).movedim(0, -1)
    flat[:half] = halves[..., 0, :]
    flat[half:] = halves[2 * half - count :, ..., 1, :].flip(0).transpose(1, 2)
    return out


def halving_pays(s: Tensor) -> bool:
    return s.shape[:-3].numel() * s.shape[-1] ** 3 <= _LARGEST_SUM


def _by_halves(s: Tensor, plus: Plus) -> tuple[Tensor, Tensor, Tensor]:
    """Give α and β but for a constant each, and the constant that log Z lacks.

    Halve the chain by joining edges in pairs, solve that, and fill in the positions between.
    """
    count = s.shape[-3]
    if count == 1:
        zero = torch.zeros_like(s[..., 0, :])
        to_right, to_left = (torch.cat(pair, -2) for pair in ((zero, plus(s.clone(), -2)), (plus(s.clone(), -1), zero)))
        return to_right, to_left, zero[..., 0, 0]
    if count % 2:
        stay = torch.full_like(s[..., :1, :, :], MASKED).masked_fill(torch.eye(s.shape[-1], device=s.device) > 0, 0)
        s = torch.cat([s, stay], -3)
    left, right = s[..., ::2, :, :], s[..., 1::2, :, :]
    joined, tops = _level(plus(left.unsqueeze(-1) + right.unsqueeze(-3), -2).flatten(-2))
    so_far, to_go, shift = _by_halves(joined.view(left.shape), plus)
    so_far = _between(so_far, plus(so_far[..., :-1, :, None] + left, -2))
    to_go = _between(to_go, plus(to_go[..., 1:, None, :] + right, -1))
    return so_far[..., : count + 1, :], to_go[..., : count + 1, :], shift + _add_up(tops.squeeze(-1))


def _between(even: Tensor, odd: Tensor) -> Tensor:
    pairs = torch.stack([even[..., :-1, :], odd], -2).flatten(-3, -2)
    return torch.cat([pairs, even[..., -1:, :]], -2)


def covariance(mean: Tensor, v: Tensor) -> Tensor:
    """Give Cov(mean) v for the chain that has these edge marginals, in two linear recursions.

    Formula: mean ⊙ (F_t(i) + v + B_{t+1}(j) − ⟨mean, v⟩), with F_t(i) = E[Σ_{u<t} v_u | x_t = i] and
    B_t(i) = E[Σ_{u≥t} v_u | x_t = i]: means under probabilities, so nothing overflows.

    Source: the expectation semiring, Eisner 2002; Li & Eisner 2009.
    """
    mean, v = torch.broadcast_tensors(mean, v)
    weights, p, gain = _node_weights(mean), mean.unbind(-3), v.unbind(-3)
    before = [torch.zeros_like(weights[0])]
    for edge, more, weight in zip(p, gain, weights[1:], strict=True):
        before.append((edge * (more + before[-1].unsqueeze(-1))).sum(-2) / weight)
    after = -(weights[-1] * before[-1]).sum(-1, keepdim=True)  # −⟨mean, v⟩, for all edges at once
    out = []
    for t in range(len(p) - 1, -1, -1):
        out.append(p[t] * (gain[t] + before[t].unsqueeze(-1) + after.unsqueeze(-2)))
        after = out[-1].sum(-1) / weights[t] - before[t]
    return torch.stack(out[::-1], -3)


def covariance_in_place(mean: Tensor, v: Tensor) -> Tensor:
    """Give the same, from both ends to the middle at once and back, for where no graph is recorded."""
    edges, gains = fold(mean), fold(v)
    weights = torch.cat([edges.sum(2), edges[-1:].sum(1)]).clamp_min_(torch.finfo(mean.dtype).tiny)
    p, gain, weight = edges.unbind(0), gains.unbind(0), weights.unbind(0)
    before = [torch.zeros_like(weight[0])]
    for edge, more, inward in zip(p, gain, weight[1:], strict=True):
        more.add_(before[-1].unsqueeze(1))
        before.append((edge * more).sum(0).div_(inward))
    both = before[-1].sum(1, keepdim=True)
    after = both - (weight[-1] * both).sum(0) - before[-1]
    for t in range(len(p) - 1, -1, -1):
        after = gain[t].add_(after).mul_(p[t]).sum(1).div_(weight[t]).sub_(before[t])
    return unfold(gains, v)


def _node_weights(mean: Tensor) -> tuple[Tensor, ...]:
    """Marginals of the tags at every position, never 0: what has none has no edge either."""
    nodes = torch.cat([mean[..., :1, :, :].sum(-1), mean.sum(-2)], -2)
    return nodes.clamp_min(torch.finfo(mean.dtype).tiny).unbind(-2)
