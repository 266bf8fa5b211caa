"""Where numbers that left torch go in Python: a slice of the source, from the calls that were seen to let them out.

The doctor sees a number leave torch (`.item()`, `.tolist()`, `.numpy()`), and it sees a number or a fresh tensor come
back as a summand of a loss. In between is plain Python. The slice follows assignments, loops, containers, attributes
and the results of functions by name, through the files in which something left. It ignores the order of statements
and branches, so it is only asked about operands that were seen to come from outside.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from argrad.doctor.frames import nodes_at, place_of, tree_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from argrad.doctor.frames import Site

_NO_VALUE = frozenset(["len", "range", "print", "isinstance", "type", "id", "str", "repr", "format", "hasattr"])
_FILLS = frozenset(["append", "appendleft", "extend", "insert", "add", "update", "push", "put", "setdefault"])
_ROUNDS = 12
Scope = tuple[str, ...]
"""The file, and the names of the classes and functions around, the outermost first."""
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_CALLED = frozenset(["forward", "__call__"])


class Slice:
    """The names, attributes and functions that hold something of the numbers which left torch at `origins`."""

    def __init__(self, origins: Iterable[Site]) -> None:
        origins = list(origins)
        self.origins = {_key(site) for site in origins}
        self.names: set[tuple[Scope, str]] = set()
        self.attributes: set[str] = set()
        self.functions: set[str] = set()
        self.classes: set[str] = set()
        scopes = [part for file in sorted({site.file for site in origins}) for part in _scopes(file)]
        for _ in range(_ROUNDS):
            before = len(self.names) + len(self.attributes) + len(self.functions)
            for scope, body in scopes:
                for node in _nodes(body):
                    self._follow(node, scope)
            if len(self.names) + len(self.attributes) + len(self.functions) == before:
                break
        for scope, body in scopes:
            for node in _nodes(body):
                if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)):
                    self._forget_mixed(node, scope)

    def _forget_mixed(self, node: ast.Assign | ast.AnnAssign | ast.NamedExpr, scope: Scope) -> None:
        """A name that is also given something else (`loss = loss.item()`, at the end) proves nothing."""
        if node.value is None or _is_start(node.value) or self._touched(node.value, scope):
            return
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Name):
                self.names.discard((scope, target.id))
            elif isinstance(target, ast.Attribute):
                self.attributes.discard(target.attr)

    def holds(self, operand: ast.expr, file: str, function: str) -> bool:
        """Whether an expression in a function of a file holds such a number."""
        scopes = [scope for scope, _ in _scopes(file) if scope[-1] == function] or [(file,)]
        return any(self._touched(operand, scope) for scope in scopes)

    def _follow(self, node: ast.AST, scope: Scope) -> None:
        if isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
            self._pass_on([node.iter], [node.target], scope)
        elif isinstance(node, (ast.Return, ast.Yield)):
            if node.value is not None and self._touched(node.value, scope):
                self.functions.add(scope[-1])
                self.classes.update(scope[-2:-1] if scope[-1] in _CALLED else ())
        elif isinstance(node, ast.Call):
            self._fill(node, scope)
        elif isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
            for target, value in _pairs(node.targets if isinstance(node, ast.Assign) else [node.target], node.value):
                self._pass_on([value], [target], scope)
                if _called(value) in self.classes:
                    self.functions.add(_name(target))

    def _pass_on(self, sources: list[ast.expr], targets: list[ast.expr], scope: Scope) -> None:
        if any(self._touched(source, scope) for source in sources):
            for target in targets:
                self._mark(target, scope)

    def _fill(self, call: ast.Call, scope: Scope) -> None:
        given = (*call.args, *(keyword.value for keyword in call.keywords))
        fills = isinstance(call.func, ast.Attribute) and call.func.attr in _FILLS
        if fills and any(self._touched(part, scope) for part in given):
            self._change(call.func.value, scope)  # pyrefly: ignore

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
        name = _called(node)
        if name in _NO_VALUE or name in self.functions:
            return name not in _NO_VALUE
        parts = (node.body, node.orelse) if isinstance(node, ast.IfExp) else ast.iter_child_nodes(node)
        return any(self._touched(part, scope) for part in parts)


def operand_from(cut: Slice, where: Site, *, left: bool, right: bool) -> Site | None:
    """The place of the operand that holds such a number; of a sum with a Python number, either side may be it."""
    for node in nodes_at(where):
        if not isinstance(node, (ast.BinOp, ast.AugAssign)):
            continue
        sides = [(node.left, left), (node.right, right)] if isinstance(node, ast.BinOp) else [(node.value, right)]
        asked = [side for side, may in sides if may]
        held = [side for side in asked if cut.holds(side, where.file, where.function)]
        if len(held) == 1 and not any(isinstance(side, ast.Constant) for side in asked):
            return place_of(held[0], where)
    return None


def _name(node: ast.AST) -> str:
    return getattr(node, "attr", getattr(node, "id", ""))


def _called(node: ast.AST) -> str:
    return _name(node.func) if isinstance(node, ast.Call) else ""


def _pairs(targets: list[ast.expr], value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Each target with what it is given: `a, b = x, y` is two assignments."""
    for target in targets:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            yield from zip(target.elts, value.elts, strict=True)
        else:
            yield target, value


def _is_start(value: ast.expr) -> bool:
    """What a sum or a list starts from: `0.0`, `[]`, `torch.zeros(1)`."""
    parts = (*value.args, *(k.value for k in value.keywords)) if isinstance(value, ast.Call) else (value,)
    return not any(isinstance(node, (ast.Name, ast.Attribute)) for part in parts for node in ast.walk(part))


def _key(site: Site) -> tuple[str, int, int, int, int]:
    return site.file, site.line, site.column, site.end_line, site.end_column


def _span(node: ast.expr) -> tuple[int, int, int, int]:
    return node.lineno, node.col_offset + 1, node.end_lineno or 0, (node.end_col_offset or 0) + 1


def _scopes(file: str) -> Iterator[tuple[Scope, list[ast.stmt]]]:
    tree = tree_of(file)
    todo: list[tuple[Scope, list[ast.stmt]]] = [] if tree is None else [((file,), tree.body)]
    while todo:
        scope, body = todo.pop()
        yield scope, body
        inner = [node for node in _nodes(body) if isinstance(node, _SCOPES)]
        todo.extend(((*scope, node.name), node.body) for node in inner)


def _nodes(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Everything in a body except what is inside of other functions and classes."""
    todo: list[ast.AST] = list(body)
    while todo:
        node = todo.pop()
        if not isinstance(node, _SCOPES):
            todo.extend(ast.iter_child_nodes(node))
        yield node
