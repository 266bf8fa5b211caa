"""The doctor changes no number of the run, keeps nothing alive, and takes everything off."""

import contextlib
import gc
import io
import weakref

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks
from torch.overrides import _get_current_function_mode_stack

from argrad.doctor import watch
from argrad.doctor.session import Session
from doctor.judge import CASES


def train(steps=5, *, watched=0):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.3), nn.BatchNorm1d(16), nn.Linear(16, 4))
    gate = nn.Linear(6, 4)
    optimizer = torch.optim.Adam([*net.parameters(), *gate.parameters()], lr=1e-2)
    losses = []

    def loop():
        for _ in range(steps):
            x, y = torch.randn(8, 6), torch.randint(0, 4, (8,))
            hard = (gate(x) > 0).float()
            loss = functional.cross_entropy(net(x) * hard, y) + 0 * net(x).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())

    if watched:
        with watch(net, steps=watched):
            loop()
    else:
        loop()
    return losses, [p.detach().clone() for p in (*net.parameters(), *gate.parameters())]


@pytest.mark.parametrize("steps", [1, 3, 100])
def test_the_numbers_of_the_run_are_the_same_to_the_last_bit(steps):
    plain, watched = train(), train(watched=steps)
    assert plain[0] == watched[0]
    assert all(torch.equal(a, b) for a, b in zip(plain[1], watched[1], strict=True))


def saturated(*, watched):
    torch.manual_seed(1)
    net, gate = nn.Linear(6, 4), nn.Linear(6, 4)
    nn.init.constant_(gate.bias, -30.0)
    optimizer = torch.optim.Adam([*net.parameters(), *gate.parameters()], lr=1e-2)
    with watch(net, gate, steps=4) if watched else contextlib.nullcontext() as seen:
        for _ in range(4):
            x = torch.randn(8, 6)
            loss = (net(x) * (1 + gate(x).sigmoid()) + (5 * gate(x)).softmax(-1)).pow(2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return [p.detach().clone() for p in (*net.parameters(), *gate.parameters())], seen


def test_looking_for_lost_gradients_changes_no_number():
    (plain, _), (watched, seen) = saturated(watched=False), saturated(watched=True)
    assert all(torch.equal(a, b) for a, b in zip(plain, watched, strict=True))
    assert seen.report.steps == 4


def installed():
    return (
        vars(torch.autograd)["_engine_run_backward"],
        vars(torch.autograd.Function)["apply"],
        vars(nn.Parameter)["__new__"],
        torch.compile,
        len(_get_current_function_mode_stack()),
        len(_global_optimizer_pre_hooks),
        len(_global_optimizer_post_hooks),
    )


@pytest.mark.parametrize("steps", [1, 100])
def test_everything_is_taken_off(steps):
    before = installed()
    train(watched=steps)
    assert installed() == before


def test_everything_is_taken_off_when_the_user_raises():
    before = installed()
    with pytest.raises(ZeroDivisionError), watch():
        _ = torch.ones(3, requires_grad=True) * (1 / 0)
    assert installed() == before


def test_the_old_name_of_tensors_is_put_back():
    before = vars(torch.autograd.Variable).copy()
    with watch(nn.Linear(2, 2)):
        assert torch.autograd.Variable(torch.ones(2), requires_grad=True).is_leaf
    assert dict(vars(torch.autograd.Variable)) == dict(before)
    assert torch.autograd.Variable(torch.ones(2)).sum() == 2


def test_a_mode_that_was_entered_later_survives():
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, steps=1), torch.device("meta"):
        model(torch.ones(3, 2, device="cpu")).sum().backward()
        optimizer.step()
        assert torch.empty(2).device.type == "meta"


def test_no_tensor_and_no_attribute_outlives_the_step():
    model = nn.Linear(4, 4)
    with watch(model, steps=100):
        hidden = torch.relu(model(torch.ones(2, 4)))
        alive = weakref.ref(hidden)
        assert not vars(hidden)
        torch.save(hidden.detach(), io.BytesIO())
        hidden.sum().backward()
        del hidden
        gc.collect()
        assert alive() is None


def test_a_failure_of_the_doctor_never_reaches_the_user(monkeypatch):
    def broken(*_args):
        raise RuntimeError("the doctor's own mistake")

    monkeypatch.setattr("argrad.doctor.recorder.Recorder._note", broken)
    monkeypatch.setattr("argrad.doctor.ledger.Ledger.judge", broken)
    assert train()[0] == train(watched=2)[0]


def test_nothing_is_recorded_after_the_watched_steps():
    session = Session(1)
    session.start()
    try:
        model = nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        model(torch.ones(3, 2)).sum().backward()
        optimizer.step()
        count = len(session.recorder.tape.ops)
        model(torch.ones(3, 2)).sum().backward()
        assert len(session.recorder.tape.ops) == count
    finally:
        session.finish()


def test_functional_transforms_are_left_alone():
    weight = torch.ones(3, requires_grad=True)
    with watch():
        slopes = torch.func.vmap(torch.func.grad(lambda x: (x**2).sum()))(torch.arange(6.0).view(2, 3))
        (weight * slopes).sum().backward()
    assert torch.equal(slopes, 2 * torch.arange(6.0).view(2, 3))


def test_the_shared_programs_are_there():
    assert len(list((CASES / "shared").glob("*.py"))) == 48
