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
    from argrad.doctor.frames import RawSite

TINY, USEFUL, LOST = 1e-20, 1e-8, 1e-30


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
    cleared: RawSite | None = None
    best: float = 0.0


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
                size = torch.linalg.vector_norm(values, torch.inf) if values.numel() else values.new_zeros(())
                sizes.setdefault(size.device, []).append((number, size.abs().float()))
        for pairs in sizes.values():
            for (number, _), size in zip(pairs, torch.stack([s for _, s in pairs]).tolist(), strict=True):
                found[number] = size
    return found


def status_of(watched: Watched) -> str:
    """flows, zero, none or vanishing, over all judged steps."""
    sizes = [size for size in watched.sizes if size is not None]
    largest = max((size if size == size else 1.0 for size in sizes), default=0.0)  # noqa: PLR0124  (NaN)
    if largest > LOST and (largest > TINY or watched.best < USEFUL):
        return "flows"
    if largest > 0:
        return "vanishing"
    if watched.diagnosed:
        return "zero" if watched.connected else "none"
    return "zero" if sizes else "none"
