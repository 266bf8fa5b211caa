"""The report as SARIF 2.1.0, which code hosts show on the line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from argrad._version import __version__
from argrad.doctor.families import FAMILIES
from argrad.doctor.findings import findings_of

if TYPE_CHECKING:
    from argrad.doctor.findings import Finding
    from argrad.doctor.frames import Site
    from argrad.doctor.report import Report


def to_sarif(report: Report) -> str:
    """One run with one result for each place of each finding."""
    rules = [
        {"id": family.code, "name": family.name, "shortDescription": {"text": family.why}}
        for family in sorted(FAMILIES, key=lambda family: family.code)
    ]
    results = [result for finding in findings_of(report) for result in _results(finding)]
    driver = {"name": "argrad doctor", "version": __version__, "rules": rules}
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "invocations": [{"executionSuccessful": report.interrupted is None}],
                "columnKind": "unicodeCodePoints",
                "results": results,
            }
        ],
    }
    return json.dumps(log, indent=2)


def _results(finding: Finding) -> list[dict[str, Any]]:
    places = [cut.site for cut in finding.cuts] or ([finding.site] if finding.site else [])
    names = f": {', '.join(finding.names)}" if finding.names else ""
    base = {"ruleId": finding.code, "level": finding.level, "message": {"text": finding.title + names}}
    if not places:
        return [base]
    return [{**base, "locations": [_location(site)]} for site in places]


def _location(site: Site) -> dict[str, Any]:
    path = Path(site.file)
    try:
        uri = path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        uri = path.as_uri() if path.is_absolute() else path.as_posix()
    region = {"startLine": site.line, "startColumn": site.column, "endLine": site.end_line}
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": uri},
            "region": {**region, "endColumn": max(site.end_column, site.column + 1)},
        }
    }
