"""The comparison as a table in the terminal."""

from __future__ import annotations

from math import isnan
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
SOFT = "soft − hard"
WIDE = 110  # columns of a terminal that has room for all


def render(comparison: Comparison, width: int) -> Iterator[RenderableType]:
    """Give what to print, top to bottom."""
    if comparison.about:
        yield Text(f"{comparison.about}\n", style="dim")
    wide = width >= WIDE
    if comparison.trained:
        better = "higher" if comparison.metric.larger_is_better else "lower"
        title = f"After training: {comparison.metric.name}, {better} is better"
        cells = {row.name: training_cells(comparison, row) for row in comparison.trained}
        yield from _table(comparison, title, training_columns(comparison), cells, () if wide else ("every seed",))
        yield Text(f"{training_legend(comparison)}\n", style="dim")
    cells = {row.name: gradient_cells(row) for row in comparison.rows if row.quality is not None}
    if cells:
        yield from _table(
            comparison, "The gradient of one call", GRADIENT_COLUMNS, cells, () if wide else ("signal/noise",)
        )
        yield Text(f"{gradient_legend(comparison)}\n", style="dim")
    for note in notes(comparison):
        yield Text(note, style="yellow")
    yield Text(comparison.verdict, style="bold green")


def _table(
    comparison: Comparison, title: str, columns: tuple[str, ...], cells: dict[str, list[str]], without: tuple[str, ...]
) -> Iterator[RenderableType]:
    """Give a title and a table, without some columns where the terminal is narrow."""
    best = comparison.winner
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True, header_style="bold")
    table.add_column("estimator", overflow="fold")
    shown = [i for i, column in enumerate(columns) if column not in without]
    for i in shown:
        table.add_column(columns[i], justify="right", no_wrap=True)
    for name, words in cells.items():
        style = "bold green" if best is not None and name == best.name else ""
        table.add_row(name, *(words[i] for i in shown), style=style)
    yield Text(title, style="bold")
    yield table


def training_columns(comparison: Comparison) -> tuple[str, ...]:
    """Name the columns; the gap is left out where no model is soft."""
    gaps = [row.training.gap for row in comparison.trained if row.training]
    return ("median", "worst", *([SOFT] if any(gap is not None for gap in gaps) else []), "every seed")


def training_legend(comparison: Comparison) -> str:
    """Say what the columns are."""
    soft = f" {SOFT}: by how much the same model's result differs if its choices are soft."
    return "Sorted by the worst seed." + (soft if SOFT in training_columns(comparison) else "")


def training_cells(comparison: Comparison, row: Row) -> list[str]:
    """Give the words for the training's columns."""
    columns = training_columns(comparison)
    if row.training is None:
        return ["–"] * len(columns)
    words = {
        "median": number(row.training.median),
        "worst": number(comparison.worst(row)),
        SOFT: number(row.training.gap),
        "every seed": " · ".join(number(value) for value in row.training.hard),
    }
    return [words[column] for column in columns]


def gradient_legend(comparison: Comparison) -> str:
    """Say what the columns are, and of whom they say less than it seems."""
    own = [name for name in ("MarginalLikelihood", "Relaxed") if any(name in row.name for row in comparison.rows)]
    said = (
        f"bias, noise: of one call, relative to the length of the true gradient ({truth_in_words(comparison)}); "
        "“<”: within noise, at most this. cosine: of one call with the truth. time, memory: of one call, forward and "
        "backward."
    )
    has = "have objectives of their own" if len(own) > 1 else "has an objective of its own"
    return said + (f" {' and '.join(own)} {has}: what counts as bias here is by design." if own else "")


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


def notes(comparison: Comparison) -> list[str]:
    """Say what is missing, and why."""
    said = [f"{row.name} is left out: {row.refused}" for row in comparison.rows if row.refused]
    if isnan(comparison.truth_error):
        said.insert(0, "The true gradient is not a number, so no bias can be told: some costs are infinite or NaN.")
    return said if comparison.complete else ["Interrupted: this is what was done until then.", *said]
