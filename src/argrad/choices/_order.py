"""The order of scores, as integers: found fast, without gradient."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import torch

from argrad._checks import ScoresError, in_transform, reads_values, require_scores

if TYPE_CHECKING:
    from torch import Tensor

_LOW_WORD = 0xFFFFFFFF


def require_ordered(scores: Tensor, of: str) -> None:
    """Scores are floating point with at least one option, and, where that may be read, without NaN and +inf."""
    require_scores(scores, of)
    worst = scores.detach().amax(-1)
    if reads_values(worst) and bool((worst.isnan() | (worst == torch.inf)).any()):
        raise ScoresError(of, "be finite or -inf (a mask)", "NaN or +inf")


@torch.no_grad()
def ascending(z: Tensor) -> Tensor:
    """Give the indices that sort the last dimension, lowest first; of equal scores the lower index comes first.

    In float32 on the CPU the bits of a number and its index make one integer, and numpy, where it is installed, sorts
    those by vector instructions, three to ten times faster than pairs.
    """
    if in_transform() or not (z.dtype == torch.float32 and z.device.type == "cpu" and find_spec("numpy")):
        return z.sort(dim=-1, stable=True).indices
    bits = (z + 0.0).view(torch.int32)  # + 0.0 makes one zero of the two
    key = (bits >> 31).bitwise_and_(0x7FFFFFFF).bitwise_xor_(bits)  # integers in the order of the numbers
    packed = key.long().bitwise_left_shift_(32).bitwise_or_(torch.arange(z.shape[-1]))
    packed.numpy().sort(axis=-1)
    return packed.bitwise_and_(_LOW_WORD)


def inverse(order: Tensor) -> Tensor:
    """Give the position of each item: the inverse permutation."""
    position = torch.arange(order.shape[-1], device=order.device).expand(order.shape)
    return torch.zeros_like(order).scatter(-1, order, position)
