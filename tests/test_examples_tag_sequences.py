"""The example of a Viterbi layer, for a few steps."""

import runpy
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[1] / "examples" / "tag_sequences.py"


def test_it_runs_and_reports_every_loss(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["tag_sequences.py", "--steps", "2", "--lines", "50"])
    names = runpy.run_path(str(EXAMPLE), run_name="__main__")["LOSSES"]
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows[1:]] == list(names)
    assert all("%" in row for row in rows[1:])


def test_the_lines_are_tagged_as_the_tokenizer_says():
    example = runpy.run_path(str(EXAMPLE))
    pairs = example["lines"]("textwrap")
    assert len(pairs) > 100
    assert all(len(row) == len(tags) for row, tags in pairs)
    assert all(
        row[i] in "'\"rbfuRBFU"
        for row, tags in pairs
        for i in range(len(row))
        if tags[i] == example["STRING"] and (i == 0 or tags[i - 1] != example["STRING"])
    )
    assert all(
        row[i] == "#"
        for row, tags in pairs
        for i in range(len(row))
        if tags[i] == example["COMMENT"] and (i == 0 or tags[i - 1] != example["COMMENT"])
    )
