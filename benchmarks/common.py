"""What the benchmarks share: rivals timed in turn in one process, the machine's name, a Markdown table, a JSON file."""

from __future__ import annotations

import json
import os
import platform
import time
from pathlib import Path
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RESULTS = Path(__file__).parent / "results"
_TURN = 0.01


def race(rivals: Mapping[str, Callable[[], object]], rounds: int = 15, seconds: float = 3) -> dict[str, float]:
    """Let every rival run in turn, round by round, and return the best wall time of a call in milliseconds.

    A turn is one call, or calls for ten milliseconds if they are short, so that none pays for the caches that another
    left behind. There are at least so many rounds, and more until the seconds are over: short calls are disturbed more.
    """
    best = dict.fromkeys(rivals, float("inf"))
    for call in rivals.values():
        call()
    began, done = time.perf_counter(), 0
    while done < rounds or time.perf_counter() - began < seconds:
        done += 1
        for name, call in rivals.items():
            best[name] = min(best[name], _turn(call))
    return best


def _turn(call: Callable[[], object]) -> float:
    best, began = float("inf"), time.perf_counter()
    while best == float("inf") or time.perf_counter() - began < _TURN:
        _wait()
        start = time.perf_counter()
        call()
        _wait()
        best = min(best, 1e3 * (time.perf_counter() - start))
    return best


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def floor(numbers: float, operations: float, what: str, size: int = 4) -> str:
    """Say the least that a task must do: numbers to read and write, of so many bytes each, and operations."""
    return f"{numbers * size / 1e6:.3g} MB, {operations / 1e6:.3g} M {what}"


def machine() -> dict[str, object]:
    """Say what this was measured on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = lines[0].split(":", 1)[1].strip() if lines else model
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def table(rows: list[dict[str, object]]) -> str:
    """Lay rows out as a Markdown table; the first row's keys are the columns."""
    columns = list(rows[0])
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(_cell(row.get(column)) for column in columns) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def save(name: str, rows: list[dict[str, object]]) -> None:
    """Print the table, and keep rows and machine in `results/NAME.json`."""
    print(table(rows))
    print(machine())
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps({"machine": machine(), "rows": rows}, indent=1, ensure_ascii=False)
    (RESULTS / f"{name}.json").write_text(text + "\n")
