"""What the compiler is given whole: the same values and derivatives as eager, all random bits, nothing in an export."""

import pytest
import torch

import argrad
from argrad import _ops
from argrad._ops import argmax, cumulative, exporting, softmax, uniform

torch_warns = pytest.mark.filterwarnings("default")


@pytest.fixture(autouse=True)
def _fresh():
    torch.compiler.reset()


@torch_warns
def test_uniform_numbers_have_53_bits_when_compiled():
    """Inductor's own float64 numbers have 24."""
    like = torch.zeros(())
    fine = torch.compile(lambda x: uniform((1000,), x, None), fullgraph=True)(like) * 2.0**24
    assert (fine != fine.round()).float().mean() > 0.99
    assert ((fine >= 0) & (fine < 2.0**24)).all()


@torch_warns
def test_two_compiled_draws_are_not_the_same():
    both = torch.compile(lambda x: (uniform((8,), x, None), uniform((8,), x, None)), fullgraph=True)
    first, second = both(torch.zeros(()))
    assert (first != second).all()


@torch_warns
@pytest.mark.skipif(exporting is torch.compiler.is_compiling, reason="torch 2.6 is given nothing whole")
def test_compiled_draws_follow_the_seed_as_eager_ones_do():
    scores = torch.randn(3, 7)
    torch.manual_seed(5)
    eager = [argrad.sample(scores) for _ in range(4)]
    compiled = torch.compile(argrad.sample, fullgraph=True)
    compiled(scores)
    torch.manual_seed(5)
    assert all(torch.equal(compiled(scores), y) for y in eager)


