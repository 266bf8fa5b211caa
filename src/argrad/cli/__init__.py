"""The command line. Commands are named by string, so that `argrad --help` never imports torch."""

from __future__ import annotations

from cyclopts import App

from argrad._version import __version__

app = App(
    name="argrad",
    version=__version__,
    help="Learn through argmax: find where gradients stop, put them back, know how good they are.",
)
app.command(
    "argrad.cli.compare:compare",
    name="compare",
    help="Measure gradient estimators side by side: bias, variance, time, memory, what training ends with.",
)


def main() -> None:
    """Run the command line."""
    app()
