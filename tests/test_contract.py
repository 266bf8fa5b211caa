"""What a user may rely on, for every verb × every estimator: values, shapes, masks, extremes, randomness."""

import copy
import pickle
from dataclasses import replace

import pytest
import torch

import argrad
from argrad.core import Choice, Estimator
from contract_table import CASES, ESTIMATORS, LEVELS, OPS, fits, hard, pull_back, scores, seeded

DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]
every_case = pytest.mark.parametrize(
    ("op", "grad"), [(OPS[o], ESTIMATORS[g]) for o, g in CASES], ids=map(" ".join, CASES)
)
VERTICES = {
    "the choice of 0 or 1 for each number": (0.0, 1.0),
    "the choice of -1 or 1 for each number": (-1.0, 1.0),
    "the choice of 0.1 or 0.7 for each number": (0.1, 0.7),
}


def run(op, s, grad, seed=0):
    return op.call(s, grad, generator=seeded(seed))


def assert_vertex(choice, y):
    """Every value is bit for bit that of a vertex in this dtype."""
    if choice.event_dims:
        assert set(y.unique().tolist()) <= {0.0, 1.0}
        assert (y.sum(-1) == 1).all()
    elif choice.has("enumerate"):
        allowed = torch.tensor(VERTICES.get(choice.name, LEVELS.tolist()), dtype=torch.float64)
        allowed = allowed if choice.name in VERTICES else LEVELS
        assert torch.isin(y, allowed.to(y.dtype)).all()
    else:
        assert torch.equal(y, y.round())


def test_every_estimator_and_every_choice_is_listed():
    public = {name for name in argrad.__all__ if name not in ("losses", "nn", "schedules")}
    classes = {name for name in public if isinstance(getattr(argrad, name), type)}
    estimators = {n for n in classes if issubclass(getattr(argrad, n), Estimator)} - {"Estimator", "VertexEstimator"}
    assert estimators == {type(e).__name__ for e in ESTIMATORS.values()}
    made = {op.choice.name for op in OPS.values()}
    assert {argrad.one_hot.name, argrad.cube().name, argrad.grid().name} <= made


@every_case
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_hard_is_hard_and_the_dtype_follows_the_scores(op, grad, dtype):
    s = scores(7, 3, dtype=dtype)
    y = run(op, s, grad)
    assert y.dtype == dtype
    if op.vertex and hard(grad):
        assert_vertex(op.choice, y.detach())
    assert pull_back(y, s).dtype == dtype


@every_case
def test_hard_is_hard_under_autocast(op, grad):
    s = scores(7, 3)
    with torch.autocast("cpu", torch.bfloat16):
        y = run(op, s, grad)
    if op.vertex and hard(grad):
        assert_vertex(op.choice, y.detach())
    assert pull_back(y, s).isfinite().all()


@every_case
@pytest.mark.parametrize("batch", [(), (1,), (2, 3), (0,), (2, 0)], ids=str)
def test_any_batch_shape(op, grad, batch):
    s = scores(*batch)
    y = run(op, s, grad)
    assert y.shape == op.shape(tuple(s.shape))
    assert pull_back(y, s).isfinite().all()


@every_case
def test_the_layout_in_memory_changes_nothing(op, grad):
    s = scores(4, 3)
    strided = s.detach().movedim(0, -1).contiguous().movedim(-1, 0).requires_grad_()
    assert not strided.is_contiguous()
    y, twin = run(op, s, copy.deepcopy(grad)), run(op, strided, copy.deepcopy(grad))
    torch.testing.assert_close(twin, y)
    torch.testing.assert_close(pull_back(twin, strided), pull_back(y, s))


DIM_CASES = [(o, g) for o, g in CASES if OPS[o].masks]
dim_case = pytest.mark.parametrize(
    ("op", "grad"), [(OPS[o], ESTIMATORS[g]) for o, g in DIM_CASES], ids=map(" ".join, DIM_CASES)
)


@dim_case
@pytest.mark.parametrize("dim", [0, -2])
def test_any_dim(op, grad, dim):
    s = scores(4, 3)
    moved = s.detach().movedim(-1, dim).requires_grad_()
    y, twin = run(op, s, grad), op.call(moved, grad, generator=seeded(), dim=dim)
    torch.testing.assert_close(twin.movedim(dim, -1), y)
    (there,) = torch.autograd.grad((twin.movedim(dim, -1) * s.detach()).sum(), moved)
    (here,) = torch.autograd.grad((y * s.detach()).sum(), s)
    torch.testing.assert_close(there.movedim(dim, -1), here)