@torch_warns
@pytest.mark.parametrize("rows", [_ops.MANY // 8, 4], ids=["whole", "left to the compiler"])
def test_softmax_has_torch_derivatives(rows):
    scores = torch.randn(rows, 8, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(rows, 8, dtype=torch.float64)
    compiled = torch.compile(softmax, fullgraph=True)
    torch.testing.assert_close(compiled(scores), scores.softmax(-1))
    got = torch.autograd.grad((compiled(scores) * weight).sum(), scores)[0]
    torch.testing.assert_close(got, torch.autograd.grad((scores.softmax(-1) * weight).sum(), scores)[0])
    torch.library.opcheck(torch.ops.argrad.softmax.default, (scores,))


@torch_warns
@pytest.mark.parametrize("rows", [_ops.MANY // 8, 4], ids=["whole", "left to the compiler"])
def test_sums_are_as_fine_when_compiled(rows):
    weights = torch.rand(rows, 8)
    kept = weights.clone()
    assert torch.equal(torch.compile(cumulative, fullgraph=True)(weights), kept.double().cumsum(-1))
    assert torch.equal(weights, kept)
    assert torch.equal(cumulative(kept.double()), kept.double().cumsum(-1))
    assert torch.equal(weights, kept)
    torch.library.opcheck(torch.ops.argrad.cumulative.default, (weights,))


@torch_warns
@pytest.mark.parametrize("exact", [2**24, 5], ids=["as floats", "as integers"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64], ids=str)
def test_the_first_of_the_largest_is_found_when_compiled(dtype, exact, monkeypatch):
    monkeypatch.setattr(_ops, "_EXACT_IN_FLOAT32", exact)
    x = torch.randint(0, 4, (3, 50, 7)).to(dtype)  # ties everywhere
    x[0, 0], x[0, 1, 3] = -torch.inf, torch.inf
    first = (x == x.amax(-1, keepdim=True)).int().argmax(-1)
    assert torch.equal(torch.compile(argmax, fullgraph=True)(x), first)
    assert torch.equal(torch.compile(argrad.argmax, fullgraph=True)(x.clamp_min(-9)), torch.eye(7).to(dtype)[first])


@torch_warns
@pytest.mark.parametrize("relax", [argrad.sparsemax, argrad.entmax15])
def test_sparse_relaxations_compile_to_the_same_points_and_slopes(relax):
    scores = torch.randn(4, 6, 50, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(4, 6, 50, dtype=torch.float64)
    for dim in (-1, 0):
        y, compiled = relax(scores, dim), torch.compile(relax, fullgraph=True)(scores, dim)
        torch.testing.assert_close(compiled, y)
        slopes = [torch.autograd.grad((p * weight).sum(), scores)[0] for p in (compiled, y)]
        torch.testing.assert_close(*slopes)
    name = f"{relax.__name__}_threshold"
    torch.library.opcheck(getattr(torch.ops.argrad, name).default, (scores.detach().movedim(0, -1),))


@torch_warns
@pytest.mark.parametrize("piece", [2**21, 100], ids=["whole", "in pieces"])
def test_products_with_a_table_are_the_same_in_pieces(piece, monkeypatch):
    monkeypatch.setattr(_ops, "_PIECE", piece)
    table = torch.randn(23, 5, dtype=torch.float64, requires_grad=True)
    for batch in ((), (2,), (2, 3)):
        scores = torch.randn(*batch, 23, dtype=torch.float64, requires_grad=True)
        compiled = torch.compile(lambda t, s: argrad.select(t, s, shared=True).square().sum(), fullgraph=True)
        chosen = torch.zeros_like(table).index_add(
            0, scores.argmax(-1).view(-1), torch.ones(scores.numel() // 23, 5).double()
        )
        truth = ((scores.softmax(-1) @ table) * (2 * table[scores.argmax(-1)]).detach()).sum()
        (slope,) = torch.autograd.grad(truth, scores)
        for select in (compiled, compiled.__wrapped__):
            to_table, to_scores = torch.autograd.grad(select(table, scores), (table, scores))
            torch.testing.assert_close(to_scores, slope)
            torch.testing.assert_close(to_table, 2 * table * chosen)
        torch.library.opcheck(torch.ops.argrad.against.default, (torch.randn(*batch, 5).double(), table.detach()))
    given = torch.tensor([3, 3]), torch.randn(2, 5).double(), table.detach()
    torch.library.opcheck(torch.ops.argrad.sums_at.default, given)


@torch_warns
def test_a_transform_inside_a_compiled_function_sees_torch_own_softmax():
    scores, weight = torch.randn(4, 6), torch.randn(6)
    jacobian = torch.func.vmap(torch.func.grad(lambda s: argrad.argmax(s) @ weight))
    torch.testing.assert_close(torch.compile(jacobian, fullgraph=True, backend="aot_eager")(scores), jacobian(scores))


@torch_warns
@pytest.mark.parametrize("relax", [argrad.sparsemax, argrad.entmax15])
def test_sparse_relaxations_in_a_transform_inside_a_compiled_function(relax):
    scores, weight = torch.randn(4, 6, dtype=torch.float64), torch.randn(6, dtype=torch.float64)
    slope = torch.func.jacrev(lambda s: relax(s) @ weight.square() + (relax(s) @ weight).square())
    curved = torch.func.vmap(torch.func.jacrev(slope))
    torch.testing.assert_close(torch.compile(curved, fullgraph=True, backend="aot_eager")(scores), curved(scores))


class Drawn(torch.nn.Module):
    def forward(self, scores):
        return argrad.sample(scores)


@torch_warns
def test_an_exported_program_has_torch_operations_only():
    program = torch.export.export(Drawn(), (torch.randn(3, 5),))
    targets = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
    assert targets
    assert not any(target.startswith("argrad") for target in targets)
    drawn = program.module()(torch.randn(3, 5))
    assert torch.equal(drawn.sum(-1), torch.ones(3))


@torch_warns
@pytest.mark.parametrize("sizes", [(3, 5), (70, 1000)])
def test_an_exported_draw_serves_any_sizes(sizes):
    """Where a draw in eager mode goes in one step and where it goes in two, whichever size it was exported with."""
    named = {0: torch.export.Dim("batch"), 1: torch.export.Dim("options", min=2)}
    drawn = torch.export.export(Drawn(), (torch.randn(sizes),), dynamic_shapes=(named,)).module()
    for other in ((4, 3), (2, 1009), (80, 1000)):
        assert torch.equal(drawn(torch.randn(other)).sum(-1), torch.ones(other[0]))


@torch_warns
@pytest.mark.parametrize("options", [1000, 1009])
def test_draws_in_two_steps_compile_for_batches_of_any_size(options):
    compiled = torch.compile(argrad.sample, fullgraph=True, dynamic=True, backend="aot_eager")
    for batch in (70, 80):
        drawn = compiled(torch.randn(batch, options))
        assert ((drawn == 0) | (drawn == 1)).all()
        assert torch.equal(drawn.sum(-1), torch.ones(batch))
