"""Apple's GPUs have no float64: on such a device no operation may ask for it."""

from importlib.util import find_spec

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import argrad
from argrad import _precision
from argrad.choices import _isotonic, chain, tree
from contract_table import CASES, ESTIMATORS, OPS, scores


class NoFloat64(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        found = [x for x in tree_leaves(out) if isinstance(x, torch.Tensor) and x.dtype == torch.float64]
        assert not found, f"{func} makes a float64"
        return out


@pytest.fixture(autouse=True)
def _poor_cpu(monkeypatch):
    """The CPU plays that device, without what it alone does by way of numpy."""
    monkeypatch.setattr(_precision, "_WITHOUT_FLOAT64", ("cpu",))
    monkeypatch.setattr(_isotonic, "find_spec", lambda name: None if name == "scipy" else find_spec(name))


@pytest.mark.parametrize(("op", "grad"), CASES)
def test_every_verb_with_every_estimator(op, grad):
    s = scores(4, dtype=torch.float32)
    with NoFloat64():
        OPS[op].call(s, ESTIMATORS[grad]).sum().backward()
    assert s.grad.isfinite().all()


CALLS = {
    "wide draws": lambda s: argrad.sample(s.repeat(1, 1000)),
    "topk": lambda s: argrad.topk(s, 2, sample=True).values,
    "rank": argrad.rank,
    "soft rank": argrad.soft_rank,
    "sort": lambda s: argrad.sort(s).values,
    "quantile": lambda s: argrad.quantile(s, 0.3, dim=-1),
    "median": lambda s: argrad.median(s).values,
    "chain": lambda s: argrad.draw(chain, (s[:, None, :, None] * s[:, None, None]).repeat(1, 3, 1, 1)),
    "tree": lambda s: argrad.pick(tree(), s[:, None] + s[..., None]),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_choices_beyond_one_of_n(call):
    s = scores(64, dtype=torch.float32)
    with NoFloat64():
        call(s).sum().backward()
    assert s.grad.isfinite().all()


def test_draws_still_come_at_their_rate():
    law = torch.tensor([0.5, 0.3, 0.15, 0.049, 0.001])
    drawn = argrad.sample(law.log().expand(400_000, 5), generator=torch.Generator().manual_seed(1)).mean(0)
    error = (drawn - law) / (law * (1 - law) / 400_000).sqrt()
    assert error.abs().max() < 4
