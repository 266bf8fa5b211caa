"""The command line. Commands are named by string, so that `argrad --help` never imports torch."""

from __future__ import annotations

import sys

from cyclopts import App

from argrad._version import __version__

app = App(
    name="argrad",
    version=__version__,
    help="Learn through argmax: find where gradients stop, put them back, know how good they are.",
)
app.command(
    "argrad.cli.doctor:doctor",
    name="doctor",
    help="Which parameters get no gradient, and the line that cut them.\n\n"
    "Your script runs unmodified; options come before it. "
    "Exit code 0: clean; 1: findings; 2: it could not run; 130: Ctrl-C.",
)
app.command(
    "argrad.cli.compare:compare",
    name="compare",
    help="Measure gradient estimators side by side: bias, variance, time, memory, what training ends with.",
)
app.command("argrad.cli.cluster:cluster", name="cluster", help="Cluster the rows of files by k-means.")
_WITH_VALUE = {"--steps", "--format", "--out", "--explain"}


def after_script(tokens: list[str]) -> list[str]:
    """Put `--` behind the script that the doctor runs: what follows is the script's own, flags included."""
    if tokens[:1] != ["doctor"]:
        return tokens
    at = 1
    while at < len(tokens) and tokens[at].startswith("-"):
        if tokens[at] in {"-m", "--module"}:
            return [*tokens[: at + 2], "--", *tokens[at + 2 :]]
        at += 2 if tokens[at] in _WITH_VALUE else 1
    return [*tokens[:at], "--", *tokens[at:]] if at < len(tokens) and "--" not in tokens[:at] else tokens


def main() -> None:
    """Run the command line."""
    app(after_script(sys.argv[1:]))
