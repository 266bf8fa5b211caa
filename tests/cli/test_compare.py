"""The command line, as a user calls it."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from argrad import GumbelRao, MarginalLikelihood, ReinMax, StraightThrough
from argrad.cli import app
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

def needy(data):
    return data

def broken():
    raise ValueError("a bug of one's own")
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
        (["nonsense"], "keypoint, path, polynomial, rank, select, tags, vae"),
        (["selct"], "Did you mean select?"),
        (["missing.py:f"], "no file"),
        (["mine.py"], "mine.py:function"),
        (["select", "--estimators", "Nope"], "no 'Nope'"),
        (["select", "--estimators", "Reinmax"], "Did you mean ReinMax?"),
        (["select", "--estimators", "GumbelRao(sample=3)"], "GumbelRao takes samples, temperature"),
        (["select", "--device", "nowhere"], "--device nowhere"),
        (["select", "--device", "meta"], "--device meta"),
        (["select", "--device", "mps"], "from the 'MPS' backend\n"),
        (["select", "--estimators", "print(1).real"], "no other code"),
        (["select", "--seeds", "0"], ">= 1"),
        (["select", "--steps", "0"], ">= 1"),
        (["select", "--draws", "1"], ">= 2"),
        (["polynomial", "--steps", "1", "--out", __file__], "cannot be made"),
    ],
)
def test_mistakes_are_said_in_a_line(arguments, word, capsys):
    with pytest.raises(SystemExit) as stop:
        app(["compare", *arguments])
    said = capsys.readouterr().err
    assert stop.value.code == 2
    assert word in said
    assert "Traceback" not in said


def test_an_earlier_result_stays_unless_it_may_go(file, tmp_path, capsys):
    (tmp_path / "plot.png").write_bytes(b"earlier")
    call = ["compare", f"{file}:toy", "--seeds", "1", "--draws", "2", "--estimators", "ReinMax", "--out", str(tmp_path)]
    with pytest.raises(SystemExit) as stop:
        app(call)
    said = capsys.readouterr().err
    assert stop.value.code == 2
    assert f"argrad compare: --out {tmp_path} holds an earlier result (plot.png). Name another folder, or" in said
    assert (tmp_path / "plot.png").read_bytes() == b"earlier"
    assert not file.with_suffix(".running").exists()  # nothing was trained
    app([*call, "--overwrite"], result_action="return_value")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_a_bug_in_ones_own_file_has_its_traceback(file):
    done = subprocess.run([*RUN, "compare", f"{file}:broken"], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "in broken" in done.stderr
    assert "a bug of one's own" in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("lambda y: y @", "lambda y: 0 * y.sum() *", "'cost' parameter of expect must be a function that returns"),
        ("lambda y: y @", "lambda y: None and", "Got None"),
        ("torch.zeros(3, 2)", "torch.zeros(3, 2).int()", "'scores' parameter of compare must be a floating-point"),
        ('{"exact": Enumerate()}', "[Enumerate]", "'estimators' parameter of compare must be estimators such as"),
    ],
)
def test_a_problem_that_is_none_is_said_in_a_line(file, tmp_path, capsys, old, new, word):
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(SystemExit) as stop:
        app(["compare", f"{file}:toy", "--draws", "2", "--out", str(tmp_path / "out")])
    said = capsys.readouterr().err
    assert stop.value.code == 2
    assert word in said
    assert "Traceback" not in said


def test_estimators_that_suit_nothing_are_said_to_and_why(file, tmp_path):
    call = [*RUN, "compare", f"{file}:toy", "--estimators", "Spigot(step=1.0)", "--draws", "2", "--seeds", "1"]
    source = file.read_text().replace('name="toy"', 'name="toy", choice=bare')
    file.write_text(
        source.replace(
            "import torch\n", "import torch\nfrom argrad import one_hot, solver\nbare = solver(one_hot.hard)\n"
        )
    )
    done = subprocess.run([*call, "--out", str(tmp_path)], capture_output=True, text=True, check=True)
    assert "None of these estimators suits the problem" in done.stdout
    assert "Spigot needs" in done.stdout.replace("\n", " ")


def test_a_file_may_import_its_neighbour_and_define_dataclasses(file, tmp_path):
    (tmp_path / "neighbour.py").write_text("price = 2.0\n")
    head = "from __future__ import annotations\nfrom dataclasses import dataclass\nfrom neighbour import price\n"
    own = "@dataclass\nclass Own:\n    value: float = price\n\n"
    file.write_text(head + PROBLEM.replace("def toy", own + "def toy").replace("2.0]", "Own().value]"))
    call = [*RUN, "compare", f"{file}:toy", "--seeds", "1", "--draws", "2", "--out", str(tmp_path / "out")]
    done = subprocess.run(call, capture_output=True, text=True, check=False, cwd=tmp_path.parent)
    assert done.returncode == 0, done.stderr


def test_a_toy_is_measured_on_its_own_number_of_draws(file, tmp_path):
    file.write_text(file.read_text().replace('name="toy"', 'name="toy", draws=7'))
    call = [*RUN, "compare", f"{file}:toy", "--seeds", "1", "--out", str(tmp_path)]
    subprocess.run(call, capture_output=True, check=True)
    assert json.loads((tmp_path / "results.json").read_text())["setting"]["draws"] == "7"


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
    with pytest.raises(ValueError, match="estimators"):
        read_estimators(text)


def test_a_function_that_returns_something_else_is_refused(file):
    with pytest.raises(TypeError, match="Problem"):
        find_problem(f"{file}:wrong")(device="cpu")
    with pytest.raises(TypeError, match="steps"):
        find_problem(f"{file}:wrong")(steps=3)
    with pytest.raises(TypeError, match="device"):
        find_problem(f"{file}:wrong")(device="cuda")
    with pytest.raises(ValueError, match="no function"):
        find_problem(f"{file}:absent")
    with pytest.raises(ValueError, match="Did you mean wrong"):
        find_problem(f"{file}:wrng")
    with pytest.raises(TypeError, match="needs data"):
        find_problem(f"{file}:needy")(device="cpu")
