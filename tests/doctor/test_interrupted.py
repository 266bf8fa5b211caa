"""After Ctrl-C the report says how far the run had come, and judges what was seen until then."""

import json

import pytest

from argrad.doctor.page import to_html
from argrad.doctor.sarif import to_sarif
from argrad.doctor.terminal import text_of
from doctor.judge import run_quietly
from doctor.test_contract import argrad

PROGRAM = """
import os, signal, sys
import torch
from torch import nn

AT, WHERE = int(sys.argv[1]), sys.argv[2]

class Through(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, grad):
        stop("backward")
        return grad

def stop(where):
    if step == AT and where == WHERE:
        os.kill(os.getpid(), signal.SIGINT)

first, last = nn.Linear(3, 2), nn.Linear(2, 1)
optimizer = torch.optim.SGD([*first.parameters(), *last.parameters()], lr=0.1)
for step in range(60):
    optimizer.zero_grad()
    loss = last(Through.apply(first(torch.randn(4, 3)).round())).pow(2).mean()
    loss.backward()
    stop("between")
    optimizer.step()
"""
SAID = {
    (0, "backward"): "interrupted before the first optimiser step",
    (0, "between"): "interrupted before the first optimiser step",
    (1, "between"): "interrupted after 1 optimiser step; this is what was seen until then",
    (3, "backward"): "interrupted after 3 optimiser steps; this is what was seen until then",
    (40, "between"): "interrupted later than the 10 watched optimiser steps; they were judged whole",
}


@pytest.fixture
def script(tmp_path):
    (tmp_path / "train.py").write_text(PROGRAM)
    return tmp_path / "train.py"


@pytest.mark.parametrize("stop", [False, True])
@pytest.mark.parametrize(("at", "where"), SAID)
def test_the_steps_before_it_are_judged_and_counted(script, at, where, stop):
    outcome = run_quietly(script, args=[str(at), where], stop=stop)
    if stop and at > 10:  # the script has ended by then
        assert (outcome.report.interrupted, outcome.exit_code) == (None, 1)
        return
    report = outcome.report
    assert (report.interrupted, outcome.exit_code) == (SAID[at, where], 130)
    assert report.steps == min(at, 10)
    assert {p.name for p in report.starved} == ({"first.weight", "first.bias"} if at else set())
    assert report.error is None


def test_every_form_of_the_report_says_it(script):
    report = run_quietly(script, args=["3", "between"]).report
    assert f"note: {SAID[3, 'backward']}" in text_of(report).splitlines()
    assert SAID[3, "backward"] in to_html(report)
    assert report.as_dict()["interrupted"] == SAID[3, "backward"]
    assert json.loads(to_sarif(report))["runs"][0]["invocations"] == [{"executionSuccessful": False}]


def test_a_run_that_ends_by_itself_says_nothing_of_it(script):
    report = run_quietly(script, args=["-1", ""]).report
    assert "interrupted" not in text_of(report) + report.to_json()
    assert json.loads(to_sarif(report))["runs"][0]["invocations"] == [{"executionSuccessful": True}]


def test_the_command_exits_as_after_ctrl_c_without_a_traceback(script):
    done = argrad("doctor", "--format", "json", script, "3", "backward")
    assert done.returncode == 130
    assert json.loads(done.stdout)["steps"] == 3
    assert done.stderr == f"argrad doctor: {SAID[3, 'backward']}.\n"
