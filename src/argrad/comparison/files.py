"""The comparison as data: JSON with everything, CSV with one line an estimator."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from math import isfinite
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from argrad.comparison.result import Comparison


def write_json(comparison: Comparison, path: Path) -> Path:
    """Write it; numbers that are not finite become null, as JSON has none."""
    curves = {
        row.name: {str(seed): [asdict(outcome) for outcome in curve] for seed, curve in row.training.curves.items()}
        for row in comparison.rows
        if row.training is not None
    }
    data: dict[str, Any] = {
        "problem": comparison.problem,
        "verdict": comparison.verdict,
        "complete": comparison.complete,
        "setting": dict(comparison.setting),
        "metric": asdict(comparison.metric),
        "truth": {"source": comparison.truth, "relative_standard_error": comparison.truth_error},
        "estimators": comparison.records(),
        "curves": curves,
    }
    path.write_text(json.dumps(_finite(data), indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    return path


def write_csv(comparison: Comparison, path: Path) -> Path:
    """Write the records; a column that no row has is left out, an unknown number is empty."""
    records = comparison.records()
    columns = list(dict.fromkeys(name for record in records for name in record))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(records)
    return path


def _finite(value: Any) -> Any:
    match value:
        case dict():
            return {k: _finite(v) for k, v in value.items()}
        case list() | tuple():
            return [_finite(v) for v in value]
        case float() if not isfinite(value):
            return None
        case _:
            return value
