"""How many bits a number gets."""

from __future__ import annotations

import torch
from torch import Tensor

_WITHOUT_FLOAT64 = ("mps",)


def full_precision(scores: Tensor) -> Tensor:
    """Half-precision scores in float32: noise, exponentials and temperatures do not survive 8 or 11 bits."""
    return scores.float() if scores.dtype in (torch.float16, torch.bfloat16) else scores


def divide(scores: Tensor, divisor: float | Tensor) -> Tensor:
    """Divide scores, where a masked one (−inf) has no derivative in a divisor that learns: 0·∞ would be NaN."""
    if not isinstance(divisor, Tensor):
        return scores / divisor
    masked = scores == -torch.inf
    return (scores.masked_fill(masked, 0) / divisor).masked_fill(masked, -torch.inf)


def finest(like: Tensor) -> torch.dtype:
    """Give the finest floating-point dtype of a tensor's device: float64, or float32 on Apple's GPUs."""
    return torch.float32 if like.device.type in _WITHOUT_FLOAT64 else torch.float64
