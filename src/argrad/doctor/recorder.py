"""Record what depends on trainable tensors while the user's code runs."""

from __future__ import annotations

import sys
import weakref
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode

from argrad.doctor import families
from argrad.doctor import tape as tapes
from argrad.doctor.frames import call_site
from argrad.doctor.kinds import (
    DATA_SET,
    ESCAPE,
    GRAD_SET,
    INPLACE,
    PRODUCTS,
    SKIP,
    SUMS,
    has_history,
    is_trainable,
    is_view,
    kind_of,
    name_of,
    storage_key,
)
from argrad.doctor.measure import is_all_zero, range_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from argrad.doctor.frames import RawSite

_sequence: Callable[[], int] = torch._C._autograd._get_sequence_nr  # noqa: SLF001
_in_functorch: Callable[[], object] = torch._C._functorch.peek_interpreter_stack  # noqa: SLF001
MAX_OPS = 1_000_000


class Recorder(TorchFunctionMode):
    """A function mode that writes a `Tape` of everything which reads a trainable tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.tape = tapes.Tape()
        self.paused = False
        self.diagnose = self.gauge = False
        self.overheard: set[int] | None = None
        self.leaves: dict[int, weakref.ref[Tensor]] = {}
        self.leaf_updated: Callable[[], None] = lambda: None
        self.grad_cleared: Callable[[Tensor, RawSite | None], None] = lambda _leaf, _site: None
        self.failures: list[Exception] = []
        self._known: dict[int, tuple[weakref.ref[Tensor], int]] = {}
        self._kinds: dict[Any, int] = {}
        self._written: dict[int, tuple[StorageWeakRef, int]] = {}
        self._parameters: dict[int, StorageWeakRef] = {}
        self._numbers: dict[float, int] = {}
        self._range: tuple[float, float] | None = None

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run the operation, then write down what it read and made."""
        if kwargs is None:
            kwargs = {}
        if self.paused:
            if self.overheard is not None:
                self._overhear(args)
            return func(*args, **kwargs)
        kind = self._kinds.get(func)
        if kind is None:
            kind = self._kinds[func] = kind_of(func)
        if kind == SKIP:
            return func(*args, **kwargs)
        if self.gauge:
            self._range = range_of(args[0]) if args and name_of(func) in families.SATURATION.operations else None
        first = _sequence()
        result = func(*args, **kwargs)
        try:
            if _in_functorch() is None:
                self._note(func, kind, args, kwargs, result, first)
        except Exception as error:  # noqa: BLE001  (never raise into the user's program)
            self.failures.append(error)
        return result

    def _note(
        self, func: Any, kind: int, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any, first: int
    ) -> None:
        if kind == GRAD_SET:
            if args[1] is None:
                self.grad_cleared(args[0], call_site(sys._getframe(2))[0])  # noqa: SLF001
            return
        if kind == DATA_SET:
            if self._is_parameter(args[0]):
                self.leaf_updated()
            return
        inputs: list[int] = []
        self._collect(args, inputs)
        if kwargs:
            self._collect(kwargs.values(), inputs)
        if kind == INPLACE:
            self._note_write(name_of(func), args or tuple(kwargs.values()), inputs, first)
        elif inputs and len(self.tape.ops) < MAX_OPS:
            self._note_op(func, kind, inputs, args, kwargs, result, first)

    def _collect(self, values: Any, inputs: list[int]) -> None:
        for value in values:
            if isinstance(value, Tensor):
                number = self.value_of(value)
                if number >= 0:
                    inputs.append(number)
            elif isinstance(value, (list, tuple)):
                self._collect(value, inputs)
            elif isinstance(value, float) and self._numbers and value in self._numbers:
                inputs.append(self._numbers[value])

    def value_of(self, tensor: Tensor) -> int:
        """The number of the value that `tensor` holds now, or -1 if nothing trainable is in it."""
        entry = self._known.get(id(tensor))
        if entry is not None and entry[0]() is tensor:
            return self._current(tensor, entry[1])
        if is_trainable(tensor):
            return self._new_leaf(tensor)
        if has_history(tensor):
            return self._foreign(tensor)
        return self._aliased(tensor) if self._written else -1

    def _current(self, tensor: Tensor, value: int) -> int:
        if self.tape.maker[value] == tapes.LEAF:
            return value if tensor.requires_grad else -1
        if not self.tape.live[value] and has_history(tensor):
            return self._foreign(tensor)
        return max(value, self._aliased(tensor)) if self._written else value

    def _aliased(self, tensor: Tensor) -> int:
        entry = self._written.get(storage_key(tensor))
        return entry[1] if entry is not None else -1

    def _new_leaf(self, tensor: Tensor) -> int:
        value = self.tape.add_leaf()
        self._known[id(tensor)] = (weakref.ref(tensor), value)
        self.leaves[value] = weakref.ref(tensor)
        self._parameters[storage_key(tensor)] = StorageWeakRef(tensor.untyped_storage())
        return value

    def _foreign(self, tensor: Tensor) -> int:
        """A tensor with a history that the mode did not see: ask autograd for its ancestors."""
        inputs = list(self._ancestors(tensor.grad_fn))
        index = self.tape.add_op(inputs, "unseen", call_site(sys._getframe(3)), 0, 0, 0)  # noqa: SLF001
        return self._bind(tensor, index)

    def _ancestors(self, node: Any) -> set[int]:
        found: set[int] = set()
        seen: set[Any] = set()
        todo = [node]
        made: dict[int, list[int]] = {}
        for value, op in enumerate(self.tape.maker):
            made.setdefault(op, []).append(value)
        while todo and len(seen) < 10_000:  # noqa: PLR2004  (a bound on the cost, not a property)
            node = todo.pop()
            if node is None or node in seen:
                continue
            seen.add(node)
            variable = getattr(node, "variable", None)
            op = None if variable is not None else self.tape.op_of_node(node._sequence_nr())  # noqa: SLF001
            if variable is not None:
                found.add(self.value_of(variable))
            elif op is not None:
                found.update(v for v in made.get(op, ()) if self.tape.live[v])
            else:
                todo.extend(parent for parent, _ in node.next_functions)
        return found - {-1}

    def _bind(self, tensor: Tensor, op: int) -> int:
        value = self.tape.add_value(op, live=has_history(tensor))
        self._known[id(tensor)] = (weakref.ref(tensor), value)
        if self.diagnose:
            self.tape.zero.update((value,) if is_all_zero(tensor) else ())
        return value

    def _note_op(
        self,
        func: Any,
        kind: int,
        inputs: list[int],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        result: Any,
        first: int,
    ) -> None:
        name = name_of(func)
        flags = tapes.ESCAPE if kind == ESCAPE else 0
        if name in SUMS:
            flags |= self._scalar_sum(args, result) | self._from_outside(name, args, result)
        index = self._append(name, inputs, flags, first)
        if kind == ESCAPE:
            self._escape(result, index)
        elif isinstance(result, Tensor):
            value = self._bind(result, index)
            if name in PRODUCTS and any(isinstance(part, (int, float)) and part == 0 for part in args):
                self.tape.switched_off.add(value)  # by a coefficient that is 0, and known to be
            if kwargs.get("out") is result:
                self._remember_write(result, len(self.tape.maker) - 1)
        elif isinstance(result, (tuple, list)):
            for item in result:
                if isinstance(item, Tensor):
                    self._bind(item, index)
        if name == "data" and isinstance(args[0], nn.Parameter):
            self._parameters[storage_key(args[0])] = StorageWeakRef(args[0].untyped_storage())

    def _scalar_sum(self, args: tuple[Any, ...], result: Any) -> int:
        """Flag a sum of scalars, and note which of them are exactly 0: their gradient is looked at."""
        if not isinstance(result, Tensor) or result.numel() != 1:
            return 0
        for part in args:
            if isinstance(part, Tensor) and part.numel() == 1 and part.requires_grad and not part.any():
                self.tape.null_terms.add(self.value_of(part))
        return tapes.SCALAR

    def _from_outside(self, name: str, args: tuple[Any, ...], result: Any) -> int:
        """Flag the operand of a scalar sum that is a number, or a tensor that no recorded operation made."""
        if len(args) != 2 or not isinstance(result, Tensor) or result.numel() != 1:  # noqa: PLR2004
            return 0
        if isinstance(args[1], (int, float)):
            either = tapes.OUT_LEFT | tapes.OUT_RIGHT
            return 0 if not args[1] else {"sub": tapes.OUT_RIGHT, "__rsub__": tapes.OUT_LEFT}.get(name, either)
        sides = zip(args, (tapes.OUT_LEFT, tapes.OUT_RIGHT), strict=True)
        return sum(side for part, side in sides if isinstance(part, Tensor) and self.value_of(part) < 0 and part.any())

    def _append(self, name: str, inputs: list[int], flags: int, first: int) -> int:
        sites = call_site(sys._getframe(3))  # noqa: SLF001
        if not torch.is_grad_enabled():
            flags |= tapes.NO_GRAD
        near = sites[1]
        if near is not None and "distributions" in near[0].co_filename:
            flags |= tapes.SAMPLER if near[0].co_name in {"sample", "rsample"} else 0
        index = self.tape.add_op(inputs, name, sites, flags, first, _sequence())
        if self._range is not None:
            self.tape.ranges[index], self._range = self._range, None
        return index

    def _escape(self, result: Any, index: int) -> None:
        value = self.tape.add_value(index, live=False)
        if isinstance(result, float) and result not in (0.0, 1.0, -1.0):
            self._numbers[result] = value

    def _note_write(self, name: str, args: tuple[Any, ...], inputs: list[int], first: int) -> None:
        target = args[0]
        if self._is_parameter(target):
            self.leaf_updated()
            return
        if name in families.OVERWRITES and not is_view(target):
            old = self.value_of(target)
            inputs = [value for value in inputs if value != old]
        if not inputs and self._known.get(id(target)) is None:
            return
        scalar = self._scalar_sum(args[1:], target) | self._from_outside(name, args, target) if name in SUMS else 0
        index = self._append(name, inputs, tapes.WRITES | scalar, first)
        self._remember_write(target, self._bind(target, index))

    def _is_parameter(self, tensor: Any) -> bool:
        if not isinstance(tensor, Tensor):
            return True  # a list of them: the optimisers' own fused updates
        if isinstance(tensor, nn.Parameter) or is_trainable(tensor):
            return True
        entry = self._parameters.get(storage_key(tensor)) if self._parameters else None
        return entry is not None

    def _remember_write(self, target: Tensor, value: int) -> None:
        storage = target.untyped_storage()
        self._written[storage._cdata] = (StorageWeakRef(storage), value)  # noqa: SLF001

    def _overhear(self, args: tuple[Any, ...]) -> None:
        """Inside of a custom function: which leaves does it read that it was not given?"""
        try:
            self.overheard.update(self.value_of(a) for a in args if isinstance(a, Tensor) and is_trainable(a))  # pyrefly: ignore
        except Exception as error:  # noqa: BLE001  (never raise into the user's program)
            self.failures.append(error)

    def note_function(self, name: str, args: Any, result: Any, first: int, read: set[int]) -> None:
        """A custom `autograd.Function`, which the mode does not see; `read` are the leaves that it read unasked."""
        inputs: list[int] = sorted(read)
        self._collect(args, inputs)
        if not inputs:
            return
        index = self._append(name, inputs, tapes.FUNCTION, first)
        for item in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(item, Tensor):
                self._bind(item, index)

    def note_rewrap(self, name: str, source: Tensor, result: Tensor) -> None:
        """`nn.Parameter(tensor)`, `Variable(tensor)`: a leaf that holds computed values."""
        value = self.value_of(source)
        if value >= 0 and self.tape.maker[value] != tapes.LEAF:
            self._bind(result, self._append(name, [value], 0, 0))
