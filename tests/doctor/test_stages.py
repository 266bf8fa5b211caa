"""Training stages that begin after the watched steps are judged too, each place in the code once."""

import contextlib

import pytest
import torch
from torch.optim import Optimizer
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack

from doctor.judge import run_quietly
from doctor.test_untouched import installed

HEAD = """
import torch
from torch import nn

def train(net, optimizer, steps=30, through=lambda h: h):
    for _ in range(steps):
        x = torch.randn(8, 4)
        loss = (through(net(x)) - 1).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

def sgd(*nets):
    return torch.optim.SGD([p for net in nets for p in net.parameters()], lr=0.1)

torch.manual_seed(0)
first, second = nn.Linear(4, 4), nn.Linear(4, 3)
"""
WELL, CUT = {"first.weight": "flows", "first.bias": "flows"}, {"second.weight": "zero", "second.bias": "zero"}
UNFREEZE = """
one = sgd(first)
train(first, one)
one.add_param_group({"params": [*second.parameters()]})
train(lambda x: first(x)[:, :3] + second(x).round(), one)
"""


@pytest.fixture
def run(tmp_path):
    def run(body, **options):
        (tmp_path / "train.py").write_text(HEAD + body)
        outcome = run_quietly(tmp_path / "train.py", **options)
        assert outcome.failure is None
        assert not outcome.report.notes
        return outcome

    return run


def statuses(outcome):
    return {p.name: p.status for p in outcome.report.parameters}


@pytest.mark.parametrize("body", [
    "train(first, sgd(first))\ntrain(second, sgd(second), through=torch.round)",
    "one, two = sgd(first), sgd(second)\ntrain(first, one, 60)\ntrain(second, two, through=torch.round)",
    "for net, through in (first, abs), (second, torch.round):\n    train(net, sgd(net), through=through)",
    UNFREEZE,
])  # fmt: skip
def test_a_later_stage_is_judged(run, body):
    outcome = run(body)
    assert statuses(outcome) == {**WELL, **CUT}
    assert {cut.operation for cut in outcome.report.harmful} == {"round"}
    assert outcome.exit_code == 1


def test_each_stage_gets_its_steps(run):
    body = "train(first, sgd(first))\ntrain(second, sgd(second), through=abs)"
    assert [run(body, steps=n).report.steps for n in (1, 3)] == [2, 6]
    assert run(body, stop=True).report.steps == 2


def test_what_starves_in_one_stage_and_trains_in_the_next_is_no_finding(run):
    body = "train(lambda x: first(x)[:, :3] + 0 * second(x), sgd(first, second))\ntrain(second, sgd(second))"
    outcome = run(body)
    assert statuses(outcome) == {**WELL, **dict.fromkeys(CUT, "flows")}
    assert outcome.exit_code == 0


@pytest.mark.parametrize("again", ["train(first, sgd(first))", "first = nn.Linear(4, 4); train(first, sgd(first))"])
def test_the_next_fold_is_no_news(run, again):
    outcome = run(f"for fold in range(5):\n    {again}")
    assert (statuses(outcome), outcome.report.steps) == (WELL, 2)


def test_a_search_over_sizes_is_not_watched_for_ever(run):
    body = "for n in range(1, 40):\n    net = nn.Linear(4, n); train(net, sgd(net))"
    assert run(body).report.steps == 2 * (1 + 8)


def test_two_models_of_one_name_are_two(run):
    make = "net = nn.Linear(4, 4); "
    outcome = run(f"{make} train(net, sgd(net), through=torch.round)\n{make} train(net, sgd(net))")
    assert statuses(outcome) == {
        "net.weight": "zero",
        "net.bias": "zero",
        "net.weight (stage 2)": "flows",
        "net.bias (stage 2)": "flows",
    }


def test_two_models_of_one_name_that_both_train_are_named_once(run):
    make = "net = nn.Linear(4, 4); "
    choose = "through=lambda h: h.gather(1, h.argmin(1, True))"
    outcome = run(f"{make} train(net, sgd(net), {choose})\n{make} train(net, sgd(net))")
    assert (statuses(outcome), outcome.report.steps) == ({"net.weight": "flows", "net.bias": "flows"}, 4)
    (cut,) = outcome.report.cuts
    assert (cut.operation, cut.verdict, cut.parameters) == ("argmin", "harmless", ("net.weight", "net.bias"))


def test_what_was_compiled_meanwhile_runs_eagerly_while_it_is_watched(run):
    body = (
        "net = torch.compile(nn.Sequential(first, second), backend='eager')\n"
        "train(net, sgd(first))\ntrain(lambda x: net(x).round(), sgd(second))"
    )
    assert statuses(run(body)) == {**WELL, **CUT}


LAYERS = """
one = sgd(first)
train(first, one)
with MODE:
    two = sgd(second)
    train(second, two, 1)
assert torch.zeros(1).device.type == "cpu"
train(second, two)
torch.save([p.detach() for p in (*first.parameters(), *second.parameters())], OUT)
"""


class Nothing(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


@contextlib.contextmanager
def default_device():
    torch.set_default_device("cpu")
    try:
        yield
    finally:
        torch.set_default_device(None)


HERE = f"__import__('{__name__}', fromlist=['x'])"


@pytest.mark.parametrize("mode", [
    "torch.device('cpu')", f"{HERE}.Nothing()", f"{HERE}.default_device()", f"{HERE}.default_device(), {HERE}.Nothing()"
])  # fmt: skip
def test_it_begins_below_the_modes_of_the_script_and_changes_no_number(tmp_path, mode):
    before = (*installed(), Optimizer.add_param_group)
    finals = []
    for number, run in enumerate([run_quietly, lambda path: exec(path.read_text(), {})]):  # noqa: S102
        out = tmp_path / f"{number}.pt"
        (tmp_path / "train.py").write_text(HEAD + LAYERS.replace("MODE", mode).replace("OUT", repr(str(out))))
        outcome = run(tmp_path / "train.py")
        finals.append(torch.load(out))
        assert outcome is None or (outcome.failure, outcome.report.steps) == (None, 4)
        assert not _get_current_function_mode_stack()
    assert all(torch.equal(a, b) for a, b in zip(*finals, strict=True))
    assert (*installed(), Optimizer.add_param_group) == before