@dim_case
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_masked_option_is_never_chosen_and_its_gradient_is_exactly_0(op, grad, dtype):
    s = scores(50, dtype=dtype)
    mask = torch.tensor([True, False, True, True, False])
    y = op.call(s, grad, generator=seeded(), mask=mask)
    gradient = pull_back(y, s)
    assert (y[:, ~mask] == 0).all()
    assert (gradient[:, ~mask] == 0).all()
    assert gradient.isfinite().all()


@dim_case
def test_a_mask_is_the_same_as_fewer_options(op, grad):
    if (op.method == "draw" and getattr(grad, "noise", None) is not None) or isinstance(grad, argrad.GumbelRao):
        pytest.skip("the noise of the masked options is drawn as well, so the draws differ")
    s = scores(20)
    mask = torch.tensor([True, False, True, True, False])
    fewer = s.detach()[:, mask].requires_grad_()
    y, few = op.call(s, grad, generator=seeded(), mask=mask)[:, mask], run(op, fewer, grad)
    torch.testing.assert_close(y, few)
    weights = torch.tensor([1.0, -2.0, 0.5])
    (all_of_it,) = torch.autograd.grad((y * weights).sum(), s)
    torch.testing.assert_close(all_of_it[:, mask], torch.autograd.grad((few * weights).sum(), fewer)[0])


def with_temperature(grad, temperature):
    names = [n for n in ("temperature", "forward_temperature", "sigma", "step") if hasattr(grad, n)]
    return replace(grad, **dict.fromkeys(names, temperature))


@every_case
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_no_nan_at_extreme_temperatures_and_scores(op, grad, dtype):
    for temperature in (1e-10, 1.0, 1e10):
        extreme = with_temperature(grad, temperature)
        if not fits(op, extreme):
            continue
        for scale in (1e-4, 1.0, 1e4):
            s = (scores(6) * scale).detach().to(dtype).requires_grad_()
            y = run(op, s, extreme)
            assert not y.isnan().any()
            assert not pull_back(y, s).isnan().any(), (temperature, scale)


@every_case
def test_the_generator_alone_decides_and_the_global_one_is_left_alone(op, grad):
    s = scores(40)
    before = torch.get_rng_state()
    first = run(op, s, copy.deepcopy(grad), seed=1)  # a running mean learns from what it sees
    gradient = pull_back(first, s)
    again = run(op, s, copy.deepcopy(grad), seed=1)
    assert torch.equal(first, again)
    assert torch.equal(gradient, pull_back(again, s))
    assert torch.equal(torch.get_rng_state(), before)
    if op.method == "draw" and not (isinstance(grad, argrad.Relaxed) and grad.noise is None):
        assert not torch.equal(first, run(op, s, grad, seed=2))


@every_case
def test_a_change_in_place_is_right_or_refused(op, grad):
    """Never silently wrong: what the backward pass has saved is torch's to guard."""
    s = scores(3)
    twice = pull_back(run(op, s, copy.deepcopy(grad)) * 2, s)
    y = run(op, s, copy.deepcopy(grad))
    try:
        gradient = pull_back(y.mul_(2), s)
    except RuntimeError as error:
        assert "has been modified by an inplace operation" in str(error)  # noqa: PT017
        assert not isinstance(grad, argrad.StraightThrough)
    else:
        torch.testing.assert_close(gradient, twice)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimators_are_values(name):
    grad = ESTIMATORS[name]
    for twin in (copy.deepcopy(grad), pickle.loads(pickle.dumps(grad))):  # noqa: S301
        assert type(twin) is type(grad)
        assert hasattr(grad, "baseline") or twin == grad
    assert set(grad.needs) <= {"pick", "draw", "expect"}
    with pytest.raises(AttributeError):
        grad.temperature = 3.0


@pytest.mark.parametrize("name", OPS)
def test_choices_travel(name):
    choice = OPS[name].choice
    s = scores(3).detach()
    for twin in (copy.deepcopy(choice), pickle.loads(pickle.dumps(choice))):  # noqa: S301
        assert torch.equal(twin.hard(s), choice.hard(s))
        functions = ("soft", "project", "sample", "log_prob", "enumerate", "covariance", "conditional", "lift")
        assert [twin.has(f) for f in functions] == [choice.has(f) for f in functions]


@every_case
def test_an_estimator_uses_only_what_it_says_it_needs(op, grad):
    needs = grad.needs[op.method]
    bare = Choice(
        hard=op.choice.hard,
        event_dims=op.choice.event_dims,
        scalable=op.choice.scalable,
        **{function: getattr(op.choice, function) for function in needs},
    )
    s = scores(2)
    if op.method == "expect":
        y = grad.expect(bare, lambda y: y.sum(-1) if op.choice.event_dims else y, (s,), seeded())
    elif op.method == "draw":
        y = grad.draw(bare, s, seeded())
    else:
        y = grad.pick(bare, s)
    pull_back(y, s)
