"""Where the result of a cut is consumed by something that carries gradient on: that part of the program is fine."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from argrad.doctor.frames import Site, resolve, tree_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argrad.doctor.flow import Flow
    from argrad.doctor.tape import Op

_FROM_FIRST = frozenset(
    ["gather", "__getitem__", "index_select", "take", "take_along_dim", "masked_select", "select", "masked_fill"]
)
_PRODUCTS = frozenset(["mul", "__mul__", "__rmul__"])
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
            kept = [(place, other) for place, other in enumerate(op.inputs) if other not in seen and flow.carries[other]]
            if kept and any(flow.carries[out] for out in flow.outputs[index]):
                yield op, *kept[0]
                continue
            fresh = [out for out in flow.outputs[index] if out in wanted and out not in seen]
            seen.update(fresh)
            todo.extend(fresh)


def onward_of(op: Op, place: int) -> Onward | None:
    """The live operand in the source, where it can be told and fits in a word or two."""
    where = resolve(op.site) if op.site else None
    node = _expression(where) if where is not None else None
    operand = None if node is None else _operand(node, op.name, place)
    if where is None or operand is None or operand.lineno != operand.end_lineno:
        return None
    text = ast.unparse(operand)
    line, start, end = operand.lineno, operand.col_offset + 1, (operand.end_col_offset or 0) + 1
    site = replace(where, line=line, column=start, end_line=line, end_column=end)
    return Onward(site, text) if len(text) <= _LONGEST else None


def _expression(where: Site) -> ast.expr | None:
    span = (where.line, where.column - 1, where.end_line, where.end_column - 1)
    tree = tree_of(where.file)
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, (ast.Call, ast.Subscript, ast.BinOp)):
            if (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset) == span:
                return node
    return None


def _operand(node: ast.expr, name: str, place: int) -> ast.expr | None:
    if isinstance(node, ast.Subscript):
        return node.value if name == "__getitem__" else None
    if isinstance(node, ast.BinOp):
        return (node.left, node.right)[place] if name in _PRODUCTS and place < 2 else None  # noqa: PLR2004
    if not isinstance(node, ast.Call):
        return None
    method = isinstance(node.func, ast.Attribute) and node.func.attr == name
    if method and not _is_module(node.func.value):  # pyrefly: ignore
        return node.func.value if name in _FROM_FIRST else None  # pyrefly: ignore
    if name == "embedding":
        return node.args[1] if method and len(node.args) > 1 else node.func
    if name == "where":
        return node.args[1] if len(node.args) > 2 else None  # noqa: PLR2004
    return node.args[0] if name in _FROM_FIRST and node.args else None


def _is_module(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in _MODULES
