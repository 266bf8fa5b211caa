"""The comparison as a picture: one line an estimator, what it ends with, how wrong its gradient is, what it costs."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

from argrad.comparison.words import number

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from argrad.comparison.result import Comparison, Row

INK, SOFT, RULE, WINNER, SECOND = "#1f2933", "#7b8794", "#e4e7eb", "#0b7285", "#d9480f"
LEAST = 1e-3  # where the axis of relative errors begins: what is below is drawn there


def draw(comparison: Comparison, path: Path) -> Path:
    """Draw it into a file."""
    figure = paint(comparison)
    figure.savefig(path, dpi=160, facecolor="white")
    return path


def paint(comparison: Comparison) -> Any:
    """Give the matplotlib figure, made without the global state of pyplot."""
    try:
        from matplotlib import rc_context  # noqa: PLC0415 (an optional dependency)
    except ModuleNotFoundError as error:
        msg = "The plot needs matplotlib: pip install 'argrad[plot]'"
        raise ModuleNotFoundError(msg) from error
    style = {"font.size": 9, "text.color": INK, "axes.labelcolor": INK, "xtick.color": SOFT, "ytick.color": INK}
    with rc_context(style | {"font.family": "DejaVu Sans", "axes.edgecolor": RULE, "svg.hashsalt": "argrad"}):
        return _figure(comparison)


def _figure(comparison: Comparison) -> Any:
    from matplotlib.figure import Figure  # noqa: PLC0415

    rows = _order(comparison)
    curves = any(len(c) > 1 for r in rows if r.training for c in r.training.curves.values())
    panels: list[tuple[Callable[[Any, Comparison, list[Row]], None], float]] = [(_errors, 1.25), (_seconds, 0.8)]
    if comparison.trained:
        panels.insert(0, (_results, 1.5))
    tall = 0.9 + 0.32 * len(rows)
    figure = Figure(figsize=(11, tall + (3.4 if curves else 0) + 0.5), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.08)
    ratios = [tall, 3.4] if curves else [tall]
    grid = figure.add_gridspec(len(ratios), len(panels), width_ratios=[w for _, w in panels], height_ratios=ratios)
    for i, (panel, _) in enumerate(panels):
        axes = figure.add_subplot(grid[0, i])
        _lines(axes, comparison, rows, named=i == 0)
        panel(axes, comparison, rows)
    if curves:
        _curves(figure.add_subplot(grid[1, :]), comparison)
    figure.suptitle(f"argrad compare {comparison.problem}", x=0.01, ha="left", fontsize=13, fontweight="bold")
    return figure


def _order(comparison: Comparison) -> list[Row]:
    trained = comparison.trained
    others = [r for r in comparison.rows if r.quality is not None and r not in trained]
    return trained + sorted(others, key=comparison.error_at_equal_time)


def _lines(axes: Any, comparison: Comparison, rows: list[Row], *, named: bool) -> None:
    """Lay out one line an estimator, the winner's in its colour."""
    best = comparison.winner
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), [r.name for r in rows] if named else [""] * len(rows))
    axes.tick_params(length=0)
    axes.grid(axis="x", color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    for i, row in enumerate(rows):
        if best is not None and row.name == best.name:
            axes.axhspan(i - 0.46, i + 0.46, color=WINNER, alpha=0.09, linewidth=0)
            axes.get_yticklabels()[i].set(color=WINNER, fontweight="bold")


def _results(axes: Any, comparison: Comparison, rows: list[Row]) -> None:
    for i, row in enumerate(rows):
        if row.training is None or not row.training.curves:
            continue
        hard, worst = row.training.hard, comparison.worst(row)
        axes.plot([min(hard), max(hard)], [i, i], color=SOFT, linewidth=1, alpha=0.5, zorder=2)
        axes.scatter(hard, [i] * len(hard), s=26, color=WINNER, alpha=0.55, linewidth=0, zorder=3)
        axes.scatter([row.training.median], [i], s=120, marker="|", color=INK, linewidth=1.8, zorder=4)
        axes.scatter([worst], [i], s=44, facecolor="none", edgecolor=SECOND, linewidth=1.5, zorder=5)
    axes.set_title(f"After training: {comparison.metric.name}", loc="left", fontsize=9.5, fontweight="bold")
    axes.set_xlabel("● a seed   | median   ○ worst seed", color=SOFT, fontsize=8)


def _errors(axes: Any, comparison: Comparison, rows: list[Row]) -> None:
    for i, row in enumerate(rows):
        q = row.quality
        if q is None:
            continue
        bias = max(q.bias if q.biased else 0.0, LEAST)
        noise = max(q.noise, LEAST)
        axes.plot([bias, noise], [i, i], color=RULE, linewidth=2.2, zorder=2)
        axes.scatter([noise], [i], s=34, facecolor="white", edgecolor=WINNER, linewidth=1.5, zorder=3)
        axes.scatter([bias], [i], s=36, marker="D", color=SECOND, linewidth=0, zorder=4)
    axes.set_xscale("log")
    axes.set_xlim(LEAST / 1.5, None)
    axes.set_title("Error of one call's gradient", loc="left", fontsize=9.5, fontweight="bold")
    axes.set_xlabel(f"◆ bias   ○ noise   (relative; {number(LEAST)}: none found)", color=SOFT, fontsize=8)


def _seconds(axes: Any, comparison: Comparison, rows: list[Row]) -> None:  # noqa: ARG001
    for i, row in enumerate(rows):
        if row.quality is not None:
            axes.barh(i, row.quality.seconds * 1e3, height=0.42, color=WINNER, alpha=0.75, zorder=2)
    axes.set_title("Time of one call", loc="left", fontsize=9.5, fontweight="bold")
    axes.set_xlabel("ms, forward and backward", color=SOFT, fontsize=8)


def _curves(axes: Any, comparison: Comparison) -> None:
    """Draw the median over seeds along the training; the first few by colour, the others grey."""
    palette = (WINNER, SECOND, "#5f3dc4", "#2b8a3e", "#e67700")
    ends: list[tuple[float, str, str]] = []
    for i, row in reversed(list(enumerate(comparison.trained))):
        if row.training is None:
            continue
        points = list(zip(*row.training.curves.values(), strict=False))
        along = [100 * p[0].progress for p in points]
        middle = [median(o.hard for o in p) for p in points]
        colour = palette[i] if i < len(palette) else "#ced4da"
        axes.plot(along, middle, color=colour, linewidth=2 if i == 0 else 1.4, zorder=3 if i < len(palette) else 2)
        if i < len(palette):
            ends.append((middle[-1], row.name, colour))
    _name_lines(axes, ends)
    axes.set_xlim(0, 100)
    axes.grid(color=RULE, linewidth=0.8)
    axes.tick_params(length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.set_title(f"On the way: {comparison.metric.name}, median over seeds", loc="left", fontsize=9.5, fontweight="bold")
    axes.set_xlabel("% of the training", color=SOFT, fontsize=8)


def _name_lines(axes: Any, ends: list[tuple[float, str, str]]) -> None:
    """Write each line's name beside its end, moved apart where they would overlap."""
    low, high = axes.get_ylim()
    space, last = (high - low) / 15, low - (high - low)
    for value, name, colour in sorted(ends):
        last = max(value, last + space)
        axes.annotate(name, (100, last), (6, 0), textcoords="offset points", color=colour, fontsize=8, va="center",
                      annotation_clip=False)
