"""What a session has measured so far: the losses, and what each parameter got of them."""

from __future__ import annotations

import weakref
from itertools import zip_longest
from typing import TYPE_CHECKING

from argrad.doctor.backward import Probe, TermProbe
from argrad.doctor.faint import Faint
from argrad.doctor.flow import Flow, gates_of
from argrad.doctor.measure import Group, Watched, measure, status_of
from argrad.doctor.tape import LEAF
from argrad.doctor.terms import summands

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import Tensor

    from argrad.doctor.faint import Loss
    from argrad.doctor.frames import RawSite
    from argrad.doctor.names import Names
    from argrad.doctor.recorder import Recorder


class Ledger:
    """The measured facts, by the `id` of the parameter."""

    def __init__(self, recorder: Recorder, names: Names) -> None:
        self.recorder, self.names = recorder, names
        self.parameters: dict[int, Watched] = {}
        self.groups: list[Group] = [Group()]
        self.judged: dict[int, int] = {}
        self.stage = self.before = 0
        self.null_terms: dict[int, list[int]] = {}
        self.roots: dict[int, weakref.ref[Tensor]] = {}
        self.values: set[int] = set()

    def next_stage(self) -> None:
        """What was judged so far stays, whatever comes to lie at the addresses of what is gone."""
        self.before = self.steps()
        self.judged = {}
        self.parameters = {
            key if watched.ref() is not None else -1 - number: watched
            for number, (key, watched) in enumerate(self.parameters.items())
        }
        self.stage += 1
        self.groups.append(Group())
        self.aim()

    def note_losses(self, roots: Sequence[Tensor], *, accumulate: bool) -> None:
        """These tensors go backward now."""
        group = self.groups[-1]
        group.ends.append(len(self.recorder.tape.ops))
        for root in roots if accumulate else ():
            value = self.recorder.value_of(root)
            self.roots[id(root)] = weakref.ref(root)
            group.roots.append(value)
            group.silenced |= root.is_leaf and root.requires_grad and value >= 0

    def probe(self, roots: Sequence[Tensor]) -> Probe:
        """Hook the way to the parameters that got exactly nothing so far."""
        probe = Probe(frozenset(self.suspects()), Faint(self._closed_gate))
        probe.attach(roots)
        return probe

    def _closed_gate(self, sequence: int) -> bool:
        """Whether a factor of this product was made by an operation with tails."""
        return bool(gates_of(self.recorder.tape, self.recorder.tape.op_of_node(sequence)))

    def learn(self, probe: Probe) -> None:
        """Take over what a probe saw."""
        for kill in probe.kills:
            for leaf in kill.leaves:
                self.parameters[leaf].kills.append(kill)
        for leaf in probe.suspects:
            watched = self.parameters[leaf]
            watched.diagnosed = True
            watched.connected |= leaf in probe.reached
            watched.cancelled |= leaf in probe.sent
            self._learn_losses(watched, probe.lost.get(leaf))

    @staticmethod
    def _learn_losses(watched: Watched, losses: list[Loss] | None) -> None:
        if losses is not None:
            watched.arrived |= not losses
            watched.lost.update({loss.sequence: loss for loss in losses})

    def learn_terms(self, terms: dict[int, TermProbe]) -> None:
        """Take over which terms of the loss passed nothing on."""
        self.null_terms.update({value: list(term.kills) for value, term in terms.items() if not term.flows})

    def probe_terms(self, roots: Sequence[Tensor]) -> dict[int, TermProbe]:
        """Look at the gradient of each term of the loss whose value is exactly 0."""
        tape = self.recorder.tape
        probes: dict[int, TermProbe] = {}
        if not tape.null_terms:
            return {}
        flow = Flow(tape)
        for root in self.groups[-1].roots[-len(roots) :]:
            for term in set(summands(flow, root)) & tape.null_terms if root >= 0 else ():
                if tape.live[term] and tape.maker[term] != LEAF:
                    op = tape[tape.maker[term]]
                    probes[term] = TermProbe(op.first, op.last)
        return {term: probe for term, probe in probes.items() if probe.attach(roots)}

    def judge(self, tensors: Iterable[Tensor], grads: Sequence[Tensor | None] | None = None) -> None:
        """Measure the gradients that these tensors hold now, or those that were taken of them."""
        pairs = [(t, t.grad if grads is None else g) for t, g in zip_longest(tensors, grads or ())]
        pairs = [(tensor, grad) for tensor, grad in pairs if tensor.requires_grad and tensor.numel()]
        tensors, sizes = [tensor for tensor, _ in pairs], measure([grad for _, grad in pairs])
        top = max((size for size in sizes if size is not None), default=0.0)
        for tensor, size in zip(tensors, sizes, strict=True):
            watched = self._watched(tensor)
            watched.sizes.append(size)
            watched.best = max(watched.best, top)
            watched.groups.add(len(self.groups) - 1)

    def note_cleared(self, leaf: Tensor, site: RawSite | None) -> None:
        """The gradient of a leaf is set to None there."""
        if leaf.grad is None and id(leaf) in self.parameters:
            self.parameters[id(leaf)].cleared = site

    def _watched(self, tensor: Tensor) -> Watched:
        watched = self.parameters.get(id(tensor))
        if watched is None or watched.ref() is not tensor:
            value = self.recorder.value_of(tensor)
            watched = Watched(weakref.ref(tensor), tensor.numel(), value, tuple(tensor.shape))
            self.parameters[id(tensor)] = watched
            self.values.add(value)
        watched.name = self.names.of(tensor) or watched.name
        watched.stage = self.stage
        return watched

    def _present(self) -> dict[int, Watched]:
        """The parameters that this stage trains."""
        return {key: watched for key, watched in self.parameters.items() if watched.stage == self.stage}

    def suspects(self) -> list[int]:
        """The parameters whose gradient exists and is exactly zero, or so small that it may be lost."""
        return [key for key, w in self._present().items() if w.suspect or (w.holds and status_of(w) != "flows")]

    def aim(self) -> None:
        """Tell the recorder how closely to look at the next step."""
        self.recorder.gauge = bool(self.suspects())
        self.recorder.diagnose = any(status_of(watched) == "zero" for watched in self._present().values())

    def steps(self) -> int:
        """How many steps were judged: those of the optimiser that made most, or else the updates by hand."""
        groups = {group for watched in self.parameters.values() for group in watched.groups}
        return self.before + max(self.judged.values(), default=0) or len(groups)

    def inconclusive(self) -> bool:
        """Whether longer watching may change the verdict: much is idle only in the first steps."""
        return bool(self.null_terms) or any(status_of(w) != "flows" for w in self._present().values())

    def judged_roots(self) -> set[int]:
        """The losses of the steps that were judged."""
        numbers = {number for watched in self.parameters.values() for number in watched.groups}
        return {root for number in numbers for root in self.groups[number].roots if root >= 0}

    def predict(self) -> None:
        """The engine stopped half way: who would have got a gradient follows from the recorded flow."""
        flow = Flow(self.recorder.tape)
        order = [value for value, maker in enumerate(self.recorder.tape.maker) if maker == LEAF]
        reached = 0
        for root in self.groups[-1].roots:
            reached |= flow.masks[root] if root >= 0 else 0
        for watched in self._present().values():
            arrives = watched.value in order and reached >> order.index(watched.value) & 1
            watched.sizes[-1] = 1.0 if arrives else watched.sizes[-1]
