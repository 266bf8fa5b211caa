"""The one place where a string names code: estimators and problems on the command line."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import sys
import traceback
from difflib import get_close_matches
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

import argrad
from argrad import choices, noise
from argrad.comparison import Annealed, Deterministic, Problem, label
from argrad.core import Estimator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType

BUILT_IN = ("features", "keypoint", "path", "polynomial", "rank", "select", "tags", "vae")


def vocabulary() -> dict[str, Any]:
    """Give every name that may stand in `--estimators`, with what it means."""
    words: dict[str, Any] = {"Annealed": Annealed, "Deterministic": Deterministic}
    words |= {name: getattr(argrad.estimators, name) for name in argrad.estimators.__all__}
    words |= {name: getattr(noise, name) for name in ("Gumbel", "Logistic", "Normal", "SumOfGamma")}
    return words | {name: getattr(choices, name) for name in ("sparsemax", "entmax15")}


def read_estimators(text: str) -> dict[str, Estimator]:
    """Read "ReinMax,GumbelRao(samples=10)" without running it: names of the vocabulary, and literals.

    Raises:
        ValueError: text that is not a list of known names with literal arguments.

    >>> from argrad.cli.names import read_estimators
    >>> list(read_estimators("ReinMax,GumbelRao(samples=3,temperature=0.5)"))
    ['ReinMax', 'GumbelRao(samples=3, temperature=0.5)']
    """
    try:
        listed = ast.parse(f"({text},)", mode="eval").body
    except SyntaxError as error:
        msg = f"--estimators takes names such as ReinMax,GumbelRao(samples=10). Got {text!r}."
        raise ValueError(msg) from error
    words = vocabulary()
    parts = listed.elts if isinstance(listed, ast.Tuple) else [listed]
    made = [_value(part, words) for part in parts]
    made = [one() if isinstance(one, type) else one for one in made]
    for one in made:
        if not isinstance(one, Estimator):
            msg = f"--estimators takes estimators. Got {one!r}. Known: {_known(words)}."
            raise ValueError(msg)  # noqa: TRY004 (what the user wrote is text)
    return {label(one): one for one in made}


def _value(node: ast.expr, words: dict[str, Any]) -> Any:
    """Give what a piece of text means: a known name, a call of one, or a literal."""
    if isinstance(node, ast.Name):
        if node.id in words:
            return words[node.id]
        msg = f"--estimators: there is no {node.id!r}. {_meant(node.id, words) or f'Known: {_known(words)}.'}"
        raise ValueError(msg)
    if isinstance(node, ast.Call):
        made = _value(node.func, words)
        named = {k.arg: _instance(_value(k.value, words)) for k in node.keywords if k.arg is not None}
        return _called(made, [_instance(_value(arg, words)) for arg in node.args], named)
    try:
        return ast.literal_eval(node)
    except ValueError as error:
        msg = f"--estimators takes names, numbers and texts, and no other code. Got {ast.unparse(node)!r}."
        raise ValueError(msg) from error


def _called(made: Any, args: list[Any], named: dict[str, Any]) -> Any:
    """Make it, or say what it would take."""
    takes = inspect.signature(made)
    try:
        takes.bind(*args, **named)
    except TypeError as error:
        what = ", ".join(takes.parameters) or "nothing"
        msg = f"--estimators: {made.__name__} takes {what}; {error}."
        raise ValueError(msg) from error
    return made(*args, **named)


def _meant(word: str, words: Iterable[str]) -> str:
    """Ask after the likeliest word; nothing where none is like it."""
    by_lower = {known.lower(): known for known in words}
    close = get_close_matches(word.lower(), by_lower, 1)
    return f"Did you mean {by_lower[close[0]]}?" if close else ""


def _instance(value: Any) -> Any:
    """A class named without brackets, as in noise=Gumbel, stands for its default."""
    return value() if isinstance(value, type) else value


def _known(words: dict[str, Any]) -> str:
    return ", ".join(sorted(n for n, w in words.items() if isinstance(w, type) and issubclass(w, Estimator)))


def find_problem(text: str) -> Callable[..., Problem]:
    """Find a built-in problem, or the function in "path.py:function", whose file is then run.

    Raises:
        ValueError: neither. OSError: no such file. TypeError: the function does not take what it is given.
    """
    if text in BUILT_IN:
        return getattr(import_module("argrad.comparison.problems"), text)
    path, name = _parts(text)
    if not path:
        hint = f"Which function of the file? {text}:function" if text.endswith(".py") else _meant(text, BUILT_IN)
        msg = f"PROBLEM is one of {', '.join(BUILT_IN)}, or path.py:function. Got {text!r}. {hint}"
        raise ValueError(msg.rstrip())
    module = _run_file(Path(path))
    function = getattr(module, name, None)
    if not callable(function):
        msg = f"{path} has no function {name!r}. {_meant(name, vars(module))}"
        raise ValueError(msg.rstrip())  # noqa: TRY004 (what the user wrote is text)
    return partial(_call, function, text)


def _parts(text: str) -> tuple[str, str]:
    """Part "path.py:function"; two empty strings if it is not of that form."""
    path, _, name = text.rpartition(":")
    return (path, name) if path.endswith(".py") else ("", "")


def inside(error: BaseException, text: str) -> bool:
    """Whether an error came up in the user's own file, so that its traceback says more than its message."""
    path = _parts(text)[0]
    files = {frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)}
    return bool(path) and str(Path(path).resolve()) in files


def require_device(name: str) -> None:
    """Refuse a device that is none, or that this machine or this PyTorch does not have.

    Raises:
        ValueError: it cannot be used, and why.
    """
    try:
        torch.empty(0, device=name)
        torch.Generator(name)  # without which nothing can be drawn
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        why = str(error).splitlines()[0].partition(". ")[0]  # PyTorch goes on with all backends that there are
        msg = f"--device {name} cannot be used here: {why}"
        raise ValueError(msg) from error


def _run_file(path: Path) -> ModuleType:
    if not path.is_file():
        msg = f"There is no file {path}."
        raise FileNotFoundError(msg)
    spec = importlib.util.spec_from_file_location("__problem__", path.resolve())
    if spec is None or spec.loader is None:
        msg = f"{path} is not Python."
        raise ValueError(msg)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where a dataclass looks up its annotations
    sys.path.insert(0, str(path.resolve().parent))  # as of a script: what lies beside it can be imported
    spec.loader.exec_module(module)
    return module


def _call(function: Callable[..., object], text: str, **options: object) -> Problem:
    """Call the user's function with those options that it takes."""
    taken = inspect.signature(function).parameters
    if "steps" in options and "steps" not in taken:
        msg = f"--steps was given, but {text} takes no 'steps'."
        raise TypeError(msg)
    if options.get("device", "cpu") != "cpu" and "device" not in taken:
        msg = f"--device {options['device']} was given, but {text} takes no 'device'."
        raise TypeError(msg)
    given = {name: value for name, value in options.items() if name in taken}
    free = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    lacks = [n for n, p in taken.items() if n not in given and p.default is p.empty and p.kind not in free]
    if lacks:
        msg = f"{text} needs {', '.join(lacks)}; argrad compare gives at most steps and device."
        raise TypeError(msg)
    made = function(**given)
    if not isinstance(made, Problem):
        msg = f"{text} must return an argrad.comparison.Problem. Got {made!r}."
        raise TypeError(msg)
    return made
