"""Ranks and sorted values, against enumeration, known projections, and a plain pool-adjacent-violators."""

from math import factorial

import pytest
import torch
from torch.autograd import grad, gradcheck, gradgradcheck

from argrad.choices import _isotonic as isotonic
from argrad.choices import entropic_rank, rank, soft_rank, soft_sort
from argrad.choices._order import ascending
from argrad.choices._sparsemap import sparsemap
from choices import laws


def _scores(*shape, scale=1.5, seed=0):
    return scale * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def _fit(y, first):
    sums = torch.zeros_like(y).scatter_add(-1, first, y)
    counts = torch.zeros_like(y).scatter_add(-1, first, torch.ones_like(y))
    return (sums / counts.clamp_min(1)).gather(-1, first)


def _pool_adjacent_violators(row):
    blocks = []
    for value in row.tolist():
        blocks.append((value, 1))
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            (b, m), (a, n) = blocks.pop(), blocks.pop()
            blocks.append(((a * n + b * m) / (n + m), n + m))
    return torch.tensor([v for v, count in blocks for _ in range(count)], dtype=row.dtype)


def _in_torch(y):
    return isotonic.pool(y, torch.ones_like(y), torch.add, torch.div, 0.0)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 33, 200])
@pytest.mark.parametrize("find", [isotonic.blocks, _in_torch])
def test_blocks_give_the_isotonic_fit(n, find):
    random = _scores(5, n)
    for y in (random, random.round(), random.cumsum(-1), -random.sort(-1).values, random.sort(-1).values):
        expected = torch.stack([_pool_adjacent_violators(row) for row in y])
        torch.testing.assert_close(_fit(y, find(y)), expected, rtol=0, atol=1e-9)


def test_rows_of_very_different_scale_do_not_see_each_other():
    y = _scores(4, 50) * torch.tensor([[1e-6], [1.0], [1e6], [1e3]], dtype=torch.float64)
    expected = torch.stack([_pool_adjacent_violators(row) for row in y])
    torch.testing.assert_close(_fit(y, isotonic.blocks(y)), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 4, 5])
def test_agrees_with_the_enumeration(n):
    scores = _scores(2, n)
    laws.check_enumeration(rank, scores, factorial(n))
    best = (rank.hard(scores) * scores).sum(-1)
    torch.testing.assert_close(best, (rank.enumerate(scores) * scores).sum(-1).amax(0))
    laws.check_projection(rank, scores)
    laws.check_lift(rank, scores[0])
    total = rank.log_prob(scores, rank.enumerate(scores)).exp().sum(0)
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=1e-9)


def test_draws_are_plackett_luce():
    scores = _scores(4, scale=1.0)
    vertices = rank.enumerate(scores)
    draws = rank.sample(scores, 20_000, torch.Generator().manual_seed(0))
    counts = (draws[:, None] == vertices).all(-1).sum(0).double()
    weights = scores.exp()
    chances = []
    for vertex in vertices:
        order = vertex.argsort(descending=True)
        w = weights[order]
        chances.append(torch.stack([w[i] / w[i:].sum() for i in range(4)]).prod())
    chances = torch.stack(chances)
    torch.testing.assert_close(rank.log_prob(scores, vertices).exp(), chances, rtol=0, atol=1e-12)
    expected = 20_000 * chances
    chi = ((counts - expected).square() / expected)[expected > 5].sum()
    freedom = (expected > 5).sum() - 1
    assert (chi - freedom).abs() < 4 * (2 * freedom) ** 0.5


