"""The recursions of a chain, step after step or by halves; scores are finite, (*batch, T−1, C, C).

β_t(i) = ⊕_j s[t, i, j] + β_{t+1}(j) takes T − 1 steps of C² sums. Products of neighbouring matrices can be formed in
parallel, in log₂ T rounds, but of C³ sums each: that pays where a step is so small that its call is what costs.

Steps run with the batch as the last dimension, where sums over tags are sums of whole rows: several times faster.

Source: Särkkä & García-Fernández 2021, "Temporal parallelization of Bayesian smoothers"; Blelloch 1990 (the scan).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from argrad.choices._gibbs import MASKED

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    Plus = Callable[[Tensor, int], Tensor]  # sums over one dimension, and may overwrite the terms

_LARGEST_SUM = 2**14  # of batch · C³ numbers: up to here halving was faster than stepping


def highest(terms: Tensor, dim: int) -> Tensor:
    """Take the maximum."""
    return terms.amax(dim)


def log_sum(terms: Tensor, dim: int) -> Tensor:
    """log Σ exp of finite terms, in their own memory."""
    high = terms.amax(dim, keepdim=True)
    return terms.sub_(high).exp_().sum(dim).log_().add_(high.squeeze(dim))


def backward_messages(s: Tensor, plus: Plus) -> Tensor:
    """Give β at every position: (*batch, T, C)."""
    if _halving_pays(s):
        return _by_halves(s, plus)[1]
    steps = _batch_last(s)
    message = torch.zeros_like(steps[0, 0])
    out = [message]
    for step in steps.flip(0).unbind(0):
        message = plus(step + message, 1)
        out.append(message)
    return _batch_first(torch.stack(out[::-1]), s)


def law(s: Tensor) -> tuple[Tensor, Tensor]:
    """Give log Z and the edges' marginals."""
    if not _halving_pays(s):
        return _filter_and_smooth(s)
    so_far, to_go = _by_halves(s, log_sum)
    joint = so_far[..., :-1, :, None] + s + to_go[..., 1:, None, :]
    # normalised edge by edge: the rounding of a long sum does not show
    return to_go[..., 0, :].logsumexp(-1), joint.flatten(-2).softmax(-1).view(s.shape)


def _filter_and_smooth(s: Tensor) -> tuple[Tensor, Tensor]:
    """Turn scores into p(x_t | x_{t+1}, the scores up to t) on the way forward, and into marginals on the way back."""
    edges = _batch_last(s)
    edges = edges.clone() if edges.data_ptr() == s.data_ptr() else edges
    alpha = torch.zeros_like(edges[0, 0])
    shifts = []
    for edge in edges.unbind(0):
        edge.add_(alpha.unsqueeze(1))
        high = edge.amax(0)
        weight = edge.sub_(high).exp_().sum(0)
        edge.div_(weight)
        top = high.amax(0)  # kept apart, so that α stays near 0 and keeps its digits
        alpha = weight.log_().add_(high).sub_(top)
        shifts.append(top)
    log_z = torch.stack(shifts).double().sum(0).to(s.dtype) + alpha.logsumexp(0)
    node = alpha.softmax(0)
    for edge in reversed(edges.unbind(0)):
        node = edge.mul_(node).sum(1)
    return log_z.view(s.shape[:-3]), _batch_first(edges, s)


def _batch_last(s: Tensor) -> Tensor:
    """(*batch, E, C, C) → (E, C, C, B), contiguous."""
    return s.reshape(s.shape[:-3].numel(), *s.shape[-3:]).movedim(0, -1).contiguous()


def _batch_first(out: Tensor, s: Tensor) -> Tensor:
    """Go back, to memory of its own: an autograd Function must not return a view."""
    return out.movedim(-1, 0).clone(memory_format=torch.contiguous_format).view(*s.shape[:-3], *out.shape[:-1])


def _halving_pays(s: Tensor) -> bool:
    return s.shape[:-3].numel() * s.shape[-1] ** 3 <= _LARGEST_SUM


