"""The doctor against programs whose gradient flow is known."""

import json

import pytest

from doctor.judge import harmful_lines, programs, run_quietly, truth_of

KNOWN_BLIND = {
    "d024_ctc_edit_distance_term",  # the dead term passes through Python lists and integers
    "d033_triplet_numpy_distances",  # and here through numpy
    "h030_iou_in_python",  # and here through Python numbers
    "h032_bernoulli_gates",  # the term depends on drawn gates alone, whose starvation is reported
}


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
    if path.stem not in KNOWN_BLIND:
        dead = {term.site.line for term in report.dead_terms if not term.whole_loss}
        assert all(entry & dead for entry in truth.dead)
        assert truth.starved or all(any(line in entry for entry in truth.dead) for line in dead)
    if not truth.starved and not truth.dead:
        assert outcome.exit_code == 0
        assert not report.harmful
    json.dumps(report.as_dict())


def test_there_are_programs():
    assert len(programs()) >= 80
