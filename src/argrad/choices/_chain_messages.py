"""The messages of a chain's forward and backward recursions, step after step or by halves.

The recursion α_{t+1}(j) = ⊕_i α_t(i) + s[t, i, j] takes T − 1 steps of C² sums. Products of neighbouring matrices can be
formed in parallel, in log₂ T rounds, but of C³ sums each: that pays where a step is so small that its call is what costs.

Source: Särkkä & García-Fernández 2021, "Temporal parallelization of Bayesian smoothers"; Blelloch 1990 (the scan).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from argrad.choices._gibbs import MASKED

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

_LARGEST_SUM = 2**14  # of batch · C³ numbers, for which halving was as fast as stepping


def messages(s: Tensor, plus: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """Give α and β at every position: (*batch, T−1, C, C) → two of (*batch, T, C). `plus` sums over dimension −2."""
    if _halving_pays(s):
        return _by_halves(s, plus)
    both = _by_steps(torch.stack([s, _mirrored(s)]), plus)
    return both[0], both[1].flip(-2)


def backward_messages(s: Tensor, plus: Callable[[Tensor], Tensor]) -> Tensor:
    """Give β alone."""
    if _halving_pays(s):
        return _by_halves(s, plus)[1]
    return _by_steps(_mirrored(s), plus).flip(-2)


def _mirrored(s: Tensor) -> Tensor:
    return s.flip(-3).mT


def _halving_pays(s: Tensor) -> bool:
    count = s.shape[-1]
    return s.shape[:-3].numel() * count**3 <= _LARGEST_SUM


def _by_steps(s: Tensor, plus: Callable[[Tensor], Tensor]) -> Tensor:
    message = torch.zeros_like(s[..., 0, 0, :])
    out = [message]
    for step in s.unbind(-3):
        message = plus(message.unsqueeze(-1) + step)
        out.append(message)
    return torch.stack(out, -2)


def _by_halves(s: Tensor, plus: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """Halve the chain by joining edges in pairs, solve that, and fill in the positions between."""
    count = s.shape[-3]
    if count == 1:
        zero = torch.zeros_like(s[..., 0, :])
        return torch.cat([zero, plus(s.clone())], -2), torch.cat([plus(s.mT.clone()), zero], -2)
    if count % 2:
        stay = torch.full_like(s[..., :1, :, :], MASKED).masked_fill(torch.eye(s.shape[-1], device=s.device) > 0, 0)
        s = torch.cat([s, stay], -3)
    left, right = s[..., ::2, :, :], s[..., 1::2, :, :]
    so_far, to_go = _by_halves(plus(left.unsqueeze(-1) + right.unsqueeze(-3)), plus)
    so_far = _between(so_far, plus(so_far[..., :-1, :, None] + left))
    to_go = _between(to_go, plus((to_go[..., 1:, None, :] + right).mT))
    return so_far[..., : count + 1, :], to_go[..., : count + 1, :]


def _between(even: Tensor, odd: Tensor) -> Tensor:
    pairs = torch.stack([even[..., :-1, :], odd], -2).flatten(-3, -2)
    return torch.cat([pairs, even[..., -1:, :]], -2)
