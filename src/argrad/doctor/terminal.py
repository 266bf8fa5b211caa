"""The report as text, in the manner of a good compiler: what, where, why, what to do."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

from argrad.doctor.findings import findings_of, grouped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from argrad.doctor.findings import Finding
    from argrad.doctor.frames import Site
    from argrad.doctor.onward import Onward
    from argrad.doctor.report import Cut, Report

Line = tuple[str, str]
"""A line and its style (a rich style, or nothing)."""
_WIDTH = 108


def lines_of(report: Report) -> Iterator[Line]:
    """The whole report, line by line."""
    for finding in findings_of(report):
        yield from _finding(finding)
    for cut in _harmless(report):
        yield from _note(cut)
    if report.error is not None:
        yield f"note: the script died in backward: {report.error}", "dim"
    if report.silenced_loss:
        yield "note: the loss is a leaf (requires_grad was set on it): that reconnects nothing [ARG015]", "yellow"
    if report.interrupted is not None:
        yield f"note: {report.interrupted}", "bold yellow"
    for note in report.notes:
        yield f"note: {note}", "dim"
    yield from _summary(report)


def _finding(finding: Finding) -> Iterator[Line]:
    style = {"error": "bold red", "warning": "bold yellow"}.get(finding.level, "cyan")
    yield f"{finding.level}[{finding.code}]: {finding.title}", style
    if finding.names:
        yield from ((f"  {row}", "") for row in _rows(grouped(finding.names)))
    yield "", ""
    if finding.site is not None and not any(c.site.line == finding.site.line for c in finding.cuts):
        yield from _place(finding.site, [])
        if finding.marked and finding.site.end_line == finding.site.line:
            marks = "^" * (finding.site.end_column - finding.site.column)
            yield f"{_margin(finding.site)}{_before(finding.site)}{marks} a constant: no gradient goes back", "red"
    onward = next((cut.onward for cut in finding.cuts if cut.onward is not None), None)
    for cuts in _by_line(finding.cuts):
        yield from _place(cuts[0].site, cuts)
        if onward is not None and _same_line(onward.site, cuts[0].site):
            yield _goes_on(onward)
    if onward is not None and not any(_same_line(onward.site, cut.site) for cut in finding.cuts):
        yield from _place(onward.site, [])
        yield _goes_on(onward)
    if finding.help:
        if finding.site is not None or finding.cuts:
            yield "", ""
        yield f"  help: {finding.help[0]}", "green"
        yield from ((f"        {line}", "green") for line in finding.help[1:])
    yield f"  more: argrad doctor --explain {finding.code}", "dim"
    yield "", ""


def _by_line(cuts: Sequence[Cut]) -> list[list[Cut]]:
    places: dict[tuple[str, int], list[Cut]] = {}
    for cut in cuts:
        places.setdefault((cut.site.file, cut.site.line), []).append(cut)
    return [sorted(places[place], key=lambda cut: cut.site.column) for place in sorted(places)]


def _place(site: Site, cuts: Sequence[Cut]) -> Iterator[Line]:
    head = f"  {_short(site.file)}:{site.line} | "
    yield f"{head} {site.text.strip()}", ""
    blank = _margin(site)
    for cut in cuts:
        width = max(len(cut.operation) if cut.operation.isidentifier() else 1, 1)
        span = cut.site.end_column - cut.site.column
        carets = "^" * max(1, min(span, width) if cut.site.end_line == site.line else width)
        yield f"{blank}{_before(cut.site)}{carets} {_reason(cut)}", "red"
        if measured := _measured(cut):
            yield f"{blank}{_before(cut.site)}{' ' * len(carets)} {measured}", "red"
        if cut.library is not None:
            yield f"{blank}in {_short(cut.library.file)}:{cut.library.line}: {cut.library.text.strip()}", "dim"


def _goes_on(onward: Onward) -> Line:
    """The part of the program behind the cut that keeps its gradient."""
    dashes = "-" * (onward.site.end_column - onward.site.column)
    text = f"the gradient goes on to `{onward.operand}` from here; that part is fine"
    return f"{_margin(onward.site)}{_before(onward.site)}{dashes} {text}", "green"


def _margin(site: Site) -> str:
    return " " * len(f"  {_short(site.file)}:{site.line} ") + "|  "


def _before(site: Site) -> str:
    """As many blanks as stand between the first letter of the line and the place."""
    return " " * max(site.column - 1 - (len(site.text) - len(site.text.lstrip())), 0)


def _same_line(one: Site, other: Site) -> bool:
    return (one.file, one.line) == (other.file, other.line)


def _measured(cut: Cut) -> str:
    found = []
    if cut.values is not None and cut.family.name in {"saturation", "cold-softmax"}:
        found.append(f"{cut.operation} input in [{cut.values[0]:.3g}, {cut.values[1]:.3g}]")
    if cut.left is not None:
        found.append(f"only {cut.left:.0e} of the gradient gets through")
    return "; ".join(found)


def _reason(cut: Cut) -> str:
    why = cut.family.why
    if cut.silenced is not None:
        why += f" (silenced: {cut.silenced})"
    return why


def _harmless(report: Report) -> list[Cut]:
    said = {name for term in report.live_dead_terms for name in term.cuts}
    starved = {parameter.name for parameter in report.starved}
    quiet = [cut for cut in report.cuts if cut.verdict == "harmless" and not cut.family.explicit]
    return [cut for cut in quiet if cut.id not in said and not starved & set(cut.parameters)][:5]


def _note(cut: Cut) -> Iterator[Line]:
    reached = ", ".join(f"`{name}`" for name in grouped(cut.parameters, 3))
    place = f"{_short(cut.site.file)}:{cut.site.line}"
    yield f"harmless: {place} {cut.operation} is a constant to autograd, and that is fine here;", "green"
    yield f"  the gradient reaches {reached} through what was selected or compared;", ""
    yield "  the choice is held fixed in each step", ""


def _summary(report: Report) -> Iterator[Line]:
    flows = [p for p in report.parameters if p.status == "flows"]
    steps = f"{report.steps} step{'s' if report.steps != 1 else ''} watched"
    if not report.parameters:
        yield "nothing was watched: no trainable parameter met a backward or an optimiser step", "bold yellow"
    elif flows:
        rows = list(_rows(grouped(flows)))
        yield f"ok: {rows[0]}", "bold green"
        yield from ((f"    {row}", "") for row in rows[1:])
        yield f"    ({steps})", "dim"
    else:
        yield f"no parameter gets a gradient ({steps})", "bold red"


def _rows(names: Sequence[str]) -> Iterator[str]:
    row = ""
    for name in names:
        if row and len(row) + len(name) + 2 > _WIDTH:
            yield row
            row = ""
        row = f"{row}, {name}" if row else name
    if row:
        yield row


def _short(file: str) -> str:
    try:
        relative = os.path.relpath(file)
    except ValueError:
        return file
    return file if relative.startswith("..") else relative


def text_of(report: Report) -> str:
    """The report as plain text."""
    return "\n".join(line for line, _ in lines_of(report))


def show(report: Report, stream: TextIO | None = None) -> None:
    """Print the report, in colours where the stream has them."""
    from rich.console import Console  # noqa: PLC0415  (only where it is shown)
    from rich.text import Text  # noqa: PLC0415

    console = Console(file=stream or sys.stdout, highlight=False, soft_wrap=True)
    for line, style in lines_of(report):
        console.print(Text(line, style=style))
