"""The typed result of a comparison, and the rule by which it names an estimator."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from math import isfinite
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from argrad.comparison.problem import Metric, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console, ConsoleOptions, RenderResult

    from argrad.comparison.measure import Quality


@dataclass(frozen=True)
class Training:
    """The trainings of one estimator: for each seed, the outcomes along the way."""

    curves: Mapping[int, tuple[Outcome, ...]]

    @property
    def hard(self) -> list[float]:
        """Final hard result of each seed."""
        return [curve[-1].hard for curve in self.curves.values()]

    @property
    def median(self) -> float:
        """The middle one of the seeds' hard results."""
        return median(self.hard)

    @property
    def gap(self) -> float | None:
        """Soft less hard result, the median over seeds: what the model loses when its choices become hard."""
        ends = [curve[-1] for curve in self.curves.values()]
        gaps = [end.soft - end.hard for end in ends if end.soft is not None]
        return median(gaps) if gaps else None


@dataclass(frozen=True)
class Row:
    """One estimator: what was measured of its gradient and of its trainings, or why it could not be."""

    name: str
    quality: Quality | None = None
    training: Training | None = None
    refused: str | None = None


@dataclass(frozen=True)
class Comparison:
    """What `argrad.compare` found. Prints as a table (with rich, in colour), and writes what it knows.

    Attributes:
        problem: its name.
        about: its description.
        rows: one for each estimator.
        metric: what trainings end with.
        truth: where the true gradient came from, and its relative standard error.
        truth_error: one standard error of the true gradient over its length; 0 if exact.
        setting: versions, device, seeds, draws: what is needed to make this again.
        complete: False if it was interrupted.
    """

    problem: str
    rows: tuple[Row, ...]
    metric: Metric = field(default_factory=Metric)
    about: str = ""
    truth: str = ""
    truth_error: float = 0.0
    setting: Mapping[str, str] = field(default_factory=dict)
    complete: bool = True

    def row(self, name: str) -> Row:
        """Find a row by its name.

        Raises:
            KeyError: there is none of that name.
        """
        rows = {row.name: row for row in self.rows}
        return rows[name]

    def with_row(self, row: Row) -> Comparison:
        """Give a copy in which the row of that name is this one."""
        return replace(self, rows=tuple(row if old.name == row.name else old for old in self.rows))

    @property
    def trained(self) -> list[Row]:
        """Rows with trainings, none of which failed: best worst seed first; equal ones by the median."""
        sign = -1 if self.metric.larger_is_better else 1
        rows = [r for r in self.rows if r.training is not None and r.training.curves and r.refused is None]
        return sorted(rows, key=lambda r: (sign * self.worst(r), sign * r.training.median if r.training else 0.0))

    def worst(self, row: Row) -> float:
        """The worst final hard result over the seeds; the direction of the metric for a row without any."""
        hard = row.training.hard if row.training else []
        if not hard or not all(isfinite(value) for value in hard):
            return float("-inf") if self.metric.larger_is_better else float("inf")
        return self.metric.worst(hard)

    @property
    def winner(self) -> Row | None:
        """The estimator that this would take; None if all were refused or ended in what is no number.

        With trainings: the best worst seed; among those within the metric's resolution of it, the fastest call.
        Without: the least error of the gradient when each averages as many calls as fit into the slowest one's time.
        """
        if self.trained:
            best = self.worst(self.trained[0])
            if not isfinite(best):
                return None
            equal = [r for r in self.trained if abs(self.worst(r) - best) <= self.metric.resolution]
            return min(equal, key=lambda r: r.quality.seconds if r.quality else float("inf"))
        measured = [r for r in self.rows if r.refused is None and isfinite(self.error_at_equal_time(r))]
        return min(measured, key=self.error_at_equal_time, default=None)

    def error_at_equal_time(self, row: Row) -> float:
        """√(bias² + noise²·t/T): the error of the mean of the calls (t each) that fit into the slowest one's time T."""
        if row.quality is None:
            return float("inf")
        slowest = max(r.quality.seconds for r in self.rows if r.quality is not None)
        bias = row.quality.bias if row.quality.biased else 0.0
        return (bias**2 + row.quality.noise**2 * row.quality.seconds / slowest) ** 0.5

    @property
    def verdict(self) -> str:
        """One sentence: which estimator, and why."""
        from argrad.comparison.words import verdict  # noqa: PLC0415 (words know of results)

        return verdict(self)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from argrad.comparison.screen import render  # noqa: PLC0415 (rich is not needed to measure)

        yield from render(self, options.max_width)

    def __str__(self) -> str:
        from rich.console import Console  # noqa: PLC0415

        console = Console(width=140, color_system=None)
        with console.capture() as captured:
            console.print(self)
        return captured.get()

    def records(self) -> list[dict[str, Any]]:
        """Give one flat dict a row; what is not known or not finite is None."""
        return [_record(self, row) for row in self.rows]

    def to_json(self, path: str | Path) -> Path:
        """Write everything, curves included, as JSON."""
        from argrad.comparison.files import write_json  # noqa: PLC0415

        return write_json(self, Path(path))

    def to_csv(self, path: str | Path) -> Path:
        """Write the records, one line an estimator."""
        from argrad.comparison.files import write_csv  # noqa: PLC0415

        return write_csv(self, Path(path))

    def to_html(self, path: str | Path) -> Path:
        """Write one self-contained page, with the plot if matplotlib is there."""
        from argrad.comparison.page import write_html  # noqa: PLC0415

        return write_html(self, Path(path))

    def plot(self, path: str | Path) -> Path:
        """Draw the comparison; the suffix says the format (.png, .svg, .pdf).

        Raises:
            ModuleNotFoundError: no matplotlib (the extra `plot`).
        """
        from argrad.comparison.picture import draw  # noqa: PLC0415

        return draw(self, Path(path))


def _record(comparison: Comparison, row: Row) -> dict[str, Any]:
    record: dict[str, Any] = {"estimator": row.name}
    if row.training is not None and row.training.curves:
        hard = row.training.hard
        record |= {
            "hard_median": row.training.median,
            "hard_worst": comparison.worst(row),
            "soft_gap": row.training.gap,
        }
        record |= {"seeds": len(hard)}
    if row.quality is not None:
        record |= asdict(row.quality)
    record["refused"] = row.refused
    return {k: None if isinstance(v, float) and not isfinite(v) else v for k, v in record.items()}
