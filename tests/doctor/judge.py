"""Reads the truth that is written in a program, and compares a report with it."""

import contextlib
import io
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

from argrad.doctor.script import run_script

CASES = Path(__file__).parent.parent / "doctor_cases"


@dataclass(frozen=True)
class Truth:
    """What is known of a program."""

    starved: frozenset
    dead: tuple
    marks: dict
    vanishing: frozenset = frozenset()

    def lines(self, kind):
        return {line for line, mark in self.marks.items() if mark == kind}


def truth_of(path):
    lines = path.read_text().splitlines()
    heads = {
        key: line.partition(":")[2]
        for line in lines[:3]
        for key in ("STARVED", "VANISHING", "DEAD")
        if line.startswith(f"# {key}:")
    }
    marks = {n: m[1] for n, line in enumerate(lines, 1) if (m := re.search(r"#!\s*(\w+)", line))}
    dead = tuple(frozenset(map(int, entry.split("|"))) for entry in heads.get("DEAD", "").split())
    return Truth(frozenset(heads["STARVED"].split()), dead, marks, frozenset(heads.get("VANISHING", "").split()))


def run_quietly(path, **options):
    quiet = contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO())
    with quiet[0], quiet[1], warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return run_script(str(path), **options)


def harmful_lines(report, path):
    return {cut.site.line for cut in report.harmful if Path(cut.site.file) == path}


def programs():
    return sorted(p for p in CASES.glob("*/*.py") if p.read_text().startswith("# STARVED:"))
