"""Name a parameter as the user would: the path from the variable that holds it."""

from __future__ import annotations

import contextlib
import inspect
import sys
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn
from torch.optim import Optimizer

from argrad.doctor.frames import loop_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import FrameType

Cost = tuple[bool, int, bool, int, int]
"""A poor name; the frame, the outermost first; an item of a plain container; the path's length; the order."""
_MAX_ITEMS = 2_000
_MAX_DEPTH = 3
_OWN_REFERENCES = 3  # the frame, the variable, the argument of getrefcount
_POOR = frozenset({"self", "cls", "_", "__class__"})


@dataclass
class Names:
    """The best name found so far for each tensor, and the optimisers in sight."""

    best: dict[int, tuple[Cost, str, weakref.ref[Tensor]]] = field(default_factory=dict)
    optimizers: dict[int, weakref.ref[Optimizer]] = field(default_factory=dict)

    def of(self, tensor: Tensor) -> str | None:
        """The tensor's name, if some variable leads to it."""
        entry = self.best.get(id(tensor))
        return entry[1] if entry is not None and entry[2]() is tensor else None

    def leaves(self) -> Iterator[tuple[str, Tensor]]:
        """Every trainable leaf that has a name."""
        for _, name, ref in self.best.values():
            tensor = ref()
            if tensor is not None:
                yield name, tensor

    def look(self, frames: Iterable[FrameType]) -> None:
        """Search the variables of the frames (innermost first) for parameters and optimisers."""
        seen: set[int] = set()
        stack = list(frames)[::-1]
        for rank, (variables, file) in enumerate(_scopes(stack)):
            loops = loop_names(file)
            for order, (name, value) in enumerate(list(variables.items())[:_MAX_ITEMS]):
                if name.isidentifier() and not name.startswith("__"):
                    with contextlib.suppress(Exception):  # a proxy of nothing raises whatever is asked of it
                        self._visit(value, name, (name in loops or name in _POOR, rank, False, 0, order), seen, 0)
        variables, value = dict[str, Any](), None
        for frame in stack:
            _forget_snapshot(frame)

    def add(self, value: nn.Module | Tensor, name: str) -> None:
        """Name what was handed over; a variable in sight names it better."""
        self._visit(value, name, (True, -1, False, 0, 0), set(), 0)

    def _offer(self, tensor: Tensor, name: str, cost: Cost) -> None:
        if not (tensor.is_leaf and tensor.requires_grad):
            return
        cost = (*cost[:2], "[" in name, name.count(".") + name.count("["), cost[4])
        entry = self.best.get(id(tensor))
        if entry is None or entry[2]() is not tensor or cost < entry[0]:
            self.best[id(tensor)] = (cost, name.replace("_orig_mod.", ""), weakref.ref(tensor))

    def _module(self, module: nn.Module, name: str, cost: Cost) -> None:
        for path, parameter in module.named_parameters():
            self._offer(parameter, f"{name}.{path}", cost)

    def _visit(self, value: Any, name: str, cost: Cost, seen: set[int], depth: int) -> None:
        if isinstance(value, Tensor):
            self._offer(value, name, cost)
        elif isinstance(value, nn.Module):
            self._module(value, name, cost)
            if depth < _MAX_DEPTH:
                self._visit_attributes(value, name, cost, seen, depth + 1)
        elif isinstance(value, Optimizer):
            self.optimizers[id(value)] = weakref.ref(value)
        elif depth < _MAX_DEPTH:
            self._visit_parts(value, name, cost, seen, depth + 1)

    def _visit_attributes(self, module: nn.Module, name: str, cost: Cost, seen: set[int], depth: int) -> None:
        """What a module holds outside of its registers: plain lists of layers, an optimiser of its own."""
        if (id(module), -depth) in seen:
            return
        seen.add((id(module), -depth))  # pyrefly: ignore
        for path, part in module.named_modules(prefix=name):
            for attribute, value in vars(part).items():
                if not attribute.startswith("_") and isinstance(value, (list, tuple, dict, nn.Module, Optimizer)):
                    self._visit(value, f"{path}.{attribute}", cost, seen, depth)

    def _visit_parts(self, value: Any, name: str, cost: Cost, seen: set[int], depth: int) -> None:
        parts = _parts(value)
        if not parts or (id(value), depth) in seen:
            return
        seen.add((id(value), depth))  # pyrefly: ignore
        for step, part in parts[:_MAX_ITEMS]:
            self._visit(part, name + step, cost, seen, depth)


def _scopes(frames: list[FrameType]) -> Iterator[tuple[dict[str, Any], str]]:
    done: set[int] = set()
    for frame in frames:
        if id(frame.f_globals) not in done:
            done.add(id(frame.f_globals))
            yield frame.f_globals, frame.f_code.co_filename
        if frame.f_locals is not frame.f_globals:
            yield frame.f_locals, frame.f_code.co_filename


def _forget_snapshot(frame: FrameType) -> None:
    """Before Python 3.13, reading a function's variables leaves a copy of them behind, which keeps tensors alive."""
    if sys.version_info >= (3, 13) or not frame.f_code.co_flags & inspect.CO_OPTIMIZED:
        return
    snapshot = frame.f_locals
    if sys.getrefcount(snapshot) <= _OWN_REFERENCES:  # otherwise the user's code holds it too, by `locals()`
        snapshot.clear()


def _parts(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, (list, tuple)):
        return [(f"[{number}]", part) for number, part in enumerate(value)]
    if isinstance(value, dict):
        return [(f"[{key!r}]", part) for key, part in value.items() if isinstance(key, (str, int))]
    home = type(value).__module__.partition(".")[0]
    if home in sys.stdlib_module_names - {"__main__"} or home in {"torch", "numpy", "builtins", "argrad"}:
        return []
    if isinstance(value, type) or not hasattr(value, "__dict__"):
        return []
    return [(f".{name}", part) for name, part in vars(value).items()]


def names_of_arguments(function: Any, inputs: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """The modules and trainable tensors among the inputs, by the names of the function's parameters."""
    try:
        names: list[str] = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        names = []
    for number, value in enumerate(inputs):
        if isinstance(value, nn.Module) or (isinstance(value, Tensor) and value.requires_grad):
            yield (names[number] if number < len(names) else f"input{number}"), value
    if isinstance(function, nn.Module):
        yield "model", function
