"""Sparsemax and entmax against closed forms, against bisection in float64, and their derivatives."""

import pytest
import torch

import argrad

MAPS = {
    "sparsemax": argrad.sparsemax,
    "entmax15": argrad.entmax15,
    "entmax 1.2": lambda s, dim=-1: argrad.entmax(s, 1.2, dim),
    "entmax 1.7": lambda s, dim=-1: argrad.entmax(s, 1.7, dim),
    "entmax 3": lambda s, dim=-1: argrad.entmax(s, 3.0, dim),
}
ALPHAS = {"sparsemax": 2.0, "entmax15": 1.5, "entmax 1.2": 1.2, "entmax 1.7": 1.7, "entmax 3": 3.0}
every_map = pytest.mark.parametrize("name", MAPS)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def bisected(s, alpha):
    """p = [(α − 1)s − τ]₊^{1/(α − 1)} with τ by plain bisection in float64: the definition."""
    z = (alpha - 1) * s.double()
    low, high = z.amax(-1, keepdim=True) - 1, z.amax(-1, keepdim=True)
    for _ in range(200):
        middle = (low + high) / 2
        big = ((z - middle).clamp_min(0) ** (1 / (alpha - 1))).sum(-1, keepdim=True) >= 1
        low, high = torch.where(big, middle, low), torch.where(big, high, middle)
    return (z - low).clamp_min(0) ** (1 / (alpha - 1))


@every_map
@pytest.mark.parametrize("scale", [1e-3, 0.3, 1.0, 5.0, 100.0])
def test_values_are_those_of_the_definition(name, scale):
    s = scale * torch.randn(200, 30, dtype=torch.float64, generator=seeded())
    truth = bisected(s, ALPHAS[name])
    torch.testing.assert_close(MAPS[name](s), truth, atol=1e-10, rtol=1e-8)
    single = MAPS[name](s.float())
    # where p = (z − τ)^{1/(α − 1)} is steep at 0, an error of eps in τ comes out as one of eps^{1/(α − 1)}
    steep = torch.finfo(torch.float32).eps ** min(1.0, 1 / (ALPHAS[name] - 1))
    torch.testing.assert_close(single.double(), bisected(s.float(), ALPHAS[name]), atol=20 * steep, rtol=1e-4)
    assert (single.sum(-1) - 1).abs().max() < 20 * steep


@every_map
def test_zeros_are_exact_where_the_definition_has_them(name):
    s = torch.randn(500, 20, dtype=torch.float64, generator=seeded())
    p, truth = MAPS[name](s), bisected(s, ALPHAS[name])
    certain = (truth > 1e-9) | (truth == 0)
    assert torch.equal((p > 0)[certain], (truth > 0)[certain])
    assert (p == 0).any()


def test_two_options_in_closed_form():
    """sparsemax = clamp((1 + d)/2); 1.5-entmax: ½ + d √(8 − d²)/8, both with d the difference of the scores."""
    d = torch.linspace(-3, 3, 61, dtype=torch.float64)
    s = torch.stack([d, torch.zeros_like(d)], -1)
    torch.testing.assert_close(argrad.sparsemax(s)[:, 0], ((1 + d) / 2).clamp(0, 1))
    inside = d.abs() <= 2
    torch.testing.assert_close(argrad.entmax15(s)[inside, 0], 0.5 + d[inside] * (8 - d[inside] ** 2).sqrt() / 8)
    assert set(argrad.entmax15(s)[~inside, 0].tolist()) == {0.0, 1.0}


def test_sparsemax_is_the_nearest_point_of_the_simplex():
    """⟨q − p, s − p⟩ ≤ 0 for every q of the simplex, that is for every vertex."""
    s = 2 * torch.randn(300, 9, dtype=torch.float64, generator=seeded())
    p = argrad.sparsemax(s)
    towards_vertices = (s - p) - ((s - p) * p).sum(-1, keepdim=True)
    assert towards_vertices.max() < 1e-12


def test_entmax_joins_softmax_and_sparsemax():
    s = torch.randn(50, 7, dtype=torch.float64, generator=seeded())
    assert torch.equal(argrad.entmax(s, 1), torch.softmax(s, -1))
    assert torch.equal(argrad.entmax(s, 2), argrad.sparsemax(s))
    for alpha, closed in ((2.0, argrad.sparsemax), (1.5, argrad.entmax15)):
        by_bisection = argrad.entmax(s, torch.tensor(alpha, dtype=torch.float64))
        torch.testing.assert_close(by_bisection, closed(s), atol=1e-12, rtol=1e-9)
    torch.testing.assert_close(argrad.entmax(s, 1.0001), torch.softmax(s, -1), atol=1e-4, rtol=1e-3)


@every_map
def test_first_and_second_derivatives(name):
    s = torch.randn(3, 5, dtype=torch.float64, generator=seeded(3), requires_grad=True)
    assert ((MAPS[name](s) > 0).sum(-1) > 1).any()
    torch.autograd.gradcheck(MAPS[name], (s,))
    torch.autograd.gradgradcheck(MAPS[name], (s,))


