"""The doctor against programs whose gradient flow is known."""

import json

import pytest

from doctor.judge import harmful_lines, programs, run_quietly, truth_of


@pytest.mark.parametrize("path", programs(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_program(path):
    truth = truth_of(path)
    outcome = run_quietly(path.resolve())
    report = outcome.report
    assert {p.name for p in report.starved} == truth.starved
    assert {p.name for p in report.parameters if p.status == "vanishing"} == truth.vanishing
    named = harmful_lines(report, path.resolve())
    assert truth.lines("harmful") <= named
    assert not {line for line in named if truth.marks.get(line) in {None, "harmless"}}
    dead = {term.site.line for term in report.dead_terms if not term.whole_loss}
    assert all(entry & dead for entry in truth.dead)
    assert truth.starved or all(any(line in entry for entry in truth.dead) for line in dead)
    assert not report.notes
    if not truth.starved and not truth.dead:
        assert outcome.exit_code == 0
        assert not report.harmful
    json.dumps(report.as_dict())


def test_there_are_programs():
    assert len(programs()) >= 80
