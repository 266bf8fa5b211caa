"""Each example runs for a few steps, and what it says of its data is so."""

import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
SHORT = {
    "choose_features": ["--seeds", "1", "--steps", "2"],
    "rank_diabetes": ["--seeds", "1", "--steps", "2"],
    "shortest_path": ["--seeds", "1", "--steps", "2"],
    "tag_sequences": ["--seeds", "1", "--steps", "2", "--lines", "50"],
}


def run(name, monkeypatch, capsys):
    """Run an example as a program: its names, and the rows of its table without the head."""
    monkeypatch.setattr(sys, "argv", [name, *SHORT[name]])
    names = runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    return names, [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")][1:]


@pytest.mark.parametrize(
    ("name", "ways"), [("rank_diabetes", "LOSSES"), ("shortest_path", "WAYS"), ("tag_sequences", "WAYS")]
)
def test_it_reports_every_way_to_train(name, ways, monkeypatch, capsys):
    names, rows = run(name, monkeypatch, capsys)
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == list(names[ways])


def test_the_selection_is_five_different_columns(monkeypatch, capsys):
    names, rows = run("choose_features", monkeypatch, capsys)
    assert [row.split(" | ")[0] for row in rows] == ["| 0", "| mean"]
    x, y, *_ = names["columns"](0)
    assert len(set(names["learn_selection"](x, y, 0, 2).tolist())) == 5


def test_hard_ranks_make_the_loss_the_measure_itself():
    names = runpy.run_path(str(EXAMPLES / "rank_diabetes.py"))
    x, y, *_ = names["patients"](0)
    model = names["linear"](0)
    loss = names["LOSSES"]["hard ranks, soft gradient"](model(x).squeeze(-1), y, 0.0)
    assert 1 - loss.item() == pytest.approx(names["spearman"](model, x, y), abs=1e-6)
