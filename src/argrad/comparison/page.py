"""The comparison as one self-contained page: no script, no file beside it, nothing fetched."""

from __future__ import annotations

import io
import re
from html import escape
from typing import TYPE_CHECKING

from argrad.comparison.screen import (
    GRADIENT_COLUMNS,
    gradient_cells,
    gradient_legend,
    notes,
    training_cells,
    training_columns,
    training_legend,
)

if TYPE_CHECKING:
    from pathlib import Path

    from argrad.comparison.result import Comparison, Row

STYLE = """
:root { --ink: #1f2933; --soft: #6b7684; --rule: #e4e7eb; --win: #0b7285; --wash: #e7f3f5; }
* { box-sizing: border-box; }
body { font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; color: var(--ink);
       background: #fff; margin: 0 auto; max-width: 1080px; padding: 2.5rem 1.5rem 4rem; }
h1 { font-size: 1.7rem; margin: 0 0 .4rem; } h2 { font-size: 1.15rem; margin: 2.4rem 0 .6rem; }
p { margin: .3rem 0; } .soft { color: var(--soft); font-size: .92rem; max-width: 75ch; }
.verdict { background: var(--wash); border-left: 4px solid var(--win); padding: .9rem 1.1rem; margin: 1.4rem 0;
           font-size: 1.08rem; border-radius: 0 6px 6px 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .38rem .7rem; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th { color: var(--soft); font-weight: 600; } th:first-child, td:first-child { text-align: left; }
tr.win td { background: var(--wash); color: var(--win); font-weight: 600; }
figure { margin: 1.2rem 0; } svg { width: 100%; height: auto; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; font-size: .92rem; }
dt { color: var(--soft); } dd { margin: 0; }
"""


def write_html(comparison: Comparison, path: Path) -> Path:
    """Write the page."""
    path.write_text(page(comparison), encoding="utf-8")
    return path


def page(comparison: Comparison) -> str:
    """Give the page."""
    title = escape(f"argrad compare {comparison.problem}")
    parts = [
        f"<h1>{title}</h1>",
        f'<p class="soft">{escape(comparison.about)}</p>' if comparison.about else "",
        f'<p class="verdict">{escape(comparison.verdict)}</p>',
        _picture(comparison),
        _trainings(comparison),
        _gradients(comparison),
        *(f'<p class="soft">{escape(note)}</p>' for note in notes(comparison)),
        _setting(comparison),
    ]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    body = "\n".join(part for part in parts if part)
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{STYLE}</style></head>\n<body>\n{body}\n</body></html>\n'
    )


def _picture(comparison: Comparison) -> str:
    from argrad.comparison.picture import paint  # noqa: PLC0415 (matplotlib is an extra)

    try:
        figure = paint(comparison, titled=False)
    except ModuleNotFoundError as error:
        return f'<p class="soft">{escape(str(error))}</p>'
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None}, bbox_inches="tight")
    svg = re.sub(r"^.*?(?=<svg)", "", drawn.getvalue(), count=1, flags=re.DOTALL)
    return f'<figure role="img" aria-label="{escape(comparison.verdict)}">{svg}</figure>'


def _table(comparison: Comparison, columns: tuple[str, ...], rows: list[tuple[Row, list[str]]]) -> str:
    best = comparison.winner
    head = "".join(f"<th>{escape(column)}</th>" for column in ("estimator", *columns))
    body = []
    for row, words in rows:
        cells = "".join(f"<td>{escape(word)}</td>" for word in (row.name, *words))
        body.append(
            f'<tr class="win">{cells}</tr>' if best is not None and row.name == best.name else f"<tr>{cells}</tr>"
        )
    return f'<div class="scroll"><table><tr>{head}</tr>{"".join(body)}</table></div>'


def _trainings(comparison: Comparison) -> str:
    if not comparison.trained:
        return ""
    better = "higher" if comparison.metric.larger_is_better else "lower"
    rows = [(row, training_cells(comparison, row)) for row in comparison.trained]
    table = _table(comparison, training_columns(comparison), rows)
    name, legend = escape(comparison.metric.name), escape(training_legend(comparison))
    return f'<h2>After training: {name}, {better} is better</h2>{table}<p class="soft">{legend}</p>'


def _gradients(comparison: Comparison) -> str:
    rows = [(row, gradient_cells(row)) for row in comparison.rows if row.quality is not None]
    if not rows:
        return ""
    legend = escape(gradient_legend(comparison))
    return f'<h2>The gradient of one call</h2>{_table(comparison, GRADIENT_COLUMNS, rows)}<p class="soft">{legend}</p>'


def _setting(comparison: Comparison) -> str:
    pairs = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in comparison.setting.items())
    return f"<h2>Setting</h2><dl>{pairs}</dl>" if pairs else ""
