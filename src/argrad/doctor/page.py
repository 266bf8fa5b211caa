"""The report as one self-contained HTML page: the findings, and the source with its cuts marked."""

from __future__ import annotations

import linecache
from html import escape
from typing import TYPE_CHECKING

from argrad.doctor.terminal import lines_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argrad.doctor.report import Cut, Report

_STYLE = """
.argrad { font: 13px/1.5 ui-monospace, monospace; color: #1b1f24; background: #fff; padding: 1em; }
.argrad pre { margin: 0; overflow-x: auto; }
.argrad .n { color: #8c959f; user-select: none; display: inline-block; width: 4em; text-align: right; }
.argrad .n { margin-right: 1em; }
.argrad .harmful { background: #ffebe9; } .argrad .partial { background: #fff8c5; }
.argrad .harmless { background: #dafbe1; }
.argrad .why { color: #57606a; font-style: italic; } .argrad h3 { margin: 1.2em 0 .3em; }
.argrad .red { color: #b3261e; } .argrad .green { color: #1a7f37; }
.argrad .yellow { color: #9a6700; } .argrad .dim { color: #6e7781; }
.argrad .bold { font-weight: 600; }
"""
_CONTEXT = 3


def to_html(report: Report, *, whole_page: bool = True) -> str:
    """The page, or only its content (for notebooks)."""
    text, sources = "".join(_text(report)), "".join(_sources(report))
    body = f'<style>{_STYLE}</style><div class="argrad"><pre>{text}</pre>{sources}</div>'
    if not whole_page:
        return body
    head = '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>argrad doctor</title></head>'
    return f"{head}<body>{body}</body></html>\n"


def _text(report: Report) -> Iterator[str]:
    for line, style in lines_of(report):
        yield f'<span class="{escape(style)}">{escape(line)}</span>\n'


def _sources(report: Report) -> Iterator[str]:
    files: dict[str, dict[int, list[Cut]]] = {}
    for cut in report.cuts:
        files.setdefault(cut.site.file, {}).setdefault(cut.site.line, []).append(cut)
    for file, marks in files.items():
        yield f"<h3>{escape(file)}</h3><pre>{''.join(_source(file, marks))}</pre>"


def _source(file: str, marks: dict[int, list[Cut]]) -> Iterator[str]:
    near = {line + shift for line in marks for shift in range(-_CONTEXT, _CONTEXT + 1)}
    previous = 0
    for number, text in enumerate(linecache.getlines(file), 1):
        if number not in near:
            continue
        if previous and number > previous + 1:
            yield '<span class="n">⋮</span>\n'
        previous = number
        yield _line(number, text.rstrip("\n"), marks.get(number, []))


def _line(number: int, text: str, cuts: list[Cut]) -> str:
    verdicts = [cut.verdict for cut in cuts]
    kind = next((v for v in ("harmful", "partial", "harmless") if v in verdicts), "")
    why = "; ".join(dict.fromkeys(f"{cut.operation}: {cut.verdict}, {cut.family.why}" for cut in cuts))
    note = f'  <span class="why">← {escape(why)}</span>' if why else ""
    return f'<span class="n">{number}</span><span class="{kind}">{escape(text)}</span>{note}\n'
