"""Dead loss terms: summands of the loss that are constant to autograd."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from argrad.doctor.families import FLAT
from argrad.doctor.frames import resolve
from argrad.doctor.slices import Slice, operand_from
from argrad.doctor.tape import LEAF, OUT_LEFT, OUT_RIGHT, SCALAR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argrad.doctor.flow import Flow
    from argrad.doctor.frames import Site
    from argrad.doctor.tape import Op

_SCALES = frozenset(
    [
        "mul",
        "__mul__",
        "__rmul__",
        "div",
        "truediv",
        "__truediv__",
        "__div__",
        "neg",
        "__neg__",
        "mul_",
        "div_",
        "mean",
        "sum",
        "squeeze",
        "reshape",
        "view",
        "to",
        "float",
        "double",
        "clone",
    ]
)
_BRANCHES = frozenset(["__bool__", "__index__", "__contains__", "is_nonzero", "equal", "allclose"])
_SCALARS = frozenset(["item", "__float__", "__int__", "__complex__"])


@dataclass(frozen=True)
class Dead:
    """A constant summand: the operation that adds it (or made the whole loss), and the cuts above it."""

    enters: int
    cuts: tuple[int, ...]
    whole: bool
    place: Site | None = None


def null_terms(flow: Flow, roots: set[int], measured: dict[int, list[int]], starved: set[int]) -> list[Dead]:
    """The summands whose measured gradient was exactly 0 whenever they were summed.

    One that a coefficient of 0 switches off is meant to be so, unless a leaf starves for it.
    """
    places: dict[object, list[tuple[int, int]]] = {}
    for root in roots:
        for term, enters in summands(flow, root).items():
            off = term in flow.tape.switched_off and not flow.ancestors([term]) & starved
            if enters != LEAF and flow.tape.live[term] and not off:
                places.setdefault((flow.tape[enters].site, flow.tape[flow.tape.maker[term]].site), []).append(
                    (term, enters)
                )
    found = []
    for terms in places.values():
        if all(term in measured for term, _ in terms):
            nodes = [flow.tape.op_of_node(sequence) for sequence in measured[terms[-1][0]]]
            cuts = tuple(dict.fromkeys(node for node in nodes if node is not None))
            found.append(Dead(terms[-1][1], cuts, whole=False))
    return found


def dead_terms(flow: Flow, roots: set[int], leaves: set[int]) -> list[Dead]:
    """The summands of the losses that depend on one of the leaves and carry nothing back."""
    found: dict[tuple[int, tuple[int, ...]], Dead] = {}
    for root in sorted(root for root in roots if root >= 0):
        terms = summands(flow, root)
        for term, enters in terms.items():
            others = [other for other in terms if other != term]
            if enters == LEAF or flow.carries[term] or not _counts(flow, term, others, leaves):
                continue
            cuts = tuple(_cuts_above(flow, term))
            found[enters, cuts] = Dead(enters, cuts, not others)
    return list(found.values())


def outside_terms(flow: Flow, roots: set[int], leaves: set[int]) -> list[Dead]:
    """The summands that left torch as numbers, went through Python, and came back as constants."""
    sums = {flow.tape[index].site: index for root in sorted(roots) for index in _sums_with_outsiders(flow, root)}
    escapes = {flow.tape[flow.tape.maker[out]].site: out for out in flow.escapes(max(sums.values(), default=0))}
    slices = {out: Slice([resolve(raw)]) for raw, out in escapes.items() if raw and _is_data(flow, out, leaves)}
    found = []
    for raw, index in sums.items():
        op = flow.tape[index]
        sides = {"left": bool(op.flags & OUT_LEFT), "right": bool(op.flags & OUT_RIGHT)}
        mine = {out: piece for out, piece in slices.items() if not _echo(flow, flow.tape[flow.tape.maker[out]], op)}
        held = {out: operand_from(piece, resolve(raw), **sides) for out, piece in mine.items()} if raw else {}
        places = {out: place for out, place in held.items() if place is not None}
        if places:
            cuts = {cut for out in places for cut in _cuts_above(flow, out)}
            found.append(Dead(index, tuple(sorted(cuts)), whole=False, place=next(iter(places.values()))))
    return found


def _sums_with_outsiders(flow: Flow, root: int) -> Iterator[int]:
    todo, seen = [root], set[int]()
    while todo:
        value = todo.pop()
        maker = flow.tape.maker[value]
        if maker == LEAF or value in seen or not flow.tape.live[value]:
            continue
        seen.add(value)
        op = flow.tape[maker]
        if op.flags & (OUT_LEFT | OUT_RIGHT):
            yield maker
        if op.flags & SCALAR or op.name in _SCALES or op.name in {"stack", "cat"}:
            todo.extend(op.inputs)


def _is_data(flow: Flow, out: int, leaves: set[int]) -> bool:
    """Whether something trained left torch there as numbers (a branch on it is no number)."""
    op = flow.tape[flow.tape.maker[out]]
    return op.name not in _BRANCHES and bool(flow.ancestors(op.inputs) & leaves)


def _echo(flow: Flow, escape: Op, total: Op) -> bool:
    """The same scalar also lies behind the live side of the sum: an average or a scale of the loss itself."""
    if escape.name not in _SCALARS:
        return False
    tape = flow.tape
    source = {tape[tape.maker[value]].site for value in escape.inputs if tape.maker[value] != LEAF}
    return any(
        tape[tape.maker[value]].site in source for value in flow.ancestors(total.inputs) if tape.maker[value] != LEAF
    )


def summands(flow: Flow, root: int) -> dict[int, int]:
    """The terms of a scalar sum, through scaling by constants: each with the operation that adds it."""
    terms: dict[int, int] = {}
    todo = [(root, flow.tape.maker[root])]
    while todo:
        value, enters = todo.pop()
        maker = flow.tape.maker[value]
        parts = None if maker == LEAF else _parts(flow, flow.tape[maker])
        if parts is None:
            terms[value] = enters
        else:
            todo.extend((part, maker if len(parts) > 1 else enters) for part in parts)
    return terms


def _parts(flow: Flow, op: Op) -> list[int] | None:
    """What a sum adds up, or what a scaling scales, if that is a sum in its turn."""
    if (op.flags & SCALAR and len(op.inputs) > 1) or op.name == "stack":
        return list(op.inputs)
    if len(op.inputs) == 1 and (op.name in _SCALES or op.flags & SCALAR):
        source = flow.tape.maker[op.inputs[0]]
        inside = None if source == LEAF else _parts(flow, flow.tape[source])
        return None if inside is None else list(op.inputs)
    return None


def _counts(flow: Flow, term: int, others: list[int], leaves: set[int]) -> bool:
    """Made of trained leaves, and no echo of the other summands (`x - x.detach()`, straight-through sums)."""
    behind = flow.ancestors([term])
    return bool(behind & leaves) and not any(other in behind for other in others)


def _cuts_above(flow: Flow, term: int) -> list[int]:
    """The operations above a dead value that still read something alive."""
    tape, found = flow.tape, set[int]()
    seen, todo = {term}, [term]
    while todo:
        value = todo.pop()
        maker = tape.maker[value]
        if maker == LEAF:
            continue
        op = tape[maker]
        flat = op.name in FLAT
        for source in op.inputs:
            if flow.carries[source] and (flat or not tape.live[value]):
                found.add(maker)
            elif source not in seen and not flow.carries[source]:
                seen.add(source)
                todo.append(source)
    return sorted(found)
