"""`argrad compare`: estimators side by side on a built-in problem or on your own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

from cyclopts import Parameter
from cyclopts.validators import Number

if TYPE_CHECKING:
    from rich.console import Console

    from argrad.comparison import Comparison, Problem

INTERRUPTED, STOPPED = 130, "stopped before anything was measured."
_WRITTEN = ("report.html", "plot.png", "results.json", "results.csv")


def compare(
    problem: str,
    /,
    *,
    seeds: Annotated[int, Parameter(validator=Number(gte=1))] = 5,
    steps: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    estimators: str | None = None,
    draws: Annotated[int | None, Parameter(validator=Number(gte=2))] = None,
    device: str = "cpu",
    out: Path | None = None,
    overwrite: bool = False,
) -> None:
    """Measure gradient estimators side by side: bias, variance, time, memory, and what training ends with.

    Ctrl-C stops early and keeps what is done.

    Parameters
    ----------
    problem
        One of

        - select: read digits through an argmax
        - keypoint: a position by soft-argmax
        - vae: an autoencoder with categorical codes
        - polynomial: 128 coins, the toy of the ReinMax paper
        - features: choose 5 of 50 columns
        - rank: Spearman's correlation as the loss
        - tags: a Viterbi layer in a network
        - path: Dijkstra's algorithm in a network

        or path.py:function, where the function returns an argrad.comparison.Problem. The file is run.
    seeds
        Trainings of each estimator.
    steps
        Length of a training; default: the problem's own.
    estimators
        Instead of the problem's own, such as "ReinMax,GumbelRao(samples=10,temperature=0.5)".
    draws
        Calls on which each estimator's gradient is measured; default: the problem's own, 1000 as a rule.
    device
        Where to compute: cpu, cuda, ….
    out
        Folder for report.html, plot.png, results.json and results.csv; default: out/ and the problem's name.
    overwrite
        Let an earlier result in that folder go; otherwise the run is refused.
    """
    from rich.console import Console  # noqa: PLC0415 (nothing here may slow `argrad --help`)

    console = Console()
    try:
        made = _make(problem, steps, device, estimators)
        folder = _folder(out or Path("out") / made.name, overwrite=overwrite)
        found = _run(made, seeds, draws, console)
    except KeyboardInterrupt:
        _fail(STOPPED, INTERRUPTED)
    except (ValueError, TypeError) as error:
        _refuse(error, problem)
    if found is None or not (found.complete or any(row.quality for row in found.rows)):
        _fail(STOPPED, INTERRUPTED)
    console.print(found)
    for path in _write(found, folder):
        console.print(f"wrote {path}", highlight=False)
    if not found.complete:
        sys.exit(INTERRUPTED)


def _folder(path: Path, *, overwrite: bool) -> Path:
    from argrad.cli.folder import make_folder, require_free  # noqa: PLC0415

    try:
        require_free(path, _WRITTEN, overwrite=overwrite)
        make_folder(path, _WRITTEN)
    except (ValueError, OSError) as error:
        _fail(error)
    return path


def _fail(message: object, code: int = 2) -> NoReturn:
    from rich.console import Console  # noqa: PLC0415

    Console(stderr=True).print(f"argrad compare: {message}", style="red", markup=False, soft_wrap=True)
    sys.exit(code)


def _refuse(error: Exception, problem: str) -> NoReturn:
    """Say in a line what is wrong with a user's problem; what came up in the user's file or in ours is a bug."""
    from argrad.cli.names import BUILT_IN, inside  # noqa: PLC0415

    if problem in BUILT_IN or inside(error, problem):
        raise error
    _fail(error)


def _make(problem: str, steps: int | None, device: str, estimators: str | None) -> Problem:
    """Make the problem; a mistake in what was typed is said in a line, one inside a user's file with its traceback."""
    from dataclasses import replace  # noqa: PLC0415

    from argrad.cli.names import find_problem, inside, read_estimators, require_device  # noqa: PLC0415

    try:
        require_device(device)
        chosen = None if estimators is None else read_estimators(estimators)
        made = find_problem(problem)(**{"steps": steps} if steps is not None else {}, device=device)
    except (ValueError, TypeError, ImportError, OSError, SyntaxError) as error:
        if inside(error, problem):
            raise
        _fail(error)
    return made if chosen is None else replace(made, estimators=chosen)


def _run(problem: Problem, seeds: int, draws: int | None, console: Console) -> Comparison | None:
    """Run it under a progress bar; Ctrl-C ends it with what is known."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn  # noqa: PLC0415

    from argrad.comparison import stages  # noqa: PLC0415

    found = None
    columns = (BarColumn(40), TextColumn("{task.percentage:>3.0f}%"), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.description}"), console=console, transient=True) as bar:
        task = bar.add_task("starting")
        try:
            for stage in stages(problem, seeds=seeds, draws=draws):
                bar.update(task, completed=stage.done, total=stage.total, description=stage.doing)
                found = stage.comparison
        except KeyboardInterrupt:
            bar.stop()
    return found


def _write(found: Comparison, folder: Path) -> list[Path]:
    written = [found.to_json(folder / "results.json"), found.to_csv(folder / "results.csv")]
    try:
        written.append(found.plot(folder / "plot.png"))
    except ModuleNotFoundError as error:
        sys.stderr.write(f"no plot: {error}\n")
    return [*written, found.to_html(folder / "report.html")]
