"""k out of n, against the enumeration of all subsets."""

from itertools import pairwise
from math import comb

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

import argrad
from argrad.choices import k_subset, sparsemax
from choices import laws


def _scores(*shape, seed=0, masked=0.0):
    generator = torch.Generator().manual_seed(seed)
    scores = 2 * torch.randn(*shape, dtype=torch.float64, generator=generator)
    return scores.masked_fill(torch.rand(shape, generator=generator) < masked, -torch.inf)


def _log_partition(k):
    """log e_k(exp s), by the schoolbook recursion, one option after another."""

    def total(scores):
        counts = [torch.zeros_like(scores[..., 0])] + [torch.full_like(scores[..., 0], -1e30)] * k
        for s in scores.clamp_min(-1e30).unbind(-1):
            counts = [counts[0], *(torch.logaddexp(b, a + s) for a, b in pairwise(counts))]
        return counts[k]

    return total


@pytest.mark.parametrize(("n", "k"), [(1, 1), (2, 1), (4, 2), (5, 3), (6, 6), (7, 2)])
def test_agrees_with_the_enumeration(n, k):
    choice, scores = k_subset(k), _scores(2, 1, n)
    laws.check_enumeration(choice, scores, comb(n, k))
    laws.check_law(choice, _log_partition(k), scores)
    laws.check_best(choice, scores)
    laws.check_projection(choice, scores)
    laws.check_lift(choice, scores[0, 0])


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # torch loads its own forward mode so
@pytest.mark.parametrize(("n", "k"), [(3, 2), (5, 3)])
def test_derivatives(n, k):
    scores = _scores(2, n).requires_grad_()
    choice = k_subset(k)
    vertices = choice.enumerate(scores)
    for function in (choice.soft, choice.project, lambda s: choice.log_prob(s, vertices)):
        assert gradcheck(function, scores)
        assert gradgradcheck(function, scores)
    assert gradcheck(choice.soft, scores, check_forward_ad=True)


@pytest.mark.parametrize(("n", "k"), [(5, 2), (6, 4), (9, 1)])
def test_draws_from_the_law(n, k):
    laws.check_draws(k_subset(k), _scores(n))


def test_the_marginals_are_those_of_all_subsets():
    # of all 6 subsets of 2 of 4, counted by hand; to four digits
    marginals = k_subset(2).soft(torch.tensor([1.0, 0.5, 0.0, -1.0]))
    torch.testing.assert_close(marginals, torch.tensor([0.7576, 0.6225, 0.4375, 0.1824]), rtol=0, atol=5e-5)


def test_one_of_n_is_a_softmax_and_its_projection_sparsemax():
    scores = _scores(3, 6)
    torch.testing.assert_close(k_subset(1).soft(scores), scores.softmax(-1), rtol=0, atol=1e-12)
    torch.testing.assert_close(k_subset(1).project(scores), sparsemax(scores), rtol=0, atol=1e-12)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e2, 1e4, 1e6])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_marginals_sum_to_k_at_any_scale(scale, dtype):
    scores = (scale * torch.randn(3, 300, generator=torch.Generator().manual_seed(1))).to(dtype)
    for k in (1, 10, 150, 299):
        marginals = k_subset(k).soft(scores)
        assert ((marginals >= 0) & (marginals < 1 + 1e-5)).all()
        torch.testing.assert_close(marginals.sum(-1), torch.full((3,), float(k), dtype=dtype), rtol=3e-5, atol=0)


def test_equal_scores_have_equal_marginals():
    marginals = k_subset(10).soft(torch.zeros(1000))
    torch.testing.assert_close(marginals, torch.full((1000,), 0.01))
    torch.testing.assert_close(k_subset(3).project(torch.zeros(4)), torch.full((4,), 0.75))


def test_a_mask_is_never_chosen_and_gets_no_gradient():
    scores = torch.tensor([0.3, -torch.inf, 1.0, 2.0, -torch.inf], dtype=torch.float64)
    choice = k_subset(2)
    left = scores[[0, 2, 3]]
    for function in (choice.soft, choice.project, choice.hard):
        assert (function(scores)[[1, 4]] == 0).all()
        torch.testing.assert_close(function(scores)[[0, 2, 3]], function(left), rtol=0, atol=1e-12)
    assert (choice.sample(scores, 500, None)[:, [1, 4]] == 0).all()
    log_p = choice.log_prob(scores, choice.enumerate(scores))
    torch.testing.assert_close(log_p.exp().sum(), torch.tensor(1.0, dtype=torch.float64))
    assert (log_p == -torch.inf).sum() == comb(5, 2) - comb(3, 2)
    s = scores.clone().requires_grad_()
    total = (choice.soft(s) * s.nan_to_num(neginf=0).detach()).sum() + choice.log_prob(s, choice.hard(s))
    (slope,) = torch.autograd.grad(total, s)
    assert slope.isfinite().all()
    assert (slope[[1, 4]] == 0).all()


def test_shapes():
    laws.check_shapes(k_subset(3), lambda s: k_subset(3).log_prob(s, k_subset(3).hard(s)), (5,))


@pytest.mark.parametrize(
    ("scores", "k", "words"),
    [
        (torch.zeros(3), 4, "must be an int in"),
        (torch.tensor([1.0, -torch.inf]), 2, "fewer than 2 options"),
        (torch.tensor([1.0, torch.nan, 0.0]), 2, "NaN"),
    ],
)
def test_refuses_what_cannot_be_chosen_from(scores, k, words):
    for function in (k_subset(k).hard, k_subset(k).soft, k_subset(k).project):
        with pytest.raises(ValueError, match=words):
            function(scores)


def test_a_wrong_k_is_refused_at_once():
    with pytest.raises(ValueError, match="'k' parameter of k_subset"):
        k_subset(0)
    with pytest.raises(TypeError, match="'k' parameter of k_subset"):
        k_subset(2.0)


@pytest.mark.filterwarnings("ignore:.*should not be instantiated")  # dynamo's way with autograd functions
def test_vmap_and_compile_agree_with_the_batch():
    scores = torch.randn(4, 6, generator=torch.Generator().manual_seed(3))
    choice = k_subset(2)
    weight = torch.arange(6.0)
    batched = scores.clone().requires_grad_()
    (expected,) = torch.autograd.grad((choice.soft(batched) * weight).sum(), batched)
    mapped = torch.func.vmap(torch.func.grad(lambda s: (choice.soft(s) * weight).sum()))(scores)
    torch.testing.assert_close(mapped, expected)
    compiled = torch.compile(choice.soft, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(scores), choice.soft(scores))


def test_the_score_function_is_unbiased():
    scores = _scores(4).requires_grad_()
    price = torch.tensor([1.0, 3.0, -2.0, 0.5], dtype=torch.float64)

    def cost(y):
        return (y @ price).square()

    choice = k_subset(2)
    (exact,) = torch.autograd.grad(argrad.expect(cost, scores, grad=argrad.Enumerate(), choice=choice), scores)
    generator = torch.Generator().manual_seed(0)
    rows = scores.detach().expand(20_000, 4).clone().requires_grad_()
    loss = argrad.expect(cost, rows, grad=argrad.ScoreFunction(samples=2), choice=choice, generator=generator)
    (each,) = torch.autograd.grad(loss.sum(), rows)
    z = (each.mean(0) - exact) / (each.std(0) / len(each) ** 0.5)
    assert (z.abs() < 4).all()
