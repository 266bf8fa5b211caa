"""What is patched while watching, and how it is put back."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from argrad.doctor.recorder import _sequence

if TYPE_CHECKING:
    from collections.abc import Callable

    from argrad.doctor.session import Session

_INPUTS = 3  # where `torch.autograd.grad` hands the engine its inputs, after the roots


class Patches:
    """The doors that the function mode cannot see: the engine, custom functions, `nn.Parameter`, `Variable`."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._undo: list[Callable[[], None]] = []
        self._eager = False

    def install(self) -> None:
        """Put the observers in."""
        self._replace(torch.autograd, "_engine_run_backward", self._engine)
        self._replace(torch.autograd.Function, "apply", self._apply)
        self._replace(nn.Parameter, "__new__", self._new_leaf)
        self._replace(torch.autograd.Variable, "__new__", self._new_leaf)
        self._replace(torch, "compile", self._compile)
        if "torch._dynamo" in sys.modules:
            self._force_eager()

    def restore(self) -> None:
        """Put the originals back, last first."""
        while self._undo:
            self._undo.pop()()
        self._eager = False

    def _replace(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        inherited = name not in vars(owner)
        original = getattr(owner, name) if inherited else vars(owner)[name]
        setattr(owner, name, make(original))
        self._undo.append(lambda: delattr(owner, name) if inherited else setattr(owner, name, original))

    def _compile(self, original: Any) -> Any:
        def compile_later(*args: Any, **kwargs: Any) -> Any:
            if not self.session.done:
                self._force_eager()
            return original(*args, **kwargs)

        return compile_later

    def _force_eager(self) -> None:
        """Compiled regions run eagerly while they are watched, and are compiled afterwards."""
        if not self._eager:
            self._eager = True
            stance = torch.compiler.set_stance("force_eager")
            self._undo.append(lambda: stance.__exit__(None, None, None))

    def _engine(self, original: Any) -> Any:
        session = self.session

        def observed(roots: Any, *args: Any, **kwargs: Any) -> Any:
            run = lambda: original(roots, *args, **kwargs)  # noqa: E731
            if session.done or torch._C._functorch.peek_interpreter_stack() is not None:  # noqa: SLF001
                return run()
            inputs = () if kwargs.get("accumulate_grad") or len(args) <= _INPUTS else args[_INPUTS]
            return session.backward(roots, run, accumulate=bool(kwargs.get("accumulate_grad")), inputs=inputs)

        return observed

    def _apply(self, original: Any) -> Any:
        recorder = self.session.recorder

        def apply(cls: Any, *args: Any, **kwargs: Any) -> Any:
            call = original.__func__
            if recorder.paused:
                return call(cls, *args, **kwargs)
            first = _sequence()
            read = set[int]()
            recorder.paused, recorder.overheard = True, read
            try:
                result = call(cls, *args, **kwargs)
            finally:
                recorder.paused, recorder.overheard = False, None
            try:
                recorder.note_function(cls.__name__, (*args, *kwargs.values()), result, first, read)
            except Exception as error:  # noqa: BLE001  (never raise into the user's program)
                recorder.failures.append(error)
            return result

        return classmethod(apply)

    def _new_leaf(self, original: Any) -> Any:
        recorder = self.session.recorder
        make = original.__func__ if isinstance(original, staticmethod) else original

        def new(cls: Any, data: Any = None, *args: Any, **kwargs: Any) -> Any:
            result = make(cls, data, *args, **kwargs)
            if isinstance(data, Tensor) and not recorder.paused:
                try:
                    recorder.note_rewrap(cls.__name__, data, result)
                except Exception as error:  # noqa: BLE001  (never raise into the user's program)
                    recorder.failures.append(error)
            return result

        return staticmethod(new)


def under_the_stack(mode: Any) -> None:
    """Enter a function mode below the user's own, which he takes off first; torch keeps a default device lowest."""
    off_the_stack(mode)
    above = [torch.overrides._pop_mode() for _ in torch.overrides._get_current_function_mode_stack()]  # noqa: SLF001
    if above and above[-1] is getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None):  # noqa: SLF001
        torch.overrides._push_mode(above.pop())  # noqa: SLF001
    for each in (mode, *reversed(above)):
        torch.overrides._push_mode(each)  # noqa: SLF001


def off_the_stack(mode: Any) -> None:
    """Remove a function mode, wherever on the stack of modes it lies."""
    above = []
    stack = torch.overrides._get_current_function_mode_stack()  # noqa: SLF001
    if mode not in stack:
        return
    while (top := torch.overrides._pop_mode()) is not mode:  # noqa: SLF001
        above.append(top)
    for other in reversed(above):
        torch.overrides._push_mode(other)  # noqa: SLF001
