"""Runs the examples of README, docs and docstrings as tests."""

from doctest import ELLIPSIS

import torch
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser
from sybil.parsers.rest import DocTestParser

torch.set_num_threads(1)  # two test processes share two cores

pytest_collect_file = (
    Sybil(parsers=[PythonCodeBlockParser(), SkipParser()], patterns=["*.md"], excludes=["CHANGELOG.md"])
    + Sybil(parsers=[DocTestParser(optionflags=ELLIPSIS)], patterns=["*.py"], path="src")
).pytest()
