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

from argrad.doctor.backward import Probe, TermProbe
from argrad.doctor.flow import Flow
from argrad.doctor.frames import RawSite, user_frames
from argrad.doctor.measure import Group, Watched, measure, status_of
from argrad.doctor.names import Names
from argrad.doctor.patches import Patches, off_the_stack
from argrad.doctor.recorder import Recorder
from argrad.doctor.tape import LEAF
from argrad.doctor.terms import summands

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import CodeType


class Session:
    """Watches until `steps` optimiser steps of each optimiser were judged."""

    def __init__(
        self, steps: int = 2, *, extend: int = 0, stop: CodeType | None = None, only_used: bool = False
    ) -> None:
        self.steps, self.extend, self.stop = steps, extend, stop
        self.only_used = only_used
        self.recorder = Recorder()
        self.names = Names()
        self.parameters: dict[int, Watched] = {}
        self.groups: list[Group] = [Group()]
        self.judged: dict[int, int] = {}
        self.manual_steps = 0
        self.done = False
        self.error: BaseException | None = None
        self.died: str | None = None
        self.null_terms: dict[int, list[int]] = {}
        self.on_done: Callable[[], None] = lambda: None
        self.roots: dict[int, weakref.ref[Tensor]] = {}
        self._handed: set[int] = set()
        self._stepped = self._updated = self._inside_step = False
        self._depth = 0
        self._handles: list[Any] = []
        self._patches = Patches(self)
        self._backwards = 0

    # -- on and off -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Install the mode, the optimiser hooks and the patches."""
        self.recorder.leaf_updated = self._leaf_updated
        self.recorder.grad_cleared = self._grad_cleared
        self._patches.install()
        self._handles = [
            register_optimizer_step_pre_hook(self._before_step),
            register_optimizer_step_post_hook(self._after_step),
        ]
        self.recorder.__enter__()

    def finish(self) -> None:
        """Take everything off again; what was measured stays."""
        if self.done:
            return
        with contextlib.suppress(Exception):
            self._judge_manual(last=True)
        self.done = True
        self.recorder.paused = True
        for handle in self._handles:
            handle.remove()
        self._patches.restore()
        off_the_stack(self.recorder)
        self.on_done()

    # -- backward ---------------------------------------------------------------------------------------------

    def backward(self, roots: Sequence[Tensor], run: Callable[[], Any], *, accumulate: bool) -> Any:
        """Run the engine on `roots`, observed."""
        probe, terms = None, {}
        try:
            probe = self._before_backward(roots, accumulate=accumulate)
            terms = self._probe_terms(roots) if accumulate and self._depth == 0 else {}
        except Exception as error:  # noqa: BLE001  (never raise into the user's program)
            self.recorder.failures.append(error)
        self._depth += 1
        try:
            with self._recording():
                result = run()
        except BaseException as error:
            self._backward_failed(error, roots)
            raise
        finally:
            self._depth -= 1
            for each in (*terms.values(), *([probe] if probe else [])):
                each.detach()
        self.null_terms.update({v: list(term.kills) for v, term in terms.items() if not term.flows})
        with contextlib.suppress(Exception):
            self._after_backward(probe, accumulate=accumulate)
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
        if self._stepped and accumulate and self._depth == 0:
            self.groups.append(Group())
            self._stepped = False
            if self._updated and not self.judged:
                self.manual_steps += 1
                self._manual_enough()
        group = self.groups[-1]
        for root in roots:
            value = self.recorder.value_of(root)
            if accumulate:
                self.roots[id(root)] = weakref.ref(root)
                group.roots.append(value)
                group.silenced |= root.is_leaf and root.requires_grad and value >= 0
                group.ends.append(len(self.recorder.tape.ops))
            else:
                group.ends.append(len(self.recorder.tape.ops))
        if not self.recorder.diagnose or not accumulate:
            return None
        probe = Probe(frozenset(self._suspects()))
        probe.attach(roots)
        return probe

    def _probe_terms(self, roots: Sequence[Tensor]) -> dict[int, TermProbe]:
        """Look at the gradient of each term of the loss whose value is exactly 0."""
        tape, probes = self.recorder.tape, {}
        if not tape.null_terms:
            return {}
        flow = Flow(tape)
        for root in self.groups[-1].roots[-len(roots) :]:
            for term in set(summands(flow, root)) & tape.null_terms if root >= 0 else ():
                if tape.live[term] and tape.maker[term] != LEAF:
                    op = tape[tape.maker[term]]
                    probes[term] = TermProbe(op.first, op.last)
        return {term: probe for term, probe in probes.items() if probe.attach(roots)}

    def _after_backward(self, probe: Probe | None, *, accumulate: bool) -> None:
        self._backwards += 1
        self._updated = False
        if probe is not None:
            for kill in probe.kills:
                for leaf in kill.leaves:
                    self.parameters[leaf].kills.append(kill)
            for leaf in probe.suspects:
                self.parameters[leaf].connected |= leaf in probe.reached
                self.parameters[leaf].diagnosed = True
                self.parameters[leaf].cancelled |= leaf in probe.sent
        if accumulate and self._depth == 0 and not self.judged:
            self._judge_manual()

    def _backward_failed(self, error: BaseException, roots: Sequence[Tensor]) -> None:
        self.error = error
        unimplemented = "derivative for" in str(error)
        if any(root.requires_grad for root in roots) and not unimplemented:
            return
        self.died = "unimplemented" if unimplemented else "constant"
        with contextlib.suppress(Exception):
            self._look()
            for optimizer in self._optimizers():
                self._judge(_trainable(optimizer))
                self.judged.setdefault(id(optimizer), 0)
            self._judge_manual(last=True)
            if unimplemented:
                self._predict()

    def _predict(self) -> None:
        """The engine stopped half way: who would have got a gradient follows from the recorded flow."""
        flow = Flow(self.recorder.tape)
        order = [value for value, maker in enumerate(self.recorder.tape.maker) if maker == LEAF]
        reached = 0
        for root in self.groups[-1].roots:
            reached |= flow.masks[root] if root >= 0 else 0
        for watched in self.parameters.values():
            arrives = watched.value in order and reached >> order.index(watched.value) & 1
            watched.sizes[-1] = 1.0 if arrives else watched.sizes[-1]

    # -- steps ------------------------------------------------------------------------------------------------

    def _before_step(
        self, optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Any, Any] | None:
        if self.done or self._inside_step:
            return None
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
        self._stepped = True
        with contextlib.suppress(Exception):
            if self._enough():
                self.finish()

    def _judge_step(self, optimizer: Optimizer) -> None:
        self.recorder.paused = True
        try:
            if self._backwards or any(p.grad is not None for p in _trainable(optimizer)):
                self._look()
                self._judge(_trainable(optimizer))
                self.judged[id(optimizer)] = self.judged.get(id(optimizer), 0) + 1
                self.recorder.diagnose = bool(self._suspects())
        except Exception as error:  # noqa: BLE001  (never raise into the user's program)
            self.recorder.failures.append(error)
        finally:
            self.recorder.paused = False

    def _judge(self, tensors: Iterable[Tensor]) -> None:
        tensors = [tensor for tensor in tensors if tensor.requires_grad]
        sizes = measure([tensor.grad for tensor in tensors])
        top = max((size for size in sizes if size is not None), default=0.0)
        for tensor, size in zip(tensors, sizes, strict=True):
            watched = self._watched(tensor)
            watched.sizes.append(size)
            watched.best = max(watched.best, top)
            watched.groups.add(len(self.groups) - 1)

    def _watched(self, tensor: Tensor) -> Watched:
        watched = self.parameters.get(id(tensor))
        if watched is None or watched.ref() is not tensor:
            value = self.recorder.value_of(tensor)
            watched = Watched(weakref.ref(tensor), tensor.numel(), value, tuple(tensor.shape))
            self.parameters[id(tensor)] = watched
        watched.name = self.names.of(tensor) or watched.name
        return watched

    def _suspects(self) -> list[int]:
        return [key for key, watched in self.parameters.items() if status_of(watched) not in {"flows", "none"}]

    def _enough(self) -> bool:
        waiting = [o for o in self._optimizers() if self._waits(o)]
        total = max(self.judged.values(), default=0)
        if waiting and sum(self.judged.values()) < 20 * self.steps:
            return False
        if total < self.steps:
            return False
        return total >= self.steps + self.extend or not self._inconclusive()

    def _waits(self, optimizer: Optimizer) -> bool:
        """Not yet judged often enough; one that wraps another, judged optimiser does not count."""
        count = self.judged.get(id(optimizer), 0)
        return 0 < count < self.steps or (
            count == 0 and any(id(p) not in self.parameters for p in _trainable(optimizer))
        )

    def _inconclusive(self) -> bool:
        return bool(self.null_terms) or any(status_of(w) != "flows" for w in self.parameters.values())

    # -- scripts that update their leaves by hand -------------------------------------------------------------

    def _leaf_updated(self) -> None:
        self._updated = True

    def _manual_enough(self) -> None:
        limit = self.steps + (self.extend if self._inconclusive() else 0)
        if self.manual_steps >= limit:
            self.finish()

    def _judge_manual(self, *, last: bool = False) -> None:
        """Without optimisers, every backward is judged for every leaf that the script has in hand."""
        if self.judged or not (self._backwards or last):
            return
        if not last or not self.names.best:
            self._look()
        if list(self._optimizers()) and not last:
            return
        if not self._backwards and self.error is None:
            return
        roots = {key for key, ref in self.roots.items() if ref() is not None}
        leaves = {id(leaf): leaf for _, leaf in self.names.leaves()}
        if self.only_used:
            used = {id(ref()) for ref in self.recorder.leaves.values()} | self._handed
            leaves = {key: leaf for key, leaf in leaves.items() if key in used}
        self._judge(leaf for key, leaf in leaves.items() if key not in roots and leaf.requires_grad)
        self._stepped = True
        self.recorder.diagnose = bool(self._suspects())

    def _grad_cleared(self, leaf: Tensor, site: RawSite | None) -> None:
        if leaf.grad is None and id(leaf) in self.parameters:
            self.parameters[id(leaf)].cleared = site

    def judged_roots(self) -> set[int]:
        """The losses of the steps that were judged."""
        numbers = {number for watched in self.parameters.values() for number in watched.groups}
        return {root for number in numbers for root in self.groups[number].roots if root >= 0}

    # -- names ------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        self.names.look(user_frames(self.stop))

    def _optimizers(self) -> Iterator[Optimizer]:
        if self.only_used:
            return
        for ref in self.names.optimizers.values():
            optimizer = ref()
            if optimizer is not None:
                yield optimizer

    def add(self, value: nn.Module | Tensor, name: str) -> None:
        """Watch a module or a tensor that was handed over, under this name."""
        self.names.add(value, name)
        self._handed |= {id(leaf) for _, leaf in self.names.leaves()}

    def watched_tensors(self) -> list[Tensor]:
        """The leaves that were handed over."""
        return [leaf for _, leaf in self.names.leaves()]


def _trainable(optimizer: Optimizer) -> list[Tensor]:
    return [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]


def _stack() -> list[Any]:
    return torch.overrides._get_current_function_mode_stack()  # noqa: SLF001
