"""topk, rank, argsort, sort, permutation, quantile, median: torch's values, and a gradient of one's choice."""

import pytest
import torch

import argrad
from argrad.choices import k_subset, soft_rank, soft_sort

DIMS = [-1, 0, 1]


def _scores(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).requires_grad_()


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("largest", [True, False])
def test_topk_has_torchs_values_and_indices_and_marks_them(dim, largest):
    x = _scores(4, 5, 3)
    got, expected = argrad.topk(x, 2, dim, largest), torch.topk(x, 2, dim, largest)
    assert torch.equal(got.values, expected.values)
    assert torch.equal(got.indices, expected.indices)
    assert torch.equal(got.khot, torch.zeros_like(x).scatter(dim, expected.indices, 1))
    weight = torch.randn(4, 5, 3)
    (slope,) = torch.autograd.grad((got.khot * weight).sum(), x)
    soft = k_subset(2).soft((x if largest else -x).movedim(dim, -1)).movedim(-1, dim)
    (true,) = torch.autograd.grad((soft * weight).sum(), x)
    torch.testing.assert_close(slope, true)


def test_topk_draws_subsets_in_the_order_of_their_scores():
    x = _scores(50, 6)
    drawn = argrad.topk(x, 3, sample=True, generator=torch.Generator().manual_seed(0))
    assert (drawn.khot.sum(-1) == 3).all()
    assert (drawn.khot.gather(-1, drawn.indices) == 1).all()
    assert (drawn.values.diff(dim=-1) <= 0).all()
    assert not torch.equal(drawn.indices, x.topk(3).indices)
    noisy = argrad.topk(x, 3, sample=True, grad=argrad.StraightThrough(noise=argrad.Gumbel()))
    assert (noisy.khot.sum(-1) == 3).all()


def test_topk_says_what_is_wrong_with_k():
    with pytest.raises(ValueError, match=r"'k' parameter of topk must be an int in \[1, 6\]. Got 9 with scores of sh"):
        argrad.topk(torch.zeros(4, 6), 9)


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("descending", [True, False])
def test_orders_are_torchs(dim, descending):
    x = _scores(4, 5, 3).detach().round(decimals=1).requires_grad_()
    expected = torch.sort(x, dim=dim, descending=descending, stable=True)
    for grad in (soft_sort, argrad.StraightThrough(temperature=0.1), argrad.Identity()):
        got = argrad.sort(x, dim, descending, grad=grad)
        assert torch.equal(got.values, expected.values)
        assert torch.equal(got.indices, expected.indices)
    matrix = argrad.argsort(x, dim, descending)
    assert torch.equal(matrix.argmax(-1).movedim(-1, dim), expected.indices)
    assert (matrix.sum(-1) == 1).all()
    ranks = argrad.rank(x.detach().double() - 1e-6 * torch.arange(x.numel()).view(x.shape), dim, descending)
    assert torch.equal(ranks.sort(dim).values.movedim(dim, -1)[0, 0], torch.arange(1.0, x.shape[dim] + 1).double())


def test_rank_has_the_gradient_of_its_relaxation_at_its_temperature():
    x = _scores(3, 6)
    weight = torch.randn(3, 6)
    ranks = argrad.rank(x, grad=argrad.StraightThrough(temperature=2.0))
    assert torch.equal(ranks, x.argsort(-1).argsort(-1) + 1.0)
    (slope,) = torch.autograd.grad((ranks * weight).sum(), x)
    (true,) = torch.autograd.grad((soft_rank(x / 2) * weight).sum(), x)
    torch.testing.assert_close(slope, true)
    (backward,) = torch.autograd.grad((argrad.rank(x, descending=True) * weight).sum(), x)
    (forward,) = torch.autograd.grad((argrad.rank(x) * weight).sum(), x)
    torch.testing.assert_close(backward, -forward)


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("keepdim", [True, False])
def test_quantiles_are_torchs(dim, keepdim):
    x = _scores(4, 5, 3)
    got, expected = argrad.median(x, dim, keepdim), torch.median(x, dim, keepdim)
    assert torch.equal(got.values, expected.values)
    assert torch.equal(got.indices, expected.indices)
    for q in (0.3, torch.tensor([0.0, 0.25, 1.0])):
        torch.testing.assert_close(argrad.quantile(x, q, dim, keepdim), torch.quantile(x, q, dim, keepdim))
        torch.testing.assert_close(
            argrad.quantile(x, q, None, keepdim), torch.quantile(x, q, keepdim=keepdim), rtol=1e-6, atol=1e-6
        )


def test_a_low_temperature_gives_the_true_derivative_of_a_quantile():
    x = _scores(7).detach().double().requires_grad_()
    cold = argrad.StraightThrough(temperature=1e-4)
    for function in (torch.median, lambda s: torch.quantile(s, 0.4)):
        (true,) = torch.autograd.grad(function(x), x)
        mine = argrad.median(x, grad=cold).values if function is torch.median else argrad.quantile(x, 0.4, grad=cold)
        torch.testing.assert_close(torch.autograd.grad(mine, x)[0], true)


@pytest.mark.parametrize(
    "verb", [argrad.argsort, argrad.rank, lambda s, grad: argrad.permutation(s.view(2, 3, 3), grad=grad)]
)
def test_the_soft_way_through_a_verb_is_differentiable_twice(verb):
    pytest.importorskip("scipy")
    x = (_scores(3, 6).detach().double()).requires_grad_()
    grad = argrad.Relaxed(temperature=2.0)
    assert torch.autograd.gradcheck(lambda s: verb(s, grad=grad), x)
    assert torch.autograd.gradgradcheck(lambda s: verb(s, grad=grad), x)


