"""Later stages of a script: what is handed to an optimiser after the watched steps is watched in its turn."""

from __future__ import annotations

import contextlib
import functools
import weakref
from typing import TYPE_CHECKING, Any

from torch.optim.optimizer import Optimizer

from argrad.doctor.frames import user_frames

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argrad.doctor.session import Session

STAGES = 8
"""A search over sizes makes a new model each time; so many are watched."""


@contextlib.contextmanager
def later_stages(session: Session) -> Iterator[None]:
    """Resume the session whenever an optimiser gets parameters that it has not judged; each place in the code once.

    The next fold, or the next image of an attack, comes by the same calls with the same shapes, and is no news.
    """
    stages = _Stages(session)
    original = Optimizer.add_param_group

    @functools.wraps(original)
    def add_param_group(optimizer: Optimizer, *args: Any, **kwargs: Any) -> None:
        original(optimizer, *args, **kwargs)
        stages.handed(optimizer)

    session.on_done = stages.await_idle
    Optimizer.add_param_group = add_param_group  # pyrefly: ignore
    try:
        yield
    finally:
        Optimizer.add_param_group = original  # pyrefly: ignore
        stages.close()


class _Stages:
    def __init__(self, session: Session) -> None:
        self.session = session
        self.left = STAGES
        self._met: set[Any] = set()
        self._idle = weakref.WeakSet[Optimizer]()
        self._handles: list[Any] = []

    def handed(self, optimizer: Optimizer) -> None:
        """The optimiser was made, or got more parameters."""
        try:
            calls = [(f.f_code.co_filename, f.f_code.co_firstlineno, f.f_lasti) for f in user_frames(self.session.stop)]
            met = (*calls, *(tuple(p.shape) for p in optimizer.param_groups[-1]["params"]))
            if met not in self._met:
                self._met.add(met)
                self._resume(optimizer)
        except Exception as error:  # noqa: BLE001  (never raise into the user's program)
            self.session.recorder.failures.append(error)

    def await_idle(self) -> None:
        """The watched steps are over: an optimiser that was there and never stepped may do so later."""
        for optimizer in self.session.idle_optimizers():
            if optimizer not in self._idle:
                self._idle.add(optimizer)
                self._handles.append(optimizer.register_step_post_hook(self._stepped))

    def _stepped(self, optimizer: Optimizer, _args: Any, _kwargs: Any) -> None:
        try:
            self._resume(optimizer)
        except Exception as error:  # noqa: BLE001  (never raise into the user's program)
            self.session.recorder.failures.append(error)

    def _resume(self, optimizer: Optimizer) -> None:
        if self.session.done and self.left and self.session.is_news(optimizer):
            self.left -= 1
            self.session.resume(optimizer)

    def close(self) -> None:
        """Take the hooks off."""
        for handle in self._handles:
            handle.remove()
