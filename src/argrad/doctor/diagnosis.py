"""Put measurement and explanation together into a `Report`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from argrad.doctor import families
from argrad.doctor.blame import Blame, Blamer, family_of_op
from argrad.doctor.frames import LIBRARY, Site, operation_site, owner_of, resolve
from argrad.doctor.measure import status_of
from argrad.doctor.onward import consumers, onward_of
from argrad.doctor.report import Cut, DeadTerm, Idle, Parameter, Report
from argrad.doctor.tape import LEAF
from argrad.doctor.terms import dead_terms, null_terms, outside_terms

if TYPE_CHECKING:
    from argrad.doctor.families import Family
    from argrad.doctor.measure import Watched
    from argrad.doctor.onward import Onward
    from argrad.doctor.session import Session
    from argrad.doctor.terms import Dead

_IGNORE = re.compile(r"#\s*argrad:\s*ignore(?:\[(?P<codes>[A-Z0-9, ]+)\])?\s*(?P<reason>.*)")
Key = tuple[Site, str]


class Diagnosis:
    """Collects the cuts of a session by place, so that each is said once."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.tape = session.recorder.tape
        self.blamer = Blamer(session)
        self.watched = _by_name(session)
        self.cuts: dict[Key, Cut] = {}
        self.of_op: dict[int, str] = {}
        self.idle: dict[tuple[Family, Site | None], list[str]] = {}

    def report(self) -> Report:
        """The whole verdict."""
        for name, watched in self.watched.items():
            if status_of(watched) != "flows":
                self._starved(name, self.blamer.blame(watched))
        for index, (verdict, leaves) in self.blamer.others(set(self.of_op)).items():
            self._other(index, verdict, self._names(leaves))
        terms = {(t.site.file, t.site.line, t.cuts): t for t in map(self._dead_term, self._dead()) if t is not None}
        session = self.session
        return Report(
            parameters=tuple(Parameter(name, status_of(w), w.numel, w.shape) for name, w in self.watched.items()),
            cuts=tuple(self.cuts.values()),
            dead_terms=tuple(terms.values()),
            idle=tuple(Idle(family, tuple(names), site) for (family, site), names in self.idle.items()),
            steps=session.ledger.steps(),
            silenced_loss=any(group.silenced for group in session.ledger.groups),
            error=None if session.error is None else (str(session.error) or repr(session.error)).splitlines()[0],
            interrupted=session.interrupted,
            notes=tuple(f"not recorded: {error!r}" for error in session.recorder.failures[:3]),
        )

    def _starved(self, name: str, blame: Blame) -> None:
        for index, family in blame.cuts.items():
            self._add(index, family, "harmful", (name,), blame.left.get(index))
        named = any(index in self.of_op for index in blame.cuts)
        if blame.idle is not None or not named:
            site = None if blame.last is None else self._site(blame.last)
            self.idle.setdefault((blame.idle or families.UNSEEN, site), []).append(name)

    def _other(self, index: int, verdict: str, names: tuple[str, ...]) -> None:
        """A cut that is nobody's only way; if it was made on purpose and all of its leaves train, it does no harm."""
        family = family_of_op(self.tape[index])
        train = all(status_of(self.watched[name]) == "flows" for name in names)
        if train and verdict == "partial" and self.blamer.detached_later(index):
            family = families.DETACH
        self._add(index, family, "harmless" if train and family.explicit else verdict, names)

    def _add(self, index: int, family: Family, verdict: str, names: tuple[str, ...], left: float | None = None) -> None:
        op = self.tape[index]
        site = self._site(index)
        if site is None:
            return
        old = self.cuts.get((site, op.name))
        if old is None:
            old = Cut(
                id=f"cut{len(self.cuts) + 1}",
                family=family,
                operation=op.name,
                site=site,
                verdict=verdict,
                parameters=(),
                library=resolve(op.near) if op.near and owner_of(op.near[0]) == LIBRARY else None,
                values=self.tape.ranges.get(index),
                left=left,
                onward=self._onward(index) if verdict == "harmful" and family.chooses else None,
                silenced=_silenced(site, family),
            )
        worst = min(old.verdict, verdict, key=["harmful", "partial", "harmless"].index)
        merged = tuple(dict.fromkeys((*old.parameters, *names))) if worst == verdict else old.parameters
        cause = old.family if worst == old.verdict else family
        self.cuts[(site, op.name)] = replace(old, verdict=worst, family=cause, parameters=merged)
        self.of_op[index] = old.id

    def _site(self, index: int) -> Site | None:
        op = self.tape[index]
        return operation_site(resolve(op.site), op.name) if op.site else None

    def _onward(self, index: int) -> Onward | None:
        """What keeps its gradient where the cut's result is used, if that gets to a parameter."""
        flow = self.blamer.flow
        for op, place, operand in consumers(flow, index, flow.ancestors(self.session.ledger.judged_roots())):
            names = self._names(flow.masks[operand])
            if any(status_of(self.watched[name]) == "flows" for name in names):
                return onward_of(op, place)
        return None

    def _names(self, leaves: int) -> tuple[str, ...]:
        known = self.blamer.flow.leaves
        order = [value for value, maker in enumerate(self.tape.maker) if maker == LEAF or value in known]
        names = {value: name for name, watched in self.watched.items() for value in watched.values}
        chosen = [value for bit, value in enumerate(order) if leaves >> bit & 1]
        return tuple(dict.fromkeys(names[value] for value in chosen if value in names))

    def _dead(self) -> list[Dead]:
        leaves = {value for watched in self.watched.values() for value in watched.values}
        flow, roots = self.blamer.flow, self.session.ledger.judged_roots()
        starved = {value for w in self.watched.values() if status_of(w) != "flows" for value in w.values}
        return [
            *(dead for dead in dead_terms(flow, roots, leaves) if not (dead.whole and starved)),
            *null_terms(flow, roots, self.session.ledger.null_terms, starved),
            *outside_terms(flow, roots, leaves),
        ]

    def _dead_term(self, dead: Dead) -> DeadTerm | None:
        site = dead.place or self._site(dead.enters)
        for index in dead.cuts:
            self._add(index, self.blamer.family_of_term(index), "partial", ())
        ids = tuple(dict.fromkeys(self.of_op[index] for index in dead.cuts if index in self.of_op))
        return None if site is None else DeadTerm(site, ids, dead.whole, marked=dead.place is not None)


def _by_name(session: Session) -> dict[str, Watched]:
    """The watched tensors by name; leaves that are made anew each step share a name and are merged.

    So are those of two stages, unless one starves.
    """
    merged: dict[str, Watched] = {}
    for number, watched in enumerate(session.ledger.parameters.values()):
        name = watched.name or f"parameter.{number}"
        old = merged.get(name)
        if old is not None and old.stage != watched.stage and {status_of(old), status_of(watched)} != {"flows"}:
            name = f"{name} (stage {watched.stage + 1})"
            old = merged.get(name)
        if old is None:
            merged[name] = watched
        else:
            watched.sizes = [*old.sizes, *watched.sizes]
            watched.groups |= old.groups
            watched.earlier |= old.values
            watched.best = max(watched.best, old.best)
            merged[name] = watched
    return merged


def _silenced(site: Site, family: Family) -> str | None:
    """The reason given in the source for silencing this line, if it is."""
    match = _IGNORE.search(site.text)
    if match is None:
        return None
    codes = match["codes"]
    if codes and family.code not in codes and families.DEAD_TERM.code not in codes:
        return None
    return match["reason"].strip() or "no reason given"


def diagnose(session: Session) -> Report:
    """The report on a session that has finished."""
    return Diagnosis(session).report()
