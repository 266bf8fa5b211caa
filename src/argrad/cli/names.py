"""The one place where a string names code: estimators and problems on the command line."""

from __future__ import annotations

import ast
import importlib.util
import inspect
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import argrad
from argrad import choices, noise
from argrad.comparison import Annealed, Deterministic, Problem, label
from argrad.core import Estimator

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

BUILT_IN = ("keypoint", "polynomial", "select", "vae")


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
        msg = f"--estimators: there is no {node.id!r}. Known: {_known(words)}."
        raise ValueError(msg)
    if isinstance(node, ast.Call):
        made = _value(node.func, words)
        named = {k.arg: _instance(_value(k.value, words)) for k in node.keywords if k.arg is not None}
        return made(*(_instance(_value(arg, words)) for arg in node.args), **named)
    return ast.literal_eval(node)


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
    path, colon, name = text.rpartition(":")
    if not colon or not path.endswith(".py"):
        msg = f"PROBLEM is one of {', '.join(BUILT_IN)}, or path.py:function. Got {text!r}."
        raise ValueError(msg)
    function = getattr(_run_file(Path(path)), name, None)
    if not callable(function):
        msg = f"{path} has no function {name!r}."
        raise ValueError(msg)  # noqa: TRY004 (what the user wrote is text)
    return partial(_call, function, text)


def _run_file(path: Path) -> ModuleType:
    if not path.is_file():
        msg = f"There is no file {path}."
        raise FileNotFoundError(msg)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        msg = f"{path} is not Python."
        raise ValueError(msg)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _call(function: Callable[..., object], text: str, **options: object) -> Problem:
    """Call the user's function with those options that it takes."""
    taken = inspect.signature(function).parameters
    if "steps" in options and "steps" not in taken:
        msg = f"--steps was given, but {text} takes no 'steps'."
        raise TypeError(msg)
    made = function(**{name: value for name, value in options.items() if name in taken})
    if not isinstance(made, Problem):
        msg = f"{text} must return an argrad.comparison.Problem. Got {made!r}."
        raise TypeError(msg)
    return made
