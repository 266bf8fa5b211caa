"""Numbers as people read them, and the sentence that names an estimator."""

from __future__ import annotations

from math import isinf, isnan
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argrad.comparison.measure import Quality
    from argrad.comparison.result import Comparison, Row

_MICRO, _MILLI = 1e-3, 1.0
_NONE = 1e-3
_THOUSAND = 1000.0


def number(value: float | None) -> str:
    """Three digits.

    >>> [number(v) for v in (0.12345, 97.04, 0.0, None, 12345.0)]
    ['0.123', '97.0', '0', '–', '12345']
    """
    if value is None or isnan(value):
        return "–"
    if isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:#.3g}".removesuffix(".") if abs(value) < _THOUSAND else f"{value:.0f}"
    return "0" if value == 0 else text.replace("-", "−")


def duration(seconds: float) -> str:
    """Seconds in the unit that suits.

    >>> duration(0.00042)
    '420 µs'
    """
    if seconds < _MICRO:
        return f"{number(seconds * 1e6)} µs"
    return f"{number(seconds * 1e3)} ms" if seconds < _MILLI else f"{number(seconds)} s"


def size(count: int | None) -> str:
    """Bytes in the unit that suits.

    >>> size(62_720)
    '62.7 kB'
    """
    if count is None:
        return "–"
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{number(count / scale)} {unit}"
    return f"{count} B"


def bias(quality: Quality) -> str:
    """The bias; with "<" what it is at most, where it is within noise.

    Below a thousandth of the gradient's length it counts as none.
    """
    if quality.biased or isnan(quality.bias):
        return number(quality.bias)
    return "none" if quality.bias_error < _NONE else f"< {number(quality.bias_error)}"


def verdict(comparison: Comparison) -> str:
    """Which estimator, and why, in one sentence."""
    best = comparison.winner
    if best is None:
        return (
            "None of these estimators suits the problem." if comparison.complete else "Nothing has been measured yet."
        )
    if comparison.trained:
        return _by_training(comparison, best)
    return _by_gradient(comparison, best)


def _by_training(comparison: Comparison, best: Row) -> str:
    others = [r for r in comparison.trained if r.name != best.name]
    metric = comparison.metric
    say = f"Take {best.name}: its {_worst(best)} ended at {number(comparison.worst(best))}"
    equal = [r for r in others if abs(comparison.worst(r) - comparison.worst(best)) <= metric.resolution]
    if equal:
        names = ", ".join(r.name for r in equal)
        return f"{say} ({metric.name}), no worse than {names} as far as the test can tell, and its call is the fastest."
    if not others:
        return f"{say} ({metric.name})."
    then = f"that of the next best, {others[0].name}, at {number(comparison.worst(others[0]))} ({metric.name})"
    return f"{say}, {then}{_prices(best, others[0])}."


def _worst(row: Row) -> str:
    count = len(row.training.hard) if row.training else 0
    return f"worst of {count} seeds" if count > 1 else "one seed"


def _prices(best: Row, other: Row) -> str:
    if best.quality is None or other.quality is None:
        return ""
    return f"; one call takes {duration(best.quality.seconds)} against {duration(other.quality.seconds)}"


def _by_gradient(comparison: Comparison, best: Row) -> str:
    others = [r for r in comparison.rows if r.quality is not None and r.name != best.name]
    say = f"Take {best.name}: given the time of the slowest one's call, {_precision(comparison, best)}"
    if not others:
        return f"{say}."
    runner = min(others, key=comparison.error_at_equal_time)
    return f"{say}; the next, {runner.name}: {_precision(comparison, runner)}."


def _precision(comparison: Comparison, row: Row) -> str:
    error = comparison.error_at_equal_time(row)
    return (
        "its gradient is exact" if error < _NONE else f"its gradient is off by {number(error)} of the true one's length"
    )
