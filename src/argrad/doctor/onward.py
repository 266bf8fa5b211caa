"""Where the result of a cut is consumed by something that carries gradient on: that part of the program is fine."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from argrad.doctor.frames import Site, nodes_at, place_of, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argrad.doctor.flow import Flow
    from argrad.doctor.tape import Op

_FROM_FIRST = frozenset(
    ["gather", "__getitem__", "index_select", "take", "take_along_dim", "masked_select", "select", "masked_fill"]
)
_PRODUCTS = frozenset(["mul", "__mul__", "__rmul__"])
_PLACES = {"embedding": 1, "where": 1}
_MODULES = frozenset(["torch", "F", "functional", "nn"])
_LONGEST = 30


@dataclass(frozen=True)
class Onward:
    """The place of the operand that keeps its gradient, and how the source calls it."""

    site: Site
    operand: str


def consumers(flow: Flow, cut: int, wanted: set[int]) -> Iterator[tuple[Op, int, int]]:
    """The operations that choose from, or weight, a live operand by the cut's result; with that operand."""
    seen = {out for out in flow.outputs[cut] if out in wanted}
    todo = sorted(seen)
    while todo:
        value = todo.pop(0)
        for index in flow.readers[value]:
            op = flow.tape[index]
            kept = [
                (place, other) for place, other in enumerate(op.inputs) if other not in seen and flow.carries[other]
            ]
            if kept and any(flow.carries[out] for out in flow.outputs[index]):
                yield op, *kept[0]
                continue
            fresh = [out for out in flow.outputs[index] if out in wanted and out not in seen]
            seen.update(fresh)
            todo.extend(fresh)


def onward_of(op: Op, place: int) -> Onward | None:
    """The live operand in the source, where it can be told and fits in a word or two."""
    where = resolve(op.site) if op.site else None
    for node in nodes_at(where) if where is not None else ():
        operand = _operand(node, op.name, place)
        if where is not None and operand is not None and operand.lineno == operand.end_lineno:
            text = ast.unparse(operand)
            return Onward(place_of(operand, where), text) if len(text) <= _LONGEST else None
    return None


def _operand(node: ast.AST, name: str, place: int) -> ast.expr | None:
    if isinstance(node, ast.Subscript):
        return node.value if name == "__getitem__" else None
    if isinstance(node, ast.BinOp):
        return (node.left, node.right)[place] if name in _PRODUCTS and place < 2 else None  # noqa: PLR2004
    return _argument(node, name) if isinstance(node, ast.Call) else None


def _argument(call: ast.Call, name: str) -> ast.expr | None:
    method = isinstance(call.func, ast.Attribute) and call.func.attr == name
    if method and not _is_module(call.func.value):  # pyrefly: ignore
        return call.func.value if name in _FROM_FIRST else None  # pyrefly: ignore
    if name == "embedding" and not method:
        return call.func
    place = _PLACES.get(name, 0 if name in _FROM_FIRST else None)
    return call.args[place] if place is not None and place < len(call.args) else None


def _is_module(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in _MODULES
