"""Explain what was measured: which operations cut each starved parameter, and which cuts are harmless."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from torch import nn

from argrad.doctor import families
from argrad.doctor.faint import CANCELLED, PRODUCT
from argrad.doctor.families import Family, family_of
from argrad.doctor.flow import Flow, gates_of
from argrad.doctor.frames import is_logging, resolve
from argrad.doctor.measure import status_of
from argrad.doctor.tape import FUNCTION, LEAF, NO_GRAD, SAMPLER, WRITES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from argrad.doctor.backward import Kill
    from argrad.doctor.flow import Reached
    from argrad.doctor.measure import Watched
    from argrad.doctor.session import Session
    from argrad.doctor.tape import Op, Tape


@dataclass
class Blame:
    """For one starved parameter: the operations that cut it, or why there is none to name."""

    cuts: dict[int, Family] = field(default_factory=dict)
    idle: Family | None = None
    last: int | None = None
    left: dict[int, float] = field(default_factory=dict)


def family_of_op(op: Op) -> Family:
    """The family of an operation that cuts."""
    if op.flags & FUNCTION:
        return families.FUNCTION
    return family_of(
        op.name,
        under_no_grad=bool(op.flags & NO_GRAD),
        in_sampler=bool(op.flags & SAMPLER),
        writes=bool(op.flags & WRITES),
    )


def _idle(watched: Watched, reached: Reached) -> Blame:
    if reached.alive and reached.derived is not None and not watched.cleared:
        return Blame(idle=families.DERIVATIVE, last=reached.derived)
    family = families.CLEARED if watched.cleared and reached.alive else families.UNUSED
    return Blame(idle=family, last=reached.last)


def _family_of_loss(node: str) -> Family:
    if node == CANCELLED:
        return families.CONSTANT
    return families.COLD if "Softmax" in node or "DotProduct" in node else families.SATURATION


class Blamer:
    """Explains the starved parameters of one session."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.tape: Tape = session.recorder.tape
        self.flow = Flow(self.tape, session.ledger.values)
        self._roots: dict[frozenset[int], tuple[set[int], set[int], int]] = {}

    def blame(self, watched: Watched) -> Blame:
        """What cut this starved parameter."""
        roots, wanted, end = self._losses(watched)
        reached = self.flow.search(watched.value, wanted, roots) if watched.value >= 0 else None
        if reached is None:
            return Blame(idle=families.UNUSED)
        if watched.lost or watched.kills:
            return self._saturated(watched, reached)
        if watched.largest > 0:
            return Blame(idle=families.FADED, last=reached.last)
        if watched.cancelled:
            return Blame(idle=families.CANCELLED, last=reached.last)
        if reached.alive and reached.flat and (status_of(watched) != "none" or self.session.died):
            return Blame({index: family_of_op(self.tape[index]) for index in reached.flat}, last=reached.last)
        return self._severed(watched, reached, (roots, wanted, end))

    def _severed(self, watched: Watched, reached: Reached, losses: tuple[set[int], set[int], int]) -> Blame:
        roots, wanted, end = losses
        strong = {i: out for i, out in reached.cuts.items() if i < end and not self._copied(i)}
        own = self.flow.masks[watched.value]
        passed = {i for i, out in strong.items() if self.flow.only_selects(out, own, wanted, roots)}
        strong = {i: out for i, out in strong.items() if i not in passed or len(passed) == len(strong)}
        innocent = {i for i, out in strong.items() if self._on_purpose(i, out, wanted)}
        if all(family_of_op(self.tape[i]).explicit for i in strong):
            innocent = {i for i in innocent if not self.flow.target_like(strong[i])}
        cuts = set(strong) - innocent
        if not cuts:
            cuts = innocent if reached.alive else self._escaped(watched, roots, end) or innocent
        if not cuts and reached.alive and reached.functions:
            cuts = set(reached.functions[:1])
        if not cuts:
            return _idle(watched, reached)
        flat = {index: family_of_op(self.tape[index]) for index in reached.flat if index < end}
        return Blame({**flat, **{index: family_of_op(self.tape[index]) for index in cuts}})

    def _copied(self, index: int) -> bool:
        """A deep copy is another tensor, and a module that moves to a device stays what it is."""
        near = self.tape[index].near
        return near is not None and near[0].co_filename in {copy.__file__, nn.modules.module.__file__}

    def _on_purpose(self, index: int, out: int, wanted: set[int]) -> bool:
        """Detached, and rightly: as a target, or because nothing could flow through it anyway."""
        if not family_of_op(self.tape[index]).explicit:
            return False
        return self.flow.target_like(out) or not self.flow.would_carry(out, wanted)

    def _escaped(self, watched: Watched, roots: set[int], end: int) -> set[int]:
        """Cuts on the way out of torch: the only explanation left when no recorded path leads to the loss."""
        outs = [out for out in self.flow.escapes(end) if not self._only_logged(self.tape.maker[out])]
        cuts = self.flow.search(watched.value, self.flow.ancestors(outs), roots).cuts
        return {index for index in cuts if not self._copied(index)}

    def _only_logged(self, index: int) -> bool:
        site = self.tape[index].site
        return site is not None and is_logging(resolve(site))

    def _losses(self, watched: Watched) -> tuple[set[int], set[int], int]:
        key = frozenset(watched.groups)
        if key not in self._roots:
            groups = [self.session.ledger.groups[number] for number in key]
            roots = {root for group in groups for root in group.roots if root >= 0}
            end = max((end for group in groups for end in group.ends), default=len(self.tape.ops))
            self._roots[key] = (roots, self.flow.ancestors(roots), end)
        return self._roots[key]

    # -- connected, but next to zero --------------------------------------------------------------------------

    def _saturated(self, watched: Watched, reached: Reached) -> Blame:
        blame = Blame(self._killed(watched.kills), last=reached.last)
        for loss in watched.lost.values():
            index = self.tape.op_of_node(loss.sequence)
            if loss.node == PRODUCT:
                index = next(iter(gates_of(self.tape, index)), None)
            if index is not None:
                blame.cuts[index] = _family_of_loss(loss.node)
                if loss.node != CANCELLED:
                    blame.left[index] = loss.left
        return blame

    # -- connected, but exactly zero --------------------------------------------------------------------------

    def _killed(self, kills: Iterable[Kill]) -> dict[int, Family]:
        found: dict[int, Family] = {}
        for kill in kills:
            index = self.tape.op_of_node(kill.sequence)
            if index is not None:
                where, family = self._where_zero_starts(self.tape[index], cancelled=kill.node == CANCELLED)
                found[where] = family
        return found

    def family_of_term(self, index: int) -> Family:
        """The family of a cut above a dead term: by what it is, or by the zero that was measured there."""
        op = self.tape[index]
        alive = any(self.tape.live[out] for out in self.flow.outputs[index])
        return self._zero_family(op) or families.ZERO if alive else family_of_op(op)

    def _where_zero_starts(self, op: Op, *, cancelled: bool) -> tuple[int, Family]:
        family = self._zero_family(op)
        if cancelled:
            return op.index, families.CONSTANT
        if family is not None:
            return op.index, family
        origin = self._zero_origin(op)
        return (origin.index, self._zero_family(origin) or families.ZERO) if origin else (op.index, families.ZERO)

    def _zero_family(self, op: Op) -> Family | None:
        if op.name == "unseen":
            return families.UNSEEN
        if op.flags & FUNCTION:
            return families.FUNCTION
        if op.name in families.FLAT:
            return family_of_op(op)
        if op.name in {"softmax", "log_softmax", "gumbel_softmax", "_softmax"}:
            return families.COLD
        return families.SATURATION if op.name in families.SATURATION.operations else None

    def _zero_origin(self, op: Op) -> Op | None:
        """If the other factor is exactly zero: the activation that made it so."""
        zero = self.tape.zero
        seen: set[int] = set()
        todo = [value for value in op.inputs if value in zero]
        while todo:
            value = todo.pop()
            maker = self.tape.maker[value]
            if value in seen or maker == LEAF:
                continue
            seen.add(value)
            before = [source for source in self.tape[maker].inputs if source in zero]
            if not before:
                made = self.tape[maker]
                return made if self._zero_family(made) else None
            todo.extend(before)
        return None

    # -- what is cut and does no harm -------------------------------------------------------------------------

    def others(self, harmful: set[int]) -> dict[int, tuple[str, int]]:
        """Every other cut on a way to a loss: its verdict, and its leaves as bits."""
        found: dict[int, tuple[str, int]] = {}
        for index, raw in enumerate(self.tape.ops):
            if index not in harmful and not raw[4] & FUNCTION and not self._copied(index):
                self._other(index, found)
        return found

    @cached_property
    def _wanted(self) -> set[int]:
        return self.flow.ancestors(self.session.ledger.judged_roots())

    def detached_later(self, index: int) -> bool:
        """Whether the user detaches whatever is made of this cut's results before it gets to a loss."""
        roots = self.session.ledger.judged_roots()
        return all(self.flow.only_detached(out, self._wanted, roots) for out in self._cut_values(index))

    def _cut_values(self, index: int) -> list[int]:
        """The results of an operation that lead to a loss, and that no gradient comes back from."""
        flat = self.tape[index].name in families.FLAT
        return [out for out in self.flow.outputs[index] if out in self._wanted and (flat or not self.tape.live[out])]

    def _other(self, index: int, found: dict[int, tuple[str, int]]) -> None:
        live = [value for value in self.tape[index].inputs if self.tape.live[value]]
        leaves = 0
        for value in live:
            leaves |= self.flow.masks[value]
        for out in self._cut_values(index) if leaves else ():
            verdict = "harmless" if self.flow.meets_its_own(out, leaves, self._wanted) else "partial"
            found[index] = (verdict, leaves)
