"""Runs the examples of README, docs and docstrings as tests."""

from doctest import ELLIPSIS

import pytest
import torch
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser
from sybil.parsers.rest import DocTestParser

torch.set_num_threads(1)  # two test processes share two cores

pytest_collect_file = (
    Sybil(parsers=[PythonCodeBlockParser(), SkipParser()], patterns=["*.md"], excludes=["CHANGELOG.md"])
    + Sybil(parsers=[DocTestParser(optionflags=ELLIPSIS)], patterns=["*.py"], path="src")
).pytest()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the examples of one file in one process: each goes on from the one before."""
    for item in items:
        if type(item).__module__.startswith("sybil"):
            item.add_marker(pytest.mark.xdist_group(str(item.path)))
