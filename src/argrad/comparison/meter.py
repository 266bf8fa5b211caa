"""What a call costs: seconds, and the most memory that was alive at once."""

from __future__ import annotations

import time
import weakref
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class LiveBytes(TorchDispatchMode):
    """Count the bytes of tensor memory that are alive, and their peak, above what was alive before.

    It sees each tensor that an operator returns, forward and backward; what a single operator allocates and frees
    inside itself is not seen. For the CPU, where the allocator keeps no such count.

    >>> import torch
    >>> from argrad.comparison.meter import LiveBytes
    >>> with LiveBytes() as meter:
    ...     x = torch.ones(1000) * 2
    >>> meter.peak
    8000
    """

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = 0
        self._seen: set[int] = set()

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run the operator and book what it returned."""
        given = {_address(t) for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)}
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, torch.Tensor) and _address(tensor) not in given:
                self._book(tensor)
        return out

    def _book(self, tensor: torch.Tensor) -> None:
        storage, address = tensor.untyped_storage(), _address(tensor)
        size = storage.nbytes()
        if size == 0 or address in self._seen:
            return
        self._seen.add(address)
        self.live += size
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._free, address, size)

    def _free(self, address: int, size: int) -> None:
        self._seen.discard(address)
        self.live -= size


def _address(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def peak_bytes(call: Callable[[], object], device: torch.device) -> int | None:
    """Give the most bytes that a call had alive at once, above what was there before; None where nobody counts."""
    if device.type == "cpu":
        with LiveBytes() as meter:
            call()
        return meter.peak
    if device.type != "cuda":
        return None
    torch.cuda.synchronize(device)
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    call()
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device) - before


def stopwatch(device: torch.device) -> float:
    """Give the time in seconds, after the device has finished."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
