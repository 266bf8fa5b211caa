"""The command line, as a user calls it."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from argrad import GumbelRao, MarginalLikelihood, ReinMax, StraightThrough
from argrad.cli.names import find_problem, read_estimators
from argrad.comparison import Annealed
from argrad.noise import Gumbel

RUN = [sys.executable, "-c", "from argrad.cli import main; main()"]
PROBLEM = """
import time
from pathlib import Path
import torch
from argrad import ReinMax, Enumerate
from argrad.comparison import Metric, Outcome, Problem

def toy(steps=2):
    def train(estimator, seed):
        for i in range(steps):
            yield Outcome(hard=float(seed), progress=(i + 1) / steps)
            if seed == 1:
                Path(__file__).with_suffix(".running").touch()
                time.sleep(0.05)
    cost = lambda y: y @ torch.tensor([1.0, 2.0])
    return Problem(cost, torch.zeros(3, 2), {"exact": Enumerate()}, train, Metric("seed"), name="toy")

def wrong():
    return 3
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(PROBLEM)
    return path


def test_help_does_not_import_torch():
    code = """
import sys
from argrad.cli import app
app(["--help"], result_action="return_value")
assert "torch" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "compare" in done.stdout


def test_a_function_of_ones_own_is_run_and_reported(file, tmp_path):
    out = tmp_path / "out"
    call = [*RUN, "compare", f"{file}:toy", "--seeds", "2", "--draws", "20", "--out", str(out)]
    done = subprocess.run([*call, "--estimators", "Enumerate,ReinMax"], capture_output=True, text=True, check=True)
    assert "Take " in done.stdout
    assert str(out / "report.html") in done.stdout.replace("\n", "")
    found = json.loads((out / "results.json").read_text())
    assert [row["estimator"] for row in found["estimators"]] == ["Enumerate", "ReinMax"]
    assert {p.name for p in out.iterdir()} == {"report.html", "plot.png", "results.json", "results.csv"}


def test_control_c_keeps_what_is_done(file, tmp_path):
    out = tmp_path / "out"
    call = [*RUN, "compare", f"{file}:toy", "--steps", "5000", "--draws", "5", "--out", str(out)]
    running = subprocess.Popen(call, stdout=subprocess.PIPE, text=True, env=os.environ | {"COLUMNS": "200"})
    begun = time.monotonic()
    while not file.with_suffix(".running").exists() and time.monotonic() - begun < 120:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    said, _ = running.communicate(timeout=120)
    assert running.returncode == 130
    assert "Interrupted" in said
    found = json.loads((out / "results.json").read_text())
    assert found["complete"] is False
    assert list(found["curves"]["exact"]) == ["0"]  # the seed that was finished


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["nonsense"], "keypoint, polynomial, select, vae"),
        (["missing.py:f"], "no file"),
        (["select", "--estimators", "Nope"], "no 'Nope'"),
    ],
)
def test_mistakes_are_said_in_a_line(arguments, word):
    done = subprocess.run([*RUN, "compare", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert word in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr


def test_estimators_are_read_as_objects():
    text = "StraightThrough, GumbelRao(samples=10,temperature=0.5),StraightThrough(noise=Gumbel),ReinMax()"
    expected = [StraightThrough(), GumbelRao(samples=10, temperature=0.5), StraightThrough(noise=Gumbel()), ReinMax()]
    assert list(read_estimators(text).values()) == expected
    annealed = read_estimators("Annealed(MarginalLikelihood,1.0,end=0.1)")
    assert list(annealed.values()) == [Annealed(MarginalLikelihood(), 1.0, 0.1)]


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "ReinMax.__class__",
        "[x for x in (1,)]",
        "ReinMax(temperature=open('/etc/passwd'))",
        "Gumbel",
        "3",
        "ReinMax(",
        "(lambda: ReinMax())()",
    ],
)
def test_text_is_never_run(text):
    with pytest.raises(ValueError, match=r"estimators|malformed"):
        read_estimators(text)


def test_a_function_that_returns_something_else_is_refused(file):
    with pytest.raises(TypeError, match="Problem"):
        find_problem(f"{file}:wrong")(device="cpu")
    with pytest.raises(TypeError, match="steps"):
        find_problem(f"{file}:wrong")(steps=3)
    with pytest.raises(ValueError, match="no function"):
        find_problem(f"{file}:absent")