@pytest.mark.filterwarnings("ignore:.torch.jit.script.:DeprecationWarning")  # torch's own, on its first forward mode
@every_map
def test_second_derivatives_agree_whichever_way_they_are_taken(name):
    s, cost = (torch.randn(6, dtype=torch.float64, generator=seeded(n)) for n in (3, 4))
    ways = (torch.func.jacfwd, torch.func.jacrev)
    f = lambda s: MAPS[name](s).pow(3) @ cost  # noqa: E731
    truth = torch.autograd.functional.hessian(f, s)
    for outer in ways:
        for inner in ways:
            torch.testing.assert_close(outer(inner(f))(s), truth)


def test_the_jacobian_of_sparsemax_is_diag_minus_outer_over_size():
    s = torch.randn(6, dtype=torch.float64, generator=seeded(), requires_grad=True)
    inside = (argrad.sparsemax(s) > 0).double()
    expected = torch.diag(inside) - torch.outer(inside, inside) / inside.sum()
    torch.testing.assert_close(torch.autograd.functional.jacobian(argrad.sparsemax, s), expected)


def test_the_jacobian_of_entmax_is_diag_minus_outer_of_the_power():
    """diag(m) − m mᵀ/Σm with m = p^{2 − α} on the support (Peters, Niculae & Martins 2019)."""
    s = torch.randn(6, dtype=torch.float64, generator=seeded(2))
    for alpha in (1.2, 1.5, 1.7, 3.0):
        p = argrad.entmax(s, alpha)
        m = torch.where(p > 0, p.clamp_min(1e-300) ** (2 - alpha), 0)
        jacobian = torch.autograd.functional.jacobian(lambda x, a=alpha: argrad.entmax(x, a), s)
        torch.testing.assert_close(jacobian, torch.diag(m) - torch.outer(m, m) / m.sum(), atol=1e-8, rtol=1e-6)


@pytest.mark.parametrize(("shape", "value"), [((), 1.2), ((1,), 1.5), ((3, 1), 2.0), ((), 2.5)], ids=str)
def test_alpha_learns(shape, value):
    """Its gradient is the finite difference of the bisected definition, of first and of second order."""
    s = torch.randn(3, 4, dtype=torch.float64, generator=seeded(5), requires_grad=True)
    alpha = torch.full(shape, value, dtype=torch.float64, requires_grad=True)
    torch.autograd.gradcheck(argrad.entmax, (s, alpha))
    torch.autograd.gradgradcheck(argrad.entmax, (s, alpha), atol=1e-4)
    weights, h = torch.arange(4.0, dtype=torch.float64), 1e-5
    (gradient,) = torch.autograd.grad((argrad.entmax(s, alpha) @ weights).sum(), alpha)
    difference = ((bisected(s, value + h) - bisected(s, value - h)) @ weights).sum() / (2 * h)
    torch.testing.assert_close(gradient.sum(), difference, rtol=1e-5, atol=1e-6)


@every_map
def test_any_dim(name):
    s = torch.randn(3, 4, 5, generator=seeded())
    torch.testing.assert_close(MAPS[name](s.movedim(-1, 0), dim=0).movedim(0, -1), MAPS[name](s))


def test_alpha_for_each_head_along_any_dim():
    s = torch.randn(2, 5, 3, dtype=torch.float64, generator=seeded())
    alpha = torch.tensor([1.3, 1.5, 2.0], dtype=torch.float64)
    together = argrad.entmax(s, alpha, dim=1)
    for head in range(3):
        alone = argrad.entmax(s[..., head], alpha[head].item(), dim=1)
        torch.testing.assert_close(together[..., head], alone, atol=1e-9, rtol=1e-7)


@every_map
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_full_precision_rounded_once(name, dtype):
    s = torch.randn(20, 50, generator=seeded()).to(dtype)
    assert torch.equal(MAPS[name](s), MAPS[name](s.float()).to(dtype))


@every_map
def test_a_mask_is_the_same_as_fewer_options(name):
    s = torch.randn(20, 6, generator=seeded(), requires_grad=True)
    mask = torch.tensor([True, False, True, True, False, True])
    p = MAPS[name](s.masked_fill(~mask, -torch.inf))
    assert (p[:, ~mask] == 0).all()
    torch.testing.assert_close(p[:, mask], MAPS[name](s[:, mask]))
    (gradient,) = torch.autograd.grad((p * torch.arange(6.0)).sum(), s)
    assert (gradient[:, ~mask] == 0).all()
    assert gradient.isfinite().all()


def test_a_learnt_alpha_beside_a_mask_has_a_finite_gradient():
    alpha = torch.tensor(1.7, requires_grad=True)
    s = torch.tensor([0.1, -torch.inf, 0.3], requires_grad=True)
    argrad.entmax(s, alpha)[0].backward()
    fewer = torch.tensor([0.1, 0.3])
    twin = torch.tensor(1.7, requires_grad=True)
    argrad.entmax(fewer, twin)[0].backward()
    torch.testing.assert_close(alpha.grad, twin.grad)
    assert s.grad[1] == 0


