"""Numbers as people read them, and the sentence that names an estimator."""

from __future__ import annotations

from math import isinf, isnan
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argrad.comparison.measure import Quality
    from argrad.comparison.result import Comparison, Row

_MICRO, _MILLI = 1e-3, 1.0
_THOUSAND = 1000.0


def number(value: float | None) -> str:
    """Three digits, and no more.

    >>> [number(v) for v in (0.12345, 97.04, 0.0, None, 12345.0)]
    ['0.123', '97', '0', '–', '12345']
    """
    if value is None or isnan(value):
        return "–"
    if isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:.3g}" if abs(value) < _THOUSAND else f"{value:.0f}"
    return text.replace("-", "−") if "e" not in text else text


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
    """The bias with its standard error, or what it is at most."""
    if quality.biased:
        return f"{number(quality.bias)} ± {quality.bias_error:.1g}" if quality.bias_error > 1e-3 else number(quality.bias)
    return "none" if quality.bias_error < 1e-3 else f"< {number(quality.bias_error)}, within noise"


def verdict(comparison: Comparison) -> str:
    """Which estimator, and why, in one sentence."""
    best = comparison.winner
    if best is None:
        return "Nothing has been measured yet."
    if comparison.trained:
        return _by_training(comparison, best)
    return _by_gradient(comparison, best)


def _by_training(comparison: Comparison, best: Row) -> str:
    metric, training = comparison.metric, best.training
    if training is None:
        return ""
    others = [r for r in comparison.trained if r.name != best.name]
    count = len(training.hard)
    seeds = f"the worst of its {count} seeds" if count > 1 else "its one seed"
    say = f"Take {best.name}: {seeds} ended at {number(comparison.worst(best))} ({metric.name})"
    equal = [r for r in others if abs(comparison.worst(r) - comparison.worst(best)) <= metric.resolution]
    if equal and best.quality is not None:
        names = ", ".join(r.name for r in equal)
        return f"{say}, no worse than {names} by more than the test can tell, and its call is the fastest of these."
    if not others:
        return f"{say}."
    return f"{say}; the next best worst seed is {number(comparison.worst(others[0]))}, of {others[0].name}."


def _by_gradient(comparison: Comparison, best: Row) -> str:
    quality = best.quality
    if quality is None:
        return ""
    others = [r for r in comparison.rows if r.quality is not None and r.name != best.name]
    how = "exactly" if quality.error < 1e-3 else f"with a relative error of {number(comparison.error_at_equal_time(best))}"
    say = f"Take {best.name}: in the time of the slowest one's call it gives the true gradient {how}"
    if not others:
        return f"{say}."
    runner = min(others, key=comparison.error_at_equal_time)
    return f"{say}; the next, {runner.name}, with {number(comparison.error_at_equal_time(runner))}."
