"""The comparison as a picture: one line an estimator, what it ends with, how wrong its gradient is, what it costs."""

from __future__ import annotations

from math import isfinite
from statistics import median
from typing import TYPE_CHECKING, Any

from argrad.comparison.words import duration

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from argrad.comparison.result import Comparison, Row

INK, SOFT, RULE, WINNER, SECOND = "#1f2933", "#7b8794", "#e4e7eb", "#0b7285", "#d9480f"
LEAST = 1e-3  # where the axis of relative errors begins: what is below is drawn there


def draw(comparison: Comparison, path: Path) -> Path:
    """Draw it into a file."""
    figure = paint(comparison)
    figure.savefig(path, dpi=160, facecolor="white", bbox_inches="tight", pad_inches=0.15)
    return path


def paint(comparison: Comparison, *, titled: bool = True) -> Any:
    """Give the matplotlib figure, made without the global state of pyplot."""
    try:
        from matplotlib import rc_context  # noqa: PLC0415 (an optional dependency)
    except ModuleNotFoundError as error:
        msg = "The plot needs matplotlib: pip install 'argrad[plot]'"
        raise ModuleNotFoundError(msg) from error
    style = {"font.size": 9, "text.color": INK, "axes.labelcolor": INK, "xtick.color": SOFT, "ytick.color": INK}
    with rc_context(style | {"font.family": "DejaVu Sans", "axes.edgecolor": RULE, "svg.hashsalt": "argrad"}):
        return _figure(comparison, titled)


def _figure(comparison: Comparison, titled: bool) -> Any:
    from matplotlib.figure import Figure  # noqa: PLC0415

    rows = _order(comparison)
    curves = any(len(c) > 1 for r in rows if r.training for c in r.training.curves.values())
    tall = 1.3 + 0.31 * len(rows)
    wide = 10.5 + 0.08 * max(0, max((len(row.name) for row in rows), default=0) - 28)  # long names take their own room
    figure = Figure(figsize=(wide, tall + 3.2 * curves + 0.5 * titled), layout="constrained")
    ratios = [tall, 3.2] if curves else [tall]
    parts: Any = figure.subfigures(len(ratios), 1, squeeze=False, height_ratios=ratios, hspace=0.04)[:, 0]
    panels: list[tuple[Callable[[Any, Comparison, list[Row]], None], float]] = [(_errors, 1.2), (_seconds, 0.7)]
    if comparison.trained:
        panels.insert(0, (_results, 1.4))
    every = parts[0].subplots(1, len(panels), squeeze=False, width_ratios=[w for _, w in panels])[0]
    for i, (axes, (panel, _)) in enumerate(zip(every, panels, strict=True)):
        _lines(axes, comparison, rows, named=i == 0)
        panel(axes, comparison, rows)
    if curves:
        _curves(parts[1].subplots(), comparison)
    if titled:
        figure.suptitle(f"argrad compare {comparison.problem}", x=0.01, ha="left", fontsize=13, fontweight="bold")
        parts[0].suptitle(" ", fontsize=4)
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
    _title(axes, "After training", comparison.metric.name)
    axes.set_xlabel("● a seed   | median   ○ worst seed", color=SOFT, fontsize=8)


def _errors(axes: Any, comparison: Comparison, rows: list[Row]) -> None:  # noqa: ARG001 (panels are called alike)
    for i, row in enumerate(rows):
        q = row.quality
        if q is None:
            continue
        bias = max(q.bias if q.biased else q.bias_error, LEAST)
        known = q.biased or bias == LEAST
        noise = max(q.noise, LEAST)
        axes.plot([bias, noise], [i, i], color=RULE, linewidth=2.2, zorder=2)
        axes.scatter([noise], [i], s=34, facecolor="white", edgecolor=WINNER, linewidth=1.5, zorder=3)
        face = SECOND if known else "white"
        axes.scatter([bias], [i], s=30, marker="D", facecolor=face, edgecolor=SECOND, linewidth=1.2, zorder=4)
    axes.set_xscale("log")
    sizes = [v for r in rows if r.quality for v in (r.quality.bias, r.quality.bias_error, r.quality.noise)]
    top = max(filter(isfinite, sizes), default=1.0)  # a truth of nearly 0 leaves a bias of "at most infinity"
    decades = [10.0**k for k in range(-2, 7) if 10.0**k <= 2 * max(top, 1.0)]
    axes.set_xticks([LEAST, *decades], ["none", *(f"{d:g}" for d in decades)], minor=False)
    axes.minorticks_off()
    axes.set_xlim(LEAST / 1.6, 1.8 * max(top, 1.0))
    _title(axes, "Gradient: ◆ bias, ○ noise", "relative to the true one; ◇ bias at most")


def _seconds(axes: Any, comparison: Comparison, rows: list[Row]) -> None:  # noqa: ARG001
    for i, row in enumerate(rows):
        if row.quality is not None:
            axes.barh(i, row.quality.seconds, height=0.4, color=WINNER, alpha=0.7, zorder=2)
            axes.annotate(
                duration(row.quality.seconds),
                (row.quality.seconds, i),
                (4, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
            )
    axes.margins(x=0.35)
    axes.set_xticks([])
    _title(axes, "Time of one call", "forward and backward, cost included")


def _title(axes: Any, title: str, under: str) -> None:
    axes.set_title(f"{title}\n", loc="left", fontsize=9.5, fontweight="bold")
    axes.annotate(under, (0, 1), (0, 6), xycoords="axes fraction", textcoords="offset points", color=SOFT, fontsize=8)


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
    _title(axes, "On the way", f"{comparison.metric.name}, median over seeds")
    axes.set_xlabel("% of the training", color=SOFT, fontsize=8)


def _name_lines(axes: Any, ends: list[tuple[float, str, str]]) -> None:
    """Write each line's name beside its end, from the top down, moved apart where they would overlap."""
    low, high = axes.get_ylim()
    space, last = (high - low) / 14, high + (high - low)
    place = {"textcoords": "offset points", "fontsize": 8, "va": "center", "annotation_clip": False}
    heights = []
    for value, _, _ in sorted(ends, reverse=True):
        last = min(value, last - space)
        heights.append(last)
    lift = max(0.0, low + space / 2 - last)  # a crowd at the bottom is moved up into the picture
    for height, (_, name, colour) in zip(heights, sorted(ends, reverse=True), strict=True):
        axes.annotate(name, (100, height + lift), (6, 0), color=colour, **place)