def _by_halves(s: Tensor, plus: Plus) -> tuple[Tensor, Tensor]:
    """Give α and β: halve the chain by joining edges in pairs, solve that, and fill in the positions between."""
    count = s.shape[-3]
    if count == 1:
        zero = torch.zeros_like(s[..., 0, :])
        return torch.cat([zero, plus(s.clone(), -2)], -2), torch.cat([plus(s.clone(), -1), zero], -2)
    if count % 2:
        stay = torch.full_like(s[..., :1, :, :], MASKED).masked_fill(torch.eye(s.shape[-1], device=s.device) > 0, 0)
        s = torch.cat([s, stay], -3)
    left, right = s[..., ::2, :, :], s[..., 1::2, :, :]
    so_far, to_go = _by_halves(plus(left.unsqueeze(-1) + right.unsqueeze(-3), -2), plus)
    so_far = _between(so_far, plus(so_far[..., :-1, :, None] + left, -2))
    to_go = _between(to_go, plus(to_go[..., 1:, None, :] + right, -1))
    return so_far[..., : count + 1, :], to_go[..., : count + 1, :]


def _between(even: Tensor, odd: Tensor) -> Tensor:
    pairs = torch.stack([even[..., :-1, :], odd], -2).flatten(-3, -2)
    return torch.cat([pairs, even[..., -1:, :]], -2)


def covariance(mean: Tensor, v: Tensor) -> Tensor:
    """Give Cov(mean) v for the chain that has these edge marginals, in two linear recursions.

    Formula: mean ⊙ (F_t(i) + v + B_{t+1}(j) − ⟨mean, v⟩), with F_t(i) = E[Σ_{u<t} v_u | x_t = i] and
    B_t(i) = E[Σ_{u≥t} v_u | x_t = i]: means under probabilities, so nothing overflows.

    Source: the expectation semiring, Eisner 2002; Li & Eisner 2009, section 4.
    """
    mean, v = torch.broadcast_tensors(mean, v)
    p, gain = _batch_last(mean), _batch_last(v)
    tiny = torch.finfo(p.dtype).tiny
    before = [torch.zeros_like(p[0, 0])]
    weights = [p[0].sum(1).clamp_min(tiny)]
    for edge, more in zip(p.unbind(0), gain.unbind(0), strict=True):
        weights.append(edge.sum(0).clamp_min(tiny))
        before.append((edge * (more + before[-1].unsqueeze(1))).sum(0) / weights[-1])
    after = -(weights[-1] * before[-1]).sum(0, keepdim=True)  # −⟨mean, v⟩, for all edges at once
    out = []
    for t in range(len(p) - 1, -1, -1):
        out.append(p[t] * (gain[t] + before[t].unsqueeze(1) + after))
        after = out[-1].sum(1) / weights[t] - before[t]
    return _batch_first(torch.stack(out[::-1]), mean)


def covariance_in_place(mean: Tensor, v: Tensor) -> Tensor:
    """Give the same in the memory of one copy of v, for where no graph is recorded."""
    p, gain = _batch_last(mean), _batch_last(v)
    gain = gain.clone() if gain.data_ptr() == v.data_ptr() else gain
    tiny = torch.finfo(p.dtype).tiny
    weights = torch.cat([p[:1].sum(2), p.sum(1)]).clamp_min_(tiny)
    before = [torch.zeros_like(p[0, 0])]
    for edge, more, weight in zip(p.unbind(0), gain.unbind(0), weights[1:].unbind(0), strict=True):
        more.add_(before[-1].unsqueeze(1))
        before.append((edge * more).sum(0).div_(weight))
    after = -(weights[-1] * before[-1]).sum(0, keepdim=True)
    for t in range(len(p) - 1, -1, -1):
        after = gain[t].add_(after).mul_(p[t]).sum(1).div_(weights[t]).sub_(before[t])
    return _batch_first(gain, mean)
