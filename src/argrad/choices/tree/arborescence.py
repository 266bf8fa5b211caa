"""The best tree that need not be projective: Chu–Liu–Edmonds, all sentences of a batch in step.

Every round, each component takes its best arc from outside; components whose arcs form cycles are merged, and what
their arcs cost is charged to the other arcs into them. Unfolding the rounds backwards drops one arc of each cycle.

Weights are compared first by a count of what is to be avoided, masked arcs and, with a single root, root arcs; then by
score. So −inf needs no arithmetic, and no large constant takes digits from the scores.

Source: Chu & Liu 1965; Edmonds 1967; Tarjan 1977. A single root at no higher cost: Gabow & Tarjan 1984, by other means.
"""

from __future__ import annotations

import torch
from torch import Tensor

from argrad._checks import in_transform
from argrad._precision import finest
from argrad.choices._gibbs import MASKED


def best_heads(s: Tensor, *, single_root: bool) -> tuple[Tensor, Tensor]:
    """Give the head of every word (itself: the root), and whether a tree is possible: (B, n, n) → (B, n), (B,)."""
    n = s.shape[-1]
    eye = torch.eye(n, dtype=torch.bool, device=s.device)
    masked = s < MASKED / 2
    score = s.to(finest(s)).masked_fill(masked, 0)
    avoid = (eye & single_root).long() + (n + 1) * masked
    component = torch.arange(n, device=s.device).expand(s.shape[:-1])
    rounds = []
    for _ in range(n):
        word, head, cost, gain = _enter(score, avoid, component)
        rounds.append((component, word, head))
        parent = torch.where(head == word, n, component.gather(-1, head))
        cyclic, label = _cycles(parent, component)
        if not in_transform() and not cyclic.any():
            break
        charged = cyclic.gather(-1, component).unsqueeze(-1)
        score = score - torch.where(charged, gain.gather(-1, component).unsqueeze(-1), 0)
        avoid = avoid - torch.where(charged, cost.gather(-1, component).unsqueeze(-1), 0)
        component = label.gather(-1, component)
    heads = _unfold(rounds)
    return heads, ~masked.gather(-1, heads.unsqueeze(-1)).any((-2, -1)) & _rooted(heads, single_root)


def _rooted(heads: Tensor, single_root: bool) -> Tensor:
    roots = (heads == torch.arange(heads.shape[-1], device=heads.device)).sum(-1)
    return roots == 1 if single_root else roots > 0


def _enter(score: Tensor, avoid: Tensor, component: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Give each component's best arc from outside: its word, its head, and what it costs; the first at a tie."""
    n = score.shape[-1]
    eye = torch.eye(n, dtype=torch.bool, device=score.device)
    inside = (component.unsqueeze(-1) == component.unsqueeze(-2)) & ~eye
    avoid = avoid.masked_fill(inside, torch.iinfo(avoid.dtype).max)
    cost = avoid.amin(-1)
    gain, head = score.masked_fill(avoid != cost.unsqueeze(-1), -torch.inf).max(-1)
    least = torch.full_like(cost, torch.iinfo(cost.dtype).max).scatter_reduce(-1, component, cost, "amin")
    fits = cost == least.gather(-1, component)
    most = torch.full_like(gain, -torch.inf).scatter_reduce(-1, component, gain.masked_fill(~fits, -torch.inf), "amax")
    fits = fits & (gain == most.gather(-1, component))
    index = torch.arange(n, device=score.device).expand(component.shape)
    # where no component has this name, any word will do: nobody asks
    word = torch.full_like(index, n - 1).scatter_reduce(-1, component, index.masked_fill(~fits, n - 1), "amin")
    return word, head.gather(-1, word), least, most


def _cycles(parent: Tensor, component: Tensor) -> tuple[Tensor, Tensor]:
    """Say which components lie on a cycle of parents, and give each the least name on it."""
    n = parent.shape[-1]
    name = torch.arange(n, device=parent.device).expand(parent.shape)
    parent = torch.where(component.gather(-1, name) == name, parent, n)  # names that are no more hang from the root
    jump = torch.cat([parent, torch.full_like(parent[..., :1], n)], -1)
    least = torch.cat([name, torch.full_like(parent[..., :1], n)], -1)
    for _ in range(max(n - 1, 1).bit_length()):
        least = torch.minimum(least, least.gather(-1, jump))
        jump = jump.gather(-1, jump)
    on_cycle = torch.zeros_like(jump).scatter(-1, jump, 1)[..., :n] > 0  # after n jumps, only cycles are left
    return on_cycle, torch.where(on_cycle, least[..., :n], name)


def _unfold(rounds: list[tuple[Tensor, Tensor, Tensor]]) -> Tensor:
    """Take each component's arc, from the last round to the first, unless a larger one was entered through it."""
    heads = torch.full_like(rounds[0][0], -1)
    name = torch.arange(heads.shape[-1], device=heads.device)
    for component, word, head in reversed(rounds):
        entered = torch.zeros_like(heads).scatter_reduce(-1, component, (heads >= 0).long(), "amax") > 0
        takes = (component.gather(-1, name.expand(heads.shape)) == name) & ~entered
        taken = torch.full_like(heads, -1).scatter_reduce(-1, word, torch.where(takes, head, -1), "amax")
        heads = torch.where(heads >= 0, heads, taken)
    return heads