@pytest.mark.parametrize("n", [2, 5, 9])
def test_soft_rank_is_the_projection(n):
    scores = _scores(3, n)
    expected = sparsemap(scores, hard=rank.hard, event_dims=1)
    torch.testing.assert_close(soft_rank(scores), expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("n", [2, 4])
def test_entropic_rank_minimises_the_divergence(n):
    """The optimality condition: no vertex lies ahead along the negative gradient of KL(r, exp s), log r − s."""
    scores = _scores(6, n)
    r = entropic_rank(scores)
    ahead = ((scores - r.log()) * (rank.enumerate(scores) - r)).sum(-1)
    assert (ahead < 1e-9).all()
    torch.testing.assert_close(r.sum(-1), torch.full((6,), n * (n + 1) / 2, dtype=torch.float64))


@pytest.mark.parametrize("n", [2, 4])
def test_soft_sort_is_the_projection_of_the_ranks(n):
    scores = _scores(6, n)
    orders = rank.enumerate(scores).long() - 1
    for temperature in (0.3, 1.0, 3.0):
        values = soft_sort(scores, temperature=temperature)
        target = torch.arange(1.0, n + 1, dtype=torch.float64) / temperature
        ahead = ((target - values) * (scores.expand_as(orders).gather(-1, orders) - values)).sum(-1)
        assert (ahead < 1e-9).all()
        torch.testing.assert_close(values.sum(-1), scores.sum(-1))
        torch.testing.assert_close(soft_sort(scores, descending=True, temperature=temperature), values.flip(-1))


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # torch loads its own forward mode so
@pytest.mark.parametrize("function", [soft_rank, entropic_rank, soft_sort, lambda s: soft_sort(s, temperature=3.0)])
def test_derivatives(function):
    scores = _scores(3, 6).requires_grad_()
    assert gradcheck(function, scores, check_forward_ad=True)
    assert gradgradcheck(function, scores)


def test_derivatives_of_the_law():
    scores = _scores(2, 4).requires_grad_()
    vertices = rank.enumerate(scores)
    assert gradcheck(lambda s: rank.log_prob(s, vertices), scores)
    assert gradgradcheck(lambda s: rank.log_prob(s, vertices), scores)


@pytest.mark.parametrize("function", [soft_rank, entropic_rank])
def test_limits_of_the_temperature(function):
    scores = _scores(2, 8)
    torch.testing.assert_close(function(scores / 1e-10), rank.hard(scores))
    torch.testing.assert_close(function(scores / 1e10), torch.full_like(scores, 4.5))


def test_limits_of_soft_sort():
    scores = _scores(2, 8)
    torch.testing.assert_close(soft_sort(scores, temperature=1e-10), scores.sort(-1).values)
    mean = scores.mean(-1, keepdim=True).expand_as(scores)
    torch.testing.assert_close(soft_sort(scores, temperature=1e10), mean)


def test_ties_are_by_index_when_hard_and_equal_when_soft():
    scores = torch.tensor([1.0, 0.0, 1.0, 0.0, -0.0])
    assert rank.hard(scores).tolist() == [4, 1, 5, 2, 3]
    for function in (soft_rank, entropic_rank):
        soft = function(scores / 1e-3)
        torch.testing.assert_close(soft, torch.tensor([4.5, 2.0, 4.5, 2.0, 2.0]))


@pytest.mark.parametrize("function", [soft_rank, entropic_rank, rank.hard])
def test_a_mask_has_rank_0_and_does_not_count(function):
    scores = torch.tensor([0.3, -torch.inf, 1.0, 0.5, -torch.inf], dtype=torch.float64)
    left = [0, 2, 3]
    torch.testing.assert_close(function(scores)[left], function(scores[left]))
    assert (function(scores)[[1, 4]] == 0).all()


def test_masks_get_no_gradient():
    scores = torch.tensor([0.3, -torch.inf, 1.0, 0.5, -torch.inf], dtype=torch.float64).requires_grad_()
    every = rank.log_prob(scores, rank.enumerate(scores))
    assert (every > -torch.inf).sum() == 6
    torch.testing.assert_close(every.exp().sum().item(), 1.0)
    total = soft_rank(scores)[0] + entropic_rank(scores)[2] + soft_sort(scores)[-1] + every.amax()
    (slope,) = grad(total, scores)
    assert slope.isfinite().all()
    assert (slope[[1, 4]] == 0).all()
    assert (rank.sample(scores, 100, None)[:, [1, 4]] == 0).all()
    assert soft_sort(scores)[:2].tolist() == [-torch.inf] * 2


def test_shapes():
    laws.check_shapes(rank, lambda s: rank.log_prob(s, rank.hard(s)), (5,))


@pytest.mark.parametrize("function", [soft_rank, entropic_rank, soft_sort])
def test_dim_dtype_and_compile(function):
    scores = torch.randn(3, 7, 2, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(function(scores, 1), function(scores.movedim(1, -1)).movedim(-1, 1))
    assert function(scores.half()).dtype == torch.half
    compiled = torch.compile(function, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(scores), function(scores))
    torch.testing.assert_close(torch.func.vmap(function)(scores), function(scores))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_order_is_torchs_stable_one(dtype):
    scores = torch.randn(20, 100, generator=torch.Generator().manual_seed(0)).to(dtype).round(decimals=1)
    scores[0, :3] = torch.tensor([-torch.inf, -0.0, 0.0])
    assert torch.equal(ascending(scores), scores.sort(dim=-1, stable=True).indices)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_refuses_what_has_no_order(bad):
    for function in (rank.hard, soft_rank, entropic_rank, soft_sort):
        with pytest.raises(ValueError, match="must be finite"):
            function(torch.tensor([0.0, bad]))
