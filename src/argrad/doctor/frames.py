"""Where in the user's code an operation was called: frames, sites, and the text around them."""

from __future__ import annotations

import ast
import linecache
import os
import site
import sys
import sysconfig
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FrameType

_TORCH = str(Path(torch.__file__).parent) + os.sep
_OURS = str(Path(__file__).parent.parent) + os.sep
_paths = sysconfig.get_paths()
_LIBRARIES = tuple(
    str(Path(p).resolve()) + os.sep
    for p in {_paths["stdlib"], _paths["platstdlib"], _paths["purelib"], _paths["platlib"]}
    | {*site.getsitepackages(), site.getusersitepackages()}
)
_INTERACTIVE = ("<stdin>", "<ipython", "<string>", "<doctest")
_extra_roots: list[str] = []
_owner: dict[int, tuple[CodeType, int]] = {}
TORCH, LIBRARY, USER = 0, 1, 2

RawSite = tuple["CodeType", int]


def treat_as_user(root: str) -> None:
    """Count the files below `root` as the user's, wherever they are installed (for ``-m package``)."""
    _extra_roots.append(str(Path(root).resolve()) + os.sep)
    _owner.clear()


def owner_of(code: CodeType) -> int:
    """Whose code it is: torch's own, another library's, or the user's."""
    entry = _owner.get(id(code))  # not by equality: equal code of two files is equal in Python
    if entry is None or entry[0] is not code:
        entry = _owner[id(code)] = (code, _classify(code.co_filename))
    return entry[1]


def _classify(file: str) -> int:
    if file.startswith("<"):
        return USER if file.startswith(_INTERACTIVE) else TORCH
    if file.startswith((_TORCH, _OURS)):
        return TORCH
    path = file if os.path.isabs(file) else os.path.abspath(file)  # noqa: PTH100, PTH117  (hot, and no symlink chase)
    if path.startswith(tuple(_extra_roots)) if _extra_roots else False:
        return USER
    return LIBRARY if path.startswith(_LIBRARIES) or f"{os.sep}site-packages{os.sep}" in path else USER


def call_site(frame: FrameType | None) -> tuple[RawSite | None, RawSite | None]:
    """The innermost frame of the user, and the library frame that it called, if the two differ."""
    near: RawSite | None = None
    far: RawSite | None = None
    while frame is not None:
        owner = owner_of(frame.f_code)
        if owner == USER:
            return (frame.f_code, frame.f_lasti), near or far
        if owner == LIBRARY and near is None:
            near = (frame.f_code, frame.f_lasti)
        if far is None and not frame.f_code.co_filename.startswith(_OURS):
            far = (frame.f_code, frame.f_lasti)
        frame = frame.f_back
    return near, far


def user_frames(stop: CodeType | None = None) -> Iterator[FrameType]:
    """The user's frames from the innermost outwards, up to the one that runs `stop`."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  (the only way to a frame)
    while frame is not None and frame.f_code is not stop:
        if owner_of(frame.f_code) == USER:
            yield frame
        frame = frame.f_back


@dataclass(frozen=True)
class Site:
    """A place in a file: lines and columns count from 1; `end` columns are exclusive."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    function: str

    @property
    def text(self) -> str:
        """The source line, without its newline."""
        return linecache.getline(self.file, self.line).rstrip("\n")


def resolve(raw: RawSite) -> Site:
    """Line and column of the very expression that was running (PEP 657 positions)."""
    return _resolve(raw[0].co_filename, *raw)


@lru_cache(maxsize=100_000)
def _resolve(file: str, code: CodeType, last: int) -> Site:
    positions = list(code.co_positions())
    line, end_line, column, end_column = positions[last // 2] if 0 <= last // 2 < len(positions) else (None,) * 4
    line = line or code.co_firstlineno
    return Site(
        file,
        line,
        (column or 0) + 1,
        end_line or line,
        (end_column or 0) + 1,
        code.co_name,
    )


_LOGGERS = frozenset(
    [
        "print",
        "info",
        "debug",
        "warning",
        "log",
        "log_dict",
        "add_scalar",
        "add_scalars",
        "add_histogram",
        "set_postfix",
        "set_description",
        "write",
        "report",
        "record",
        "format",
    ]
)


@lru_cache(maxsize=256)
def tree_of(file: str) -> ast.Module | None:
    """The parsed source of a file, if it can be read."""
    try:
        return ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return None


def nodes_at(where: Site) -> Iterator[ast.expr | ast.AugAssign]:
    """The expressions (or `x += y`) that span exactly this place."""
    tree = tree_of(where.file)
    span = where.line, where.column - 1, where.end_line, where.end_column - 1
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, (ast.expr, ast.AugAssign)) and _span(node) == span:
            yield node


def _span(node: ast.expr | ast.AugAssign) -> tuple[int, int, int | None, int | None]:
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset


def place_of(node: ast.expr, within: Site) -> Site:
    """The place of a part of an expression."""
    line, column, end_line, end_column = _span(node)
    return Site(within.file, line, column + 1, end_line or line, (end_column or column) + 1, within.function)


@lru_cache(maxsize=4096)
def is_logging(where: Site) -> bool:
    """Whether the expression only feeds a print, a log call or an f-string."""
    tree = tree_of(where.file)
    return tree is not None and any(
        _says(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.expr) and node.lineno <= where.line <= (node.end_lineno or 0)
        if _encloses(node, where)
    )


def _encloses(node: ast.expr, where: Site) -> bool:
    start = (node.lineno, node.col_offset + 1)
    end = (node.end_lineno or node.lineno, (node.end_col_offset or 0) + 1)
    inside = start <= (where.line, where.column) and (where.end_line, where.end_column) <= end
    return inside and (start, end) != (
        (where.line, where.column),
        (where.end_line, where.end_column),
    )


def _says(node: ast.expr) -> bool:
    if isinstance(node, ast.JoinedStr):
        return True
    if not isinstance(node, ast.Call):
        return False
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    return name in _LOGGERS


@lru_cache(maxsize=256)
def loop_names(file: str) -> frozenset[str]:
    """Names bound by a `for`: they hold the last of many, so they name a parameter badly."""
    tree = tree_of(file)
    targets = [n.target for n in ast.walk(tree) if isinstance(n, (ast.For, ast.comprehension))] if tree else []
    return frozenset(n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name))


@lru_cache(maxsize=4096)
def operation_site(where: Site, name: str) -> Site:
    """Narrow a call down to the name that is called: `argmax` in `net(x).argmax(1)`, over several lines."""
    tree = tree_of(where.file)
    end = (where.end_line, where.end_column)
    for node in ast.walk(tree) if tree is not None else ():
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        stop = ((node.end_lineno or 0), (node.end_col_offset or 0) + 1)
        if stop == end and node.func.attr in {name, name.rstrip("_")} and node.lineno >= where.line:
            line, column = node.func.end_lineno or 0, (node.func.end_col_offset or 0) + 1
            return Site(where.file, line, column - len(node.func.attr), line, column, where.function)
    return where


def forget_sources() -> None:
    """Read sources anew: a file may have changed since it was last shown."""
    linecache.checkcache()
    for cached in (tree_of, is_logging, loop_names, operation_site):
        cached.cache_clear()
