"""`argrad doctor`: watch a script's training steps and say where its gradient stops."""

from __future__ import annotations

import ast
import contextlib
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

if TYPE_CHECKING:
    from argrad.doctor.report import Report

_PAGES = Path(__file__).parent.parent / "doctor" / "explain.md"


def doctor(
    script: str | None = None,
    *args: Annotated[str, Parameter(allow_leading_hyphen=True, help="The script's own arguments.")],
    module: Annotated[str | None, Parameter(name=["--module", "-m"])] = None,
    steps: int | None = None,
    stop: bool = False,
    format: Literal["terminal", "json", "sarif", "html"] = "terminal",  # noqa: A002  (the flag's name)
    out: Path | None = None,
    explain: str | None = None,
) -> int:
    """Tell which parameters get no gradient, which loss terms are dead, and the line that cut them.

    The script runs unmodified; Ctrl-C ends it, and what was seen until then is reported.
    Exit code 0: clean; 1: findings; 2: it could not run, or failed; 130: Ctrl-C.
    Options come before the script.

    Parameters
    ----------
    script
        The training script to run.
    module
        A module to run instead of a script, as with python -m.
    steps
        Judge exactly so many optimiser steps of each stage; default: 2, and a few more while something starves.
    stop
        End the script after the last watched step.
    format
        How to print the report; what the script prints then goes to standard error.
    out
        Write the report to this file.
    explain
        Print the page on a code such as ARG003, and do nothing else.
    """
    if explain is not None:
        return _explain(explain)
    target = module or script
    if target is None:
        sys.stderr.write("argrad doctor: which script? Try `argrad doctor train.py`.\n")
        return 2
    mistake = _mistake(steps, out) or (_no_module(target) if module else _no_script(target))
    if mistake:
        sys.stderr.write(f"argrad doctor: {mistake}\n")
        return 2
    own = [script, *args] if module and script else list(args)
    return _run(target, own, bool(module), steps, stop, format, out)


def _mistake(steps: int | None, out: Path | None) -> str | None:
    """Say what is wrong with the options before the script runs, perhaps for hours."""
    if steps is not None and steps < 1:
        return f"--steps must be at least 1. Got {steps}."
    if out is not None and out.is_dir():
        return f"--out must be a file. Got the folder {out}."
    if out is not None and not out.parent.is_dir():
        return f"--out must be in a folder that exists. Got {out}."
    return None


def _no_script(path: str) -> str | None:
    """Say why a file is no Python script, before torch is imported and the file is run."""
    if not path.endswith(".py"):
        return f"the script must be a Python file (.py), or a module by -m. Got {path}."
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are the script's own, and shown when it runs
            tree = ast.parse(Path(path).read_bytes(), path)
            compile(tree, path, "exec", dont_inherit=True)
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}."
    except SyntaxError as error:
        return f"{path}{f':{error.lineno}' if error.lineno else ''}: not Python: {error.msg}."
    except ValueError as error:  # null bytes, before Python 3.12
        return f"{path}: not Python: {error}."
    return None if tree.body else f"{path} is empty."


def _no_module(name: str) -> str | None:
    """Say why it is not the name of a module: to look for `train.py` would import, and so run, `train`."""
    if all(part.isidentifier() for part in name.split(".")) and not name.endswith(".py"):
        return None
    return f"-m must be the dotted name of a module, such as package.train. Got {name}."


def _run(
    target: str,
    args: list[str],
    module: bool,
    steps: int | None,
    stop: bool,
    format: str,  # noqa: A002
    out: Path | None,
) -> int:
    from argrad.doctor.script import run_script  # noqa: PLC0415  (imports torch)

    redirect = contextlib.nullcontext() if format == "terminal" and out is None else _to_stderr()
    with redirect:
        outcome = run_script(target, args, steps=steps, module=module, stop=stop)
    if outcome.report is None:
        sys.stderr.write(f"argrad doctor: could not run {target}: {outcome.failure}\n")
        return 2
    _write(outcome.report, format, out)
    if outcome.report.interrupted is not None and (format != "terminal" or out is not None):
        sys.stderr.write(f"argrad doctor: {outcome.report.interrupted}.\n")
    if outcome.exit_code == 2:  # noqa: PLR2004
        reason = outcome.failure or "no training step was seen"
        what = "the script failed later" if outcome.report.parameters else f"could not judge {target}"
        sys.stderr.write(f"argrad doctor: {what}: {reason}\n")
    return outcome.exit_code


@contextlib.contextmanager
def _to_stderr():  # noqa: ANN202
    """Send standard output to standard error, for what other processes write too."""
    import os  # noqa: PLC0415

    sys.stdout.flush()
    try:
        saved = os.dup(1)
        os.dup2(2, 1)
    except OSError:
        saved = None
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        if saved is not None:
            os.dup2(saved, 1)
            os.close(saved)


def _write(report: Report, format: str, out: Path | None) -> None:  # noqa: A002
    from argrad.doctor import page, sarif, terminal  # noqa: PLC0415  (imports torch)

    if format == "terminal" and out is None:
        terminal.show(report)
        return
    make = {"json": report.to_json, "sarif": lambda: sarif.to_sarif(report), "html": lambda: page.to_html(report)}
    text = make.get(format, lambda: terminal.text_of(report))()
    if out is None:
        sys.stdout.write(text.rstrip("\n") + "\n")
    else:
        out.write_text(text.rstrip("\n") + "\n", encoding="utf-8")


def _explain(code: str) -> int:
    """Print the page of a code, or the list of codes."""
    sections = _PAGES.read_text(encoding="utf-8").split("\n## ")[1:]
    pages = {section.split()[0]: section for section in sections}
    page = pages.get(code.upper())
    if page is None:
        sys.stderr.write(f"argrad doctor: no page on {code!r}. The codes:\n")
        sys.stderr.writelines(f"  {section.splitlines()[0]}\n" for section in sections)
        return 2
    sys.stdout.write(page.rstrip() + "\n")
    return 0
