"""The words of the house, and when values are read."""

import re

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

import argrad
from argrad._checks import check_values, describe, reads_values, require, require_count, require_positive


def test_what_came_is_described_by_shape_and_dtype():
    assert describe(torch.zeros(2, dtype=torch.int32)) == "an int32 tensor of shape (2,)"
    assert describe(torch.zeros(2, 3, dtype=torch.bfloat16)) == "a bfloat16 tensor of shape (2, 3)"
    assert describe("x") == "'x'"


def test_the_words_of_the_house():
    with pytest.raises(KeyError, match=re.escape("The 'a' parameter of f must be b. Got 3 with c.")):
        require(False, "a", "f", "b", 3, context="with c", error=KeyError)
    require(True, "a", "f", "b", 3)
    require_positive(torch.tensor(-1.0), "a", "f")  # tensors are believed
    with pytest.raises(TypeError, match="a positive number"):
        require_positive(torch.tensor(1), "a", "f")
    with pytest.raises(ValueError, match="positive and finite"):
        require_positive(float("nan"), "a", "f")
    with pytest.raises(TypeError, match="an int in"):
        require_count(True, "a", "f")


def test_values_are_read_where_that_costs_no_wait():
    bad = torch.tensor([torch.nan, 0.0])
    assert reads_values(bad)
    assert reads_values(torch.nn.Parameter(bad))
    assert not reads_values(bad.to("meta"))
    with check_values():
        assert reads_values(bad)
        assert not reads_values(bad.to("meta"))
    assert torch.func.vmap(argrad.argmax)(bad.unsqueeze(0)).shape == (1, 2)  # under functorch they cannot be read
    with FakeTensorMode() as mode:
        assert not reads_values(mode.from_tensor(bad))
        assert argrad.argmax(mode.from_tensor(bad)).shape == (2,)