@every_map
def test_extreme_scores(name):
    for s in (
        1e4 * torch.randn(8, 9, generator=seeded()),
        torch.full((2, 5), 1e30),
        torch.zeros(3, 4),
        torch.ones(2, 1),
    ):
        p = MAPS[name](s.requires_grad_())
        assert p.isfinite().all()
        assert (p.sum(-1) - 1).abs().max() < 1e-5
        assert torch.autograd.grad(p[..., 0].sum(), s)[0].isfinite().all()


@every_map
def test_a_common_shift_changes_nothing(name):
    s = torch.randn(20, 6, dtype=torch.float64, generator=seeded())
    torch.testing.assert_close(MAPS[name](s + 100), MAPS[name](s), atol=1e-11, rtol=1e-9)


@every_map
def test_ties_share(name):
    torch.testing.assert_close(MAPS[name](torch.full((4,), 0.7)), torch.full((4,), 0.25))


def test_rows_wide_and_narrow_share_a_batch():
    """One row's support is wide, another's a single option: each comes out as it would alone."""
    s = torch.stack([torch.zeros(1000), torch.cat([torch.tensor([50.0]), torch.zeros(999)])])
    for name, mapping in MAPS.items():
        torch.testing.assert_close(mapping(s), torch.stack([mapping(row) for row in s]), msg=name)


ROWS = {
    "close to the threshold of one": -1 + 2.0 ** -torch.arange(1, 60, dtype=torch.float64),
    "close to the best": -(2.0 ** -torch.arange(1, 60, dtype=torch.float64)),
    "each twice as far": -(1.5 ** torch.arange(-80, 1, dtype=torch.float64)),
    "exactly one below": -torch.ones(40, dtype=torch.float64),
    "even": torch.linspace(-1, 0, 2000, dtype=torch.float64),
    "many": 1e-3 * torch.randn(200_000, dtype=torch.float64, generator=seeded()),
    "masked": torch.cat([torch.full((50,), -torch.inf, dtype=torch.float64), torch.linspace(-2, 0, 9).double()]),
}


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("name", ["sparsemax", "entmax15"])
def test_rows_that_are_hard_to_search(name, row):
    """Eager by Newton's method, in a transform by bisection: both find the threshold of the definition."""
    s = torch.cat([ROWS[row], torch.zeros(1, dtype=torch.float64)]).unsqueeze(0)
    truth = bisected(s, ALPHAS[name])
    torch.testing.assert_close(MAPS[name](s), truth, atol=1e-12, rtol=1e-9)
    torch.testing.assert_close(torch.func.vmap(MAPS[name])(s), truth, atol=1e-12, rtol=1e-9)
    single = s.float()
    truth = bisected(single, ALPHAS[name])
    for p in (MAPS[name](single), torch.func.vmap(MAPS[name])(single)):
        torch.testing.assert_close(p.double(), truth, atol=4e-7, rtol=1e-4)
        assert (p.sum() - 1).abs() < 1e-5


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("gap", [1e-5, 1e-3, 1e-2, 0.3])
@pytest.mark.parametrize("name", ["sparsemax", "entmax15"])
def test_a_threshold_rounded_up_past_an_option_does_not_fall_back(name, gap, dtype):
    """The others lie just below the threshold, so many that half a unit in its last place would matter to their sum."""
    s = torch.full((100_001,), gap - 1, dtype=dtype)
    s[0] = 0
    s = s if name == "sparsemax" else 2 * s
    p = MAPS[name](s).double()
    torch.testing.assert_close(p, bisected(s, ALPHAS[name]), atol=4 * torch.finfo(dtype).eps, rtol=1e-3)
    assert p.sum() < 1.02


@every_map
def test_what_the_zeros_receive_stays_out(name):
    """The logarithm's gradient at a zero is infinite, or NaN: it must not spill into the row."""
    s = torch.tensor([0.3, 0.1, -5.0], requires_grad=True)
    (gradient,) = torch.autograd.grad(MAPS[name](s).log()[0], s)
    assert gradient.isfinite().all()
    assert gradient[2] == 0


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
@every_map
def test_rows_that_cannot_be_mapped_are_refused(name, bad):
    s = torch.zeros(3, 4)
    s[1, 2] = bad
    with pytest.raises(ValueError, match=r"must have a finite best option in every row\. Got .* in row \(1,\)"):
        MAPS[name](s)
    with pytest.raises(ValueError, match="no option left"):
        MAPS[name](torch.full((2, 3), -torch.inf))


def test_alpha_below_1_is_refused():
    with pytest.raises(ValueError, match=r"The 'alpha' parameter of entmax must be at least 1\. Got 0\.5\."):
        argrad.entmax(torch.zeros(3), 0.5)
