"""`argrad compare`: estimators side by side on a built-in problem or on your own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from rich.console import Console

    from argrad.comparison import Comparison, Problem

SUFFIXES = "report.html, plot.png, results.json, results.csv"


def compare(
    problem: str,
    *,
    seeds: int = 5,
    steps: int | None = None,
    estimators: str | None = None,
    draws: int = 1000,
    device: str = "cpu",
    out: Annotated[Path | None, Parameter(help="Folder for report.html, plot.png, results.json and .csv.")] = None,
) -> None:
    """Measure gradient estimators side by side: bias, variance, time, memory, and what training ends with.

    Ctrl-C stops early and keeps what is done.

    Parameters
    ----------
    problem
        select, keypoint, vae or polynomial; or path.py:function, where the function returns an
        argrad.comparison.Problem. The file is run.
    seeds
        Trainings of each estimator.
    steps
        Length of a training; default: the problem's own.
    estimators
        Instead of the problem's own, such as "ReinMax,GumbelRao(samples=10,temperature=0.5)".
    draws
        Calls on which each estimator's gradient is measured.
    device
        Where to compute: cpu, cuda, ….
    out
        Default: out/ and the problem's name.
    """
    from rich.console import Console  # noqa: PLC0415 (nothing here may slow `argrad --help`)

    console = Console()
    try:
        made = _make(problem, steps, device, estimators)
    except (ValueError, TypeError, ImportError, OSError, SyntaxError) as error:
        Console(stderr=True).print(f"argrad compare: {error}", style="red", markup=False, highlight=False)
        sys.exit(2)
    found = _run(made, seeds, draws, console)
    if found is None or not any(row.quality for row in found.rows):
        console.print("Stopped before anything was measured.")
        sys.exit(130)
    console.print(found)
    for path in _write(found, out or Path("out") / made.name):
        console.print(f"wrote {path}", highlight=False)
    if not found.complete:
        sys.exit(130)


def _make(problem: str, steps: int | None, device: str, estimators: str | None) -> Problem:
    from dataclasses import replace  # noqa: PLC0415

    from argrad.cli.names import find_problem, read_estimators  # noqa: PLC0415

    chosen = None if estimators is None else read_estimators(estimators)
    made = find_problem(problem)(**{"steps": steps} if steps is not None else {}, device=device)
    return made if chosen is None else replace(made, estimators=chosen)


def _run(problem: Problem, seeds: int, draws: int, console: Console) -> Comparison | None:
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
    folder.mkdir(parents=True, exist_ok=True)
    written = [found.to_json(folder / "results.json"), found.to_csv(folder / "results.csv")]
    try:
        written.append(found.plot(folder / "plot.png"))
    except ModuleNotFoundError as error:
        sys.stderr.write(f"no plot: {error}\n")
    return [*written, found.to_html(folder / "report.html")]
