"""The comparison as a table in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from argrad.comparison.words import bias, duration, number, size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from argrad.comparison.result import Comparison, Row

GRADIENT_COLUMNS = ("bias", "noise", "cosine", "signal/noise", "time", "memory")
GRADIENT_LEGEND = (
    "bias, noise: of one call, relative to the true gradient's length ({truth}); cosine: of one call to the truth; "
    "time, memory: of one call, forward and backward."
)
TRAINING_LEGEND = "Rows are sorted by the worst seed. soft − hard: what the model seems to gain by soft choices."


def render(comparison: Comparison, width: int) -> Iterator[RenderableType]:
    """Give what to print, top to bottom."""
    if comparison.about:
        yield Text(comparison.about, style="dim")
        yield Text()
    if comparison.trained:
        yield _trainings(comparison)
        yield Text()
    yield _gradients(comparison, width)
    for row in comparison.rows:
        if row.refused:
            yield Text(f"{row.name}: {row.refused}", style="yellow")
    yield Text()
    if not comparison.complete:
        yield Text("Interrupted: this is what was done until then.", style="yellow")
    yield Text(comparison.verdict, style="bold green")


def _table(title: str, first: str, columns: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _trainings(comparison: Comparison) -> Table:
    seeds = max(len(r.training.hard) for r in comparison.trained if r.training)
    better = "higher is better" if comparison.metric.larger_is_better else "lower is better"
    title = f"After training: {comparison.metric.name}, {better}, {seeds} seeds"
    table = _table(title, "estimator", ("median", "worst seed", "every seed", "soft − hard"))
    table.caption, table.caption_justify = TRAINING_LEGEND, "left"
    for row in comparison.trained:
        table.add_row(*_training_cells(comparison, row), style=_style(comparison, row))
    return table


def _training_cells(comparison: Comparison, row: Row) -> list[str]:
    if row.training is None:
        return [row.name]
    every = "  ".join(number(value) for value in row.training.hard)
    return [row.name, number(row.training.median), number(comparison.worst(row)), every, number(row.training.gap)]


def _gradients(comparison: Comparison, width: int) -> Table:
    table = _table("The gradient of one call", "estimator", GRADIENT_COLUMNS)
    table.caption = GRADIENT_LEGEND.format(truth=truth_in_words(comparison))
    table.caption_justify = "left"
    table.width = min(width, 118)
    for row in comparison.rows:
        if row.quality is not None:
            table.add_row(row.name, *gradient_cells(row), style=_style(comparison, row))
    return table


def gradient_cells(row: Row) -> list[str]:
    """Give the words for GRADIENT_COLUMNS."""
    q = row.quality
    if q is None:
        return ["–"] * len(GRADIENT_COLUMNS)
    words = [bias(q), number(q.noise), number(q.cosine), number(q.signal_to_noise)]
    return [*words, duration(q.seconds), size(q.peak_bytes)]


def truth_in_words(comparison: Comparison) -> str:
    """Say where the truth came from, and how sure it is."""
    error = f", standard error {number(comparison.truth_error)}" if comparison.truth_error else ""
    return f"{comparison.truth}{error}" if comparison.truth else "not known yet"


def _style(comparison: Comparison, row: Row) -> str:
    best = comparison.winner
    return "bold green" if best is not None and row.name == best.name else ""
