"""Error messages are read aloud: each table has a call, the error, and every word of it."""

import re

import pytest
import torch

from argrad._checks import ScoresError

S = torch.zeros(4, 6)


def aloud(says):
    """Run a test for every line of a table."""
    return pytest.mark.parametrize(("call", "error", "words"), says.values(), ids=says)


def assert_says(call, error, words):
    with pytest.raises(error, match=f"^{re.escape(words)}$") as raised:
        call()
    assert type(raised.value) in (error, ScoresError)
