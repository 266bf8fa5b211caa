"""What a user may rely on under torch's transforms, for every verb × every estimator that fits it."""

import copy

import pytest
import torch
from torch.utils.checkpoint import checkpoint

import argrad
from argrad._carrier import as_tensor
from argrad.core import VertexEstimator
from contract_table import CASES, ESTIMATORS, OPS, fits, hard, pull_back, scores, seeded

every_case = pytest.mark.parametrize(
    ("op", "grad"), [(OPS[o], ESTIMATORS[g]) for o, g in CASES], ids=map(" ".join, CASES)
)
torch_warns = pytest.mark.filterwarnings(
    "ignore:.*torch.jit.*:DeprecationWarning", "ignore:.*should not be instantiated"
)
PULLS = argrad.ReinMax | argrad.GumbelRao | argrad.Spigot | argrad.Identity
PULLS |= argrad.ImplicitMLE | argrad.Interpolation


def deterministic(op, grad):
    return op.method == "pick" or isinstance(grad, argrad.Enumerate | argrad.MarginalLikelihood | argrad.Interpolation)


@every_case
def test_meta_tensors_give_shapes(op, grad):
    s = scores(2, 3).detach().to("meta").requires_grad_()
    if isinstance(grad, argrad.ScoreFunction) and isinstance(grad.baseline, torch.nn.Module):
        grad = argrad.ScoreFunction(samples=1, baseline=copy.deepcopy(grad.baseline).to("meta"))
    y = op.call(s, grad)
    assert y.is_meta
    assert y.shape == op.shape((2, 3, 5))
    assert pull_back(y, s).shape == s.shape


@every_case
def test_vmap_of_grad(op, grad):
    if isinstance(grad, argrad.ScoreFunction) and grad.baseline is not None:
        pytest.skip("a running mean is a side effect, which vmap refuses")
    s = scores(4).detach()

    def loss(row):
        return (
            op.call(row, grad) * torch.tensor([1.0, -2.0, 0.3, 0.1, 5.0])[: op.shape((5,))[-1] if op.shape((5,)) else 1]
        ).sum()

    mapped = torch.func.vmap(torch.func.grad(loss), randomness="different")(s)
    assert mapped.isfinite().all()
    if deterministic(op, grad):
        one_by_one = torch.stack([torch.func.grad(loss)(row) for row in s])
        torch.testing.assert_close(mapped, one_by_one)


@every_case
def test_vmap_keeps_hard_hard(op, grad):
    if not (op.vertex and hard(grad)):
        return
    s = scores(6).detach()
    y = torch.func.vmap(lambda row: op.call(row, grad), randomness="different")(s)
    if op.choice.event_dims:
        assert ((y == 0) | (y == 1)).all()
        assert (y.sum(-1) == 1).all()
    if op.method == "pick":
        assert torch.equal(y, op.call(s, grad))


@torch_warns
@every_case
def test_jvp_where_the_rule_allows(op, grad):
    """Where the carrier is plain code, forward mode agrees with backward mode; a pull-back says that it has none."""
    if isinstance(grad, argrad.ScoreFunction) and grad.baseline is not None:
        pytest.skip("a running mean is a side effect, which functorch refuses")
    s, tangent = scores(3).detach(), scores(3, seed=1).detach()

    def call(x):
        return op.call(x, grad, generator=seeded())

    if isinstance(grad, PULLS):
        with pytest.raises((NotImplementedError, RuntimeError), match="jvp"):
            torch.func.jvp(call, (s,), (tangent,))
        return
    y, forward = torch.func.jvp(call, (s,), (tangent,))
    leaf = s.clone().requires_grad_()
    result = call(leaf)
    weights = torch.linspace(-1, 1, y.numel()).view(y.shape)
    (backward,) = torch.autograd.grad((result * weights).sum(), leaf)
    torch.testing.assert_close((forward * weights).sum(), (backward * tangent).sum(), rtol=1e-4, atol=1e-5)


SMOOTH = (argrad.StraightThrough, argrad.Relaxed, argrad.ReinMax, argrad.Identity, argrad.Enumerate)
SMOOTH += (argrad.MarginalLikelihood, argrad.ScoreFunction, argrad.IndeCateR, argrad.Spigot)
DOUBLE = [
    (o, g)
    for o, g in CASES
    if isinstance(ESTIMATORS[g], SMOOTH)
    and "running" not in g
    and (OPS[o].vertex or not isinstance(ESTIMATORS[g], VertexEstimator) or OPS[o].choice.event_dims)
]


@pytest.mark.parametrize(("op", "grad"), [(OPS[o], ESTIMATORS[g]) for o, g in DOUBLE], ids=map(" ".join, DOUBLE))
def test_second_derivatives_are_those_of_the_first(op, grad):
    """Where the rule is a smooth function of the scores. The others hold their noise, gap or ratio fixed on purpose."""
    s = scores(2, dtype=torch.float64, seed=3)
    torch.autograd.gradgradcheck(lambda x: op.call(x, grad, generator=seeded()), (s,), atol=1e-6)


