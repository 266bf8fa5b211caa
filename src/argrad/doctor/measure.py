"""What is measured of each parameter, and what status follows from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    import weakref
    from collections.abc import Sequence

    from argrad.doctor.backward import Kill
    from argrad.doctor.faint import Loss
    from argrad.doctor.frames import RawSite

TINY, USEFUL, GONE = 1e-20, 1e-8, 1e-30
SUSPECT = 1e-4
"""A parameter whose largest gradient is above this share of the best (or of 1, as the root gets) is not looked at."""
_MASK = -1e30


@dataclass
class Watched:
    """What was measured of one parameter."""

    ref: weakref.ref[Tensor]
    numel: int
    value: int
    shape: tuple[int, ...]
    name: str | None = None
    sizes: list[float | None] = field(default_factory=list)
    groups: set[int] = field(default_factory=set)
    kills: list[Kill] = field(default_factory=list)
    diagnosed: bool = False
    connected: bool = False
    cancelled: bool = False
    lost: dict[int, Loss] = field(default_factory=dict)
    arrived: bool = False
    cleared: RawSite | None = None
    best: float = 0.0
    stage: int = 0
    earlier: set[int] = field(default_factory=set)

    @property
    def values(self) -> set[int]:
        """The numbers of all the leaves that bore this name."""
        return {self.value, *self.earlier}

    @property
    def largest(self) -> float:
        """The largest entry of its gradient in all judged steps."""
        return max((size if size == size else 1.0 for size in self.sizes if size is not None), default=0.0)  # noqa: PLR0124  (NaN)

    @property
    def holds(self) -> bool:
        """Whether it ever had a gradient, be it of zeros."""
        return any(size is not None for size in self.sizes)

    @property
    def suspect(self) -> bool:
        """Whether its gradient is so small that it may have been lost by saturation, and nothing speaks against it."""
        return 0 < self.largest < SUSPECT * max(1.0, self.best) and not self.arrived


@dataclass
class Group:
    """The losses that were sent backward before one (or several) optimiser steps."""

    roots: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    silenced: bool = False


def measure(grads: Sequence[Tensor | None]) -> list[float | None]:
    """The largest magnitude in each gradient; None where there is none. One synchronisation a device."""
    sizes: dict[torch.device, list[tuple[int, Tensor]]] = {}
    found: list[float | None] = [None] * len(grads)
    with torch.no_grad():
        for number, grad in enumerate(grads):
            values = grad._values() if grad is not None and grad.is_sparse else grad  # noqa: SLF001
            if values is not None:
                size = _largest(values)
                sizes.setdefault(size.device, []).append((number, size.float()))
        for pairs in sizes.values():
            for (number, _), size in zip(pairs, torch.stack([s for _, s in pairs]).tolist(), strict=True):
                found[number] = size
    return found


def _largest(values: Tensor) -> Tensor:
    """The largest magnitude; `aminmax` is ten times as fast as a norm on a CPU."""
    if not values.numel():
        return torch.zeros((), device=values.device)
    low, high = torch.aminmax(values.abs() if values.is_complex() else values)
    return torch.maximum(-low, high)


def largest(gradient: Tensor | None) -> float:
    """The largest magnitude in a gradient, 0 if there is none; infinite if it is not a number."""
    if gradient is None:
        return 0.0
    with torch.no_grad():
        size = float(_largest(gradient._values() if gradient.is_sparse else gradient.detach()))  # noqa: SLF001
    return size if size == size else torch.inf  # noqa: PLR0124  (NaN)


def range_of(tensor: object) -> tuple[float, float] | None:
    """The smallest and largest value, without infinities and what masks attention."""
    if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
        return None
    with torch.no_grad():
        values = tensor.detach()
        if values.numel() and not _MASK < float(values.min()) <= float(values.max()) < torch.inf:
            values = values[values.isfinite() & (values > _MASK)]
        return (float(values.min()), float(values.max())) if values.numel() else None


def is_all_zero(tensor: Tensor) -> bool:
    """Whether every value is exactly 0."""
    return tensor.is_floating_point() and tensor.numel() > 0 and not tensor.detach().any()


def status_of(watched: Watched) -> str:
    """flows, zero, none or vanishing, over all judged steps."""
    largest = watched.largest
    if largest > 0:
        faded = largest <= GONE or (largest <= TINY and watched.best >= USEFUL)
        return "vanishing" if faded or (watched.suspect and watched.lost) else "flows"
    if watched.diagnosed:
        return "zero" if watched.connected else "none"
    return "zero" if watched.holds else "none"
