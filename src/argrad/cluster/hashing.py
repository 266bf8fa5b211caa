"""Random numbers that belong to a row, not to the moment it is read: any batch size, any number of processes."""

from __future__ import annotations

from typing import Final

import torch

_GOLDEN: Final = -7046029254386353131  # 0x9E3779B97F4A7C15, as signed int64
_MIX_1: Final = -4658895280553007687  # 0xBF58476D1CE4E5B9
_MIX_2: Final = -7723592293110705685  # 0x94D049BB133111EB


def uniform(seed: int, draw: int, first: int, count: int, device: torch.device | str = "cpu") -> torch.Tensor:
    """Uniform numbers in (0, 1), one for each of the rows first, first + 1, …, first + count − 1.

        u_i = (mix(mix(seed + draw) + i) + ½) / 2⁵³,   with SplitMix64's mix and its upper 53 bits

    Args:
        seed: any int.
        draw: another number for the same row.
        first: index of the first row.
        count: how many rows.
        device: where.

    Returns:
        (count,) float64.

    Source: G. L. Steele, D. Lea and C. H. Flood, *Fast splittable pseudorandom number generators*, 2014; the
    mix is their mix64variant13, D. Stafford's.

    >>> bool((uniform(0, 1, 0, 6)[2:] == uniform(0, 1, 2, 4)).all())
    True
    """
    key = _mix(_mix(_int64(seed, device)) + _int64(draw, device))
    rows = torch.arange(first, first + count, device=device)
    bits = _shift(_mix(key + rows), 11)
    return (bits.double() + 0.5) * 2.0**-53


def _int64(value: int, device: torch.device | str) -> torch.Tensor:
    return torch.tensor((value + 2**63) % 2**64 - 2**63, device=device)


def _mix(z: torch.Tensor) -> torch.Tensor:
    """SplitMix64's next output: int64 products wrap as the unsigned ones do."""
    z = z + _GOLDEN
    z = (z ^ _shift(z, 30)) * _MIX_1
    z = (z ^ _shift(z, 27)) * _MIX_2
    return z ^ _shift(z, 31)


def _shift(z: torch.Tensor, bits: int) -> torch.Tensor:
    """Logical shift to the right: the sign bit is a bit like the others."""
    return (z >> bits) & ((1 << (64 - bits)) - 1)