@every_case
def test_activation_checkpointing(op, grad):
    if isinstance(grad, argrad.GumbelRao) or (isinstance(grad, argrad.ScoreFunction) and grad.baseline is not None):
        pytest.skip("draws in its backward pass, or learns in its forward pass")
    s = scores(8)
    torch.manual_seed(3)
    plain = pull_back(op.call(s, grad), s)
    torch.manual_seed(3)
    kept = pull_back(checkpoint(lambda x: op.call(x, grad), s, use_reentrant=False), s)
    assert torch.equal(plain, kept)


# A compilation takes seconds, so all estimators of a verb share one, and the verbs with other paths stand for the rest.
GRAPHS = [
    "argmax",
    "sample",
    "select from a table",
    "select a sample",
    "expect",
    "sign",
    "round to levels",
    "draw from levels",
]


def compilable(op):
    return [grad for name, grad in ESTIMATORS.items() if fits(op, grad) and " " not in name]


@torch_warns
@pytest.mark.parametrize("op", [OPS[o] for o in GRAPHS], ids=GRAPHS)
def test_compiles_as_one_graph(op):
    """All estimators of a verb in one graph; where no draw is involved, with eager's values and gradients."""
    fitting = compilable(op)
    fixed = [grad for grad in fitting if deterministic(op, grad)]
    s = scores(2, 3)
    torch.compiler.reset()
    compiled = torch.compile(lambda x: [op.call(x, grad) for grad in fitting], fullgraph=True, backend="aot_eager")
    results = compiled(s)
    for grad, y in zip(fitting, results, strict=True):
        assert y.shape == op.shape((2, 3, 5))
        if op.vertex and hard(grad) and op.choice.event_dims:
            assert ((y == 0) | (y == 1)).all()
        if grad in fixed:
            torch.testing.assert_close(y, op.call(s, grad))
            torch.testing.assert_close(
                torch.autograd.grad(y.sum(), s, retain_graph=True)[0], torch.autograd.grad(op.call(s, grad).sum(), s)[0]
            )
        else:
            assert torch.autograd.grad(y.sum(), s, retain_graph=True)[0].isfinite().all()


@torch_warns
@pytest.mark.parametrize("op", [OPS[o] for o in GRAPHS], ids=GRAPHS)
def test_one_graph_serves_batches_of_any_size(op):
    fitting = compilable(op)
    torch.compiler.reset()
    compiled = torch.compile(
        lambda x: [op.call(x, grad) for grad in fitting], fullgraph=True, backend="eager", dynamic=True
    )
    for batch in (6, 7, 900):
        s = scores(batch)
        for grad, y in zip(fitting, compiled(s), strict=True):
            assert y.shape == op.shape((batch, 5))
            if deterministic(op, grad):
                torch.testing.assert_close(y, op.call(s, grad))


class Everything(torch.nn.Module):
    def __init__(self, op):
        super().__init__()
        self.op, self.fitting = op, compilable(op)

    def forward(self, x):
        return [self.op.call(x, grad) for grad in self.fitting]


@torch_warns
@pytest.mark.parametrize("op", [OPS[o] for o in GRAPHS[:5]], ids=GRAPHS[:5])
def test_exports(op):
    s = scores(2, 3).detach()
    module = Everything(op)
    exported = torch.export.export(module, (s,)).module()
    for grad, y, twin in zip(module.fitting, exported(s), module(s), strict=True):
        assert y.shape == twin.shape
        if deterministic(op, grad):
            torch.testing.assert_close(y, twin)


@torch_warns
def test_the_default_compiler_keeps_hard_hard_and_the_gradient():
    """Inductor fuses the arithmetic form of the exact value, whose order of operations it may not change."""
    s = scores(64, dtype=torch.float32)
    torch.compiler.reset()
    for compiled in (torch.compile(argrad.argmax, fullgraph=True), torch.compile(argrad.sign, fullgraph=True)):
        y = compiled(s)
        assert set(y.unique().tolist()) <= {-1.0, 0.0, 1.0}
    y = torch.compile(argrad.argmax, fullgraph=True)(s)
    torch.testing.assert_close(pull_back(y, s), pull_back(argrad.argmax(s), s))


def test_no_carrier_outlives_its_use():
    """A pull-back's carrier takes no memory of its own."""
    s = scores(100)
    carrier = as_tensor(argrad.ReinMax().carry(argrad.one_hot, s, argrad.one_hot.hard(s.detach())))
    assert carrier.untyped_storage().nbytes() == s.element_size()
    assert isinstance(argrad.ReinMax(), VertexEstimator)
