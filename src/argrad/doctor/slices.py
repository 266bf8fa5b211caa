"""Where numbers that left torch go in Python: a slice of the source, from the calls that were seen to let them out.

The doctor sees a number leave torch (`.item()`, `.tolist()`, `.numpy()`), and it sees a number or a fresh tensor come
back as a summand of a loss. In between is plain Python. The slice follows assignments, loops, containers, attributes
and the results of functions by name, through the files in which something left. It ignores the order of statements
and branches, so it is only asked about operands that were seen to come from outside.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from argrad.doctor.frames import tree_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from argrad.doctor.frames import Site

_NO_VALUE = frozenset(["len", "range", "print", "isinstance", "type", "id", "str", "repr", "format", "hasattr"])
_FILLS = frozenset(["append", "appendleft", "extend", "insert", "add", "update", "push", "put", "setdefault"])
_ROUNDS = 12
Scope = tuple[str, ...]
"""The file, and the names of the functions around, the outermost first."""
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Slice:
    """The names, attributes and functions that hold something of the numbers which left torch at `origins`."""

    def __init__(self, origins: Iterable[Site]) -> None:
        self.origins = {_key(site) for site in origins}
        self.names: set[tuple[Scope, str]] = set()
        self.attributes: set[str] = set()
        self.functions: set[str] = set()
        scopes = [part for file in sorted({site.file for site in origins}) for part in _scopes(file)]
        for _ in range(_ROUNDS):
            before = len(self.names) + len(self.attributes) + len(self.functions)
            for scope, body in scopes:
                for node in _nodes(body):
                    self._follow(node, scope)
            if len(self.names) + len(self.attributes) + len(self.functions) == before:
                break

    def holds(self, operand: ast.expr, file: str, function: str) -> bool:
        """Whether an expression in a function of a file holds such a number."""
        scopes = [scope for scope, _ in _scopes(file) if scope[-1] == function] or [(file,)]
        return any(self._touched(operand, scope) for scope in scopes)

    def _follow(self, node: ast.AST, scope: Scope) -> None:
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.NamedExpr)):
            if node.value is not None and self._touched(node.value, scope):
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    self._mark(target, scope)
        elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
            if self._touched(node.iter, scope):
                self._mark(node.target, scope)
        elif isinstance(node, (ast.Return, ast.Yield)):
            if node.value is not None and self._touched(node.value, scope):
                self.functions.add(scope[-1])
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _FILLS:
            if any(self._touched(part, scope) for part in (*node.args, *(k.value for k in node.keywords))):
                self._change(node.func.value, scope)

    def _change(self, container: ast.expr, scope: Scope) -> None:
        """What is put into a container, its owner sees too: the name may belong to a scope around."""
        for depth in range(1, len(scope) + 1):
            self._mark(container, scope[:depth])

    def _mark(self, target: ast.expr, scope: Scope) -> None:
        if isinstance(target, ast.Name):
            self.names.add((scope, target.id))
        elif isinstance(target, ast.Attribute):
            self.attributes.add(target.attr)
        elif isinstance(target, ast.Subscript):
            self._change(target.value, scope)
        elif isinstance(target, ast.Starred):
            self._mark(target.value, scope)
        elif isinstance(target, (ast.Tuple, ast.List)):
            for part in target.elts:
                self._mark(part, scope)

    def _touched(self, node: ast.AST, scope: Scope) -> bool:
        if isinstance(node, ast.expr) and (scope[0], *_span(node)) in self.origins:
            return True
        if isinstance(node, ast.Name):
            return any((scope[:depth], node.id) in self.names for depth in range(1, len(scope) + 1))
        if isinstance(node, ast.Attribute) and node.attr in self.attributes:
            return True
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in _NO_VALUE:
                return False
            if name in self.functions:
                return True
        parts = (node.body, node.orelse) if isinstance(node, ast.IfExp) else ast.iter_child_nodes(node)
        return any(self._touched(part, scope) for part in parts)


def operand_from(cut: Slice, where: Site, *, left: bool, right: bool) -> Site | None:
    """The place of the operand that holds such a number; of a sum with a Python number, either side may be it."""
    for node in _sums_at(where):
        sides = [(node.left, left), (node.right, right)] if isinstance(node, ast.BinOp) else [(node.value, right)]
        held = [side for side, asked in sides if asked and cut.holds(side, where.file, where.function)]
        literal = any(isinstance(side, ast.Constant) for side, asked in sides if asked)
        if len(held) == 1 and not literal:
            return replace(
                where, **dict(zip(("line", "column", "end_line", "end_column"), _span(held[0]), strict=True))
            )
    return None


def _sums_at(where: Site) -> Iterator[ast.BinOp | ast.AugAssign]:
    tree = tree_of(where.file)
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, (ast.BinOp, ast.AugAssign)) and _span(node) == _key(where)[1:]:
            yield node


def _key(site: Site) -> tuple[str, int, int, int, int]:
    return site.file, site.line, site.column, site.end_line, site.end_column


def _span(node: ast.expr | ast.AugAssign) -> tuple[int, int, int, int]:
    return node.lineno, node.col_offset + 1, node.end_lineno or 0, (node.end_col_offset or 0) + 1


def _scopes(file: str) -> Iterator[tuple[Scope, list[ast.stmt]]]:
    tree = tree_of(file)
    todo: list[tuple[Scope, list[ast.stmt]]] = [] if tree is None else [((file,), tree.body)]
    while todo:
        scope, body = todo.pop()
        yield scope, body
        inner = [node for node in _nodes(body) if isinstance(node, _FUNCTIONS)]
        todo.extend(((*scope, node.name), node.body) for node in inner)


def _nodes(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Everything in a body except what is inside of other functions."""
    todo: list[ast.AST] = list(body)
    while todo:
        node = todo.pop()
        if not isinstance(node, _FUNCTIONS):
            todo.extend(ast.iter_child_nodes(node))
        yield node