def test_order_statistics_are_the_rows_of_softsort_times_the_scores():
    x = _scores(3, 5).detach().double().requires_grad_()
    grad = argrad.Relaxed(temperature=0.7)
    rows = (argrad.softsort(x / 0.7) * x.unsqueeze(-2)).sum(-1)
    torch.testing.assert_close(argrad.median(x, grad=grad).values, rows[:, 2])
    torch.testing.assert_close(argrad.quantile(x, 0.3, -1, grad=grad), rows[:, 1].lerp(rows[:, 2], 0.2))
    for function in (lambda s: argrad.median(s, grad=grad).values, lambda s: argrad.quantile(s, 0.3, -1, grad=grad)):
        assert torch.autograd.gradcheck(function, x)
        assert torch.autograd.gradgradcheck(function, x)


def test_masks_do_not_count():
    x = torch.tensor([3.0, 1.0, -torch.inf, 2.0], requires_grad=True)
    left = x.detach()[[0, 1, 3]]
    values = [
        (argrad.median(x).values, left.median()),
        (argrad.quantile(x, 0.3), left.quantile(0.3)),
        (argrad.sort(x).values[1:].sum(), left.sum()),
        (argrad.sort(x, grad=argrad.StraightThrough()).values[1], left.amin()),
        (argrad.rank(x)[0], torch.tensor(3.0)),
        (argrad.rank(x, descending=True)[0], torch.tensor(1.0)),
        (argrad.topk(x, 2).khot[1], torch.tensor(0.0)),
        (argrad.argsort(x)[1, 1], torch.tensor(1.0)),
    ]
    for got, expected in values:
        torch.testing.assert_close(got.detach(), expected)
        (slope,) = torch.autograd.grad(got, x)
        assert slope.isfinite().all()
        assert slope[2] == 0
    assert argrad.rank(x)[2] == 0
    assert argrad.sort(x).values[0] == -torch.inf
    masked = argrad.topk(torch.zeros(4), 2, mask=torch.tensor([False, True, False, True]))
    assert masked.khot.tolist() == [0, 1, 0, 1]


VERBS = {
    "topk": (lambda x, **how: argrad.topk(x, 2, **how).khot),
    "rank": argrad.rank,
    "permutation": argrad.permutation,
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    "grad",
    [
        argrad.StraightThrough(),
        argrad.Identity(),
        argrad.Relaxed(temperature=2.0),
        argrad.Spigot(),
        argrad.Interpolation(step=20.0),
    ],
    ids=lambda e: type(e).__name__,
)
def test_every_fitting_estimator_gives_a_gradient(verb, grad):
    pytest.importorskip("scipy")
    x = _scores(2, 4, 4)
    y = VERBS[verb](x, grad=grad)
    hard = VERBS[verb](x.detach())
    assert torch.equal(y, hard) != isinstance(grad, argrad.Relaxed)
    (slope,) = torch.autograd.grad((y * torch.randn(2, 4, 4, generator=torch.Generator().manual_seed(1))).sum(), x)
    assert slope.isfinite().all()
    assert slope.abs().sum() > 0


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    "grad",
    [
        argrad.StraightThrough(),
        argrad.StraightThrough(noise=argrad.Gumbel()),
        argrad.Relaxed(noise=argrad.Gumbel()),
        argrad.ImplicitMLE(step=20.0),
        argrad.Perturbed(samples=4),
    ],
    ids=repr,
)
def test_every_fitting_estimator_draws(verb, grad):
    pytest.importorskip("scipy")
    x = _scores(2, 4, 4)
    y = VERBS[verb](x, grad=grad, sample=True, generator=torch.Generator().manual_seed(0))
    (slope,) = torch.autograd.grad((y * torch.randn(2, 4, 4, generator=torch.Generator().manual_seed(1))).sum(), x)
    assert slope.isfinite().all()
    assert slope.abs().sum() > 0


def test_an_estimator_that_does_not_fit_is_refused_in_words():
    with pytest.raises(TypeError, match=r"Use argrad.rank\(sample=True\) or argrad.expect"):
        argrad.rank(torch.zeros(3), grad=argrad.Perturbed())
    with pytest.raises(TypeError, match="ReinMax needs the function"):
        argrad.topk(torch.zeros(3), 1, sample=True, grad=argrad.ReinMax())
    with pytest.raises(TypeError, match="'grad' parameter of sort must be an estimator or a relaxation"):
        argrad.sort(torch.zeros(3), grad=0.1)
    with pytest.raises(ValueError, match="'q' parameter of quantile"):
        argrad.quantile(torch.zeros(3), 1.5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_exact(dtype):
    x = _scores(2, 50).detach().to(dtype)
    assert argrad.topk(x, 2).khot.dtype == dtype
    assert torch.equal(argrad.sort(x).values, x.sort(-1).values)
    assert torch.equal(argrad.median(x).values, x.float().median(-1).values.to(dtype))
    assert argrad.rank(x).amax() == 50


def test_empty_batches():
    x = torch.zeros(0, 4)
    assert argrad.topk(x, 2).khot.shape == argrad.rank(x).shape == argrad.sort(x).values.shape == (0, 4)
    assert argrad.argsort(x).shape == (0, 4, 4)
    assert argrad.median(x).values.shape == argrad.quantile(x, 0.5, -1).shape == (0,)


def test_a_quantile_on_the_meta_device_has_its_shape():
    assert argrad.quantile(torch.zeros(3, 4, device="meta"), torch.tensor([0.1, 0.9]), dim=0).shape == (2, 4)
