"""One watched stretch of a run: installs everything, judges each optimiser step, takes itself off."""

from __future__ import annotations

import contextlib
import weakref
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import (
    Optimizer,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from argrad.doctor.byhand import ByHand
from argrad.doctor.frames import user_frames
from argrad.doctor.ledger import Ledger
from argrad.doctor.measure import Group, status_of
from argrad.doctor.names import Names
from argrad.doctor.patches import Patches, off_the_stack, under_the_stack
from argrad.doctor.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import CodeType

    from argrad.doctor.backward import Probe, TermProbe

LOOKS = 3
"""After so many steps every optimiser and parameter has been found, if it can be found at all."""


class Session:
    """Watches until `steps` optimiser steps of each optimiser were judged."""

    def __init__(
        self, steps: int = 2, *, extend: int = 0, stop: CodeType | None = None, only_used: bool = False
    ) -> None:
        self.steps, self.extend, self.stop = steps, extend, stop
        self.only_used = only_used
        self.recorder = Recorder()
        self.names = Names()
        self.ledger = Ledger(self.recorder, self.names)
        self.by_hand = ByHand(self)
        self.done = False
        self.error: BaseException | None = None
        self.died: str | None = None
        self.interrupted: str | None = None
        self.on_done: Callable[[], None] = lambda: None
        self.handed: set[int] = set()
        self.stepped = self._inside_step = self._closure_ran = False
        self.depth = 0
        self._handles: list[Any] = []
        self._patches = Patches(self)
        self.backwards = 0

    # -- on and off -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Install the mode, the optimiser hooks and the patches."""
        self._install()
        self.recorder.__enter__()

    def _install(self) -> None:
        self.recorder.leaf_updated = self.by_hand.note_update
        self.recorder.grad_cleared = self.ledger.note_cleared
        self._patches.install()
        self._handles = [
            register_optimizer_step_pre_hook(self._before_step),
            register_optimizer_step_post_hook(self._after_step),
        ]

    def resume(self, optimizer: Optimizer) -> None:
        """Watch another stage: `steps` more steps, and this optimiser's above all."""
        self.ledger.next_stage()
        self.names.optimizers[id(optimizer)] = weakref.ref(optimizer)
        self.done = self.stepped = self.recorder.paused = False
        self._install()
        under_the_stack(self.recorder)

    def finish(self) -> None:
        """Take everything off again; what was measured stays."""
        if self.done:
            return
        with contextlib.suppress(Exception):
            if not self.ledger.parameters and self.interrupted is None:
                self.by_hand.judge(last=True)
        self.done = True
        self.recorder.paused = True
        for handle in self._handles:
            handle.remove()
        self._patches.restore()
        off_the_stack(self.recorder)
        self.on_done()

    def interrupt(self) -> None:
        """The user stopped the script: a gradient that no step has used may be half done, and is not judged."""
        steps = self.ledger.steps()
        plural = "s" if steps != 1 else ""
        if not steps:
            self.interrupted = "interrupted before the first optimiser step"
        elif self.done:
            self.interrupted = (
                f"interrupted later than the {steps} watched optimiser step{plural}; they were judged whole"
            )
        else:
            self.interrupted = f"interrupted after {steps} optimiser step{plural}; this is what was seen until then"

    # -- backward ---------------------------------------------------------------------------------------------

    def backward(
        self, roots: Sequence[Tensor], run: Callable[[], Any], *, accumulate: bool, inputs: Sequence[Tensor] = ()
    ) -> Any:
        """Run the engine on `roots`, observed; `inputs` are those of `torch.autograd.grad`."""
        functional = False
        probe: Probe | None = None
        terms: dict[int, TermProbe] = {}
        try:
            functional = not accumulate and self.by_hand.takes_gradients_of(inputs)
            probe = self._before_backward(roots, accumulate=accumulate or functional)
            terms = self.ledger.probe_terms(roots) if (accumulate or functional) and self.depth == 0 else {}
        except Exception as error:  # noqa: BLE001  (never raise into the user's program)
            self.recorder.failures.append(error)
        self.depth += 1
        try:
            with self._recording():
                result = run()
        except Exception as error:
            self._backward_failed(error, roots)
            raise
        finally:
            self.depth -= 1
            for each in (*terms.values(), *([probe] if probe else [])):
                each.detach()
        with contextlib.suppress(Exception):
            self.ledger.learn_terms(terms)
            self._after_backward(probe, accumulate=accumulate)
            if functional:
                self.by_hand.judge_taken(inputs, result)
        return result

    @contextlib.contextmanager
    def _recording(self) -> Iterator[None]:
        """The engine may run forward code again (checkpointing): record that too."""
        if self.recorder.paused or self.recorder in _stack():
            yield
        else:
            with self.recorder:
                yield

    def _before_backward(self, roots: Sequence[Tensor], *, accumulate: bool) -> Probe | None:
        if self.stepped and accumulate and self.depth == 0:
            self.ledger.groups.append(Group())
            self.stepped = False
            self.by_hand.next_step()
        self.ledger.note_losses(roots, accumulate=accumulate)
        return self.ledger.probe(roots) if self.recorder.gauge and accumulate else None

    def _after_backward(self, probe: Probe | None, *, accumulate: bool) -> None:
        self.backwards += 1
        self.by_hand.updated = False
        if probe is not None:
            self.ledger.learn(probe)
        if accumulate and self.depth == 0 and not self.ledger.judged:
            self.by_hand.judge()

    def _backward_failed(self, error: BaseException, roots: Sequence[Tensor]) -> None:
        self.error = error
        unimplemented = "derivative for" in str(error)
        if any(root.requires_grad for root in roots) and not unimplemented:
            return
        self.died = "unimplemented" if unimplemented else "constant"
        with contextlib.suppress(Exception):
            self.look()
            for optimizer in self.optimizers():
                self.ledger.judge(_trainable(optimizer))
                self.ledger.judged.setdefault(id(optimizer), 0)
            self.by_hand.judge(last=True)
            if unimplemented:
                self.ledger.predict()

    # -- steps ------------------------------------------------------------------------------------------------

    def _before_step(
        self, optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Any, Any] | None:
        if self.done or self._inside_step:
            return None
        self.names.optimizers.setdefault(id(optimizer), weakref.ref(optimizer))
        self._inside_step = True
        self._closure_ran = False
        closure = kwargs.get("closure") or (args[1] if len(args) > 1 else None)
        if callable(closure):
            wrapped = self._wrap(closure)
            self.recorder.paused = True
            if "closure" in kwargs:
                return args, {**kwargs, "closure": wrapped}
            return (args[0], wrapped, *args[2:]), kwargs
        self._judge_step(optimizer)
        self.recorder.paused = True
        return None

    def _wrap(self, closure: Callable[[], Any]) -> Callable[[], Any]:
        def observed() -> Any:
            self.recorder.paused = self.done
            self._closure_ran = True
            try:
                return closure()
            finally:
                self.recorder.paused = True

        return observed

    def _after_step(self, optimizer: Optimizer, _args: Any, _kwargs: Any) -> None:
        if self.done:
            return
        self._inside_step = False
        self.recorder.paused = False
        if self._closure_ran:
            self._judge_step(optimizer)
        self.stepped = True
        with contextlib.suppress(Exception):
            if self._enough():
                self.finish()

    def _judge_step(self, optimizer: Optimizer) -> None:
        self.recorder.paused = True
        try:
            if self.backwards or any(p.grad is not None for p in _trainable(optimizer)):
                if max(self.ledger.judged.values(), default=0) < LOOKS:
                    self.look()
                self.ledger.judge(_trainable(optimizer))
                self.ledger.judged[id(optimizer)] = self.ledger.judged.get(id(optimizer), 0) + 1
                self.ledger.aim()
        except Exception as error:  # noqa: BLE001  (never raise into the user's program)
            self.recorder.failures.append(error)
        finally:
            self.recorder.paused = False

    def _enough(self) -> bool:
        waiting = [o for o in self.optimizers() if self._waits(o)]
        total = max(self.ledger.judged.values(), default=0)
        if waiting and sum(self.ledger.judged.values()) < 20 * self.steps:
            return False
        if total < self.steps:
            return False
        return total >= self.steps + self.extend or not self.ledger.inconclusive()

    def _waits(self, optimizer: Optimizer) -> bool:
        """Not yet judged often enough; one that wraps another, judged optimiser does not count."""
        count = self.ledger.judged.get(id(optimizer), 0)
        return 0 < count < self.steps or (
            count == 0 and any(id(p) not in self.ledger.parameters for p in _trainable(optimizer))
        )

    def is_news(self, optimizer: Optimizer) -> bool:
        """Whether it trains something that was never judged, or that only starved so far."""
        known = self.ledger.parameters
        found = [(p, known.get(id(p))) for p in _trainable(optimizer)]
        return any(w is None or w.ref() is not p or status_of(w) != "flows" for p, w in found)

    def idle_optimizers(self) -> list[Optimizer]:
        """Those that were seen, and made no step since."""
        return [o for o in self.optimizers() if id(o) not in self.ledger.judged and self.is_news(o)]

    # -- names ------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Name what the user's frames hold now."""
        self.names.look(user_frames(self.stop))

    def optimizers(self) -> Iterator[Optimizer]:
        """The optimisers that were seen."""
        if self.only_used:
            return
        for ref in self.names.optimizers.values():
            optimizer = ref()
            if optimizer is not None:
                yield optimizer

    def add(self, value: nn.Module | Tensor, name: str) -> None:
        """Watch a module or a tensor that was handed over, under this name."""
        self.names.add(value, name)
        self.handed |= {id(leaf) for _, leaf in self.names.leaves()}

    def watched_tensors(self) -> list[Tensor]:
        """The leaves that were handed over."""
        return [leaf for _, leaf in self.names.leaves()]


def _trainable(optimizer: Optimizer) -> list[Tensor]:
    return [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]


def _stack() -> list[Any]:
    return torch.overrides._get_current_function_mode_stack()  # noqa: SLF001
