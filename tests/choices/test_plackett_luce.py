"""k out of n without replacement, against the sum over the orders in which they can be drawn."""

from itertools import permutations
from math import comb

import pytest
import torch
from torch.autograd import grad, gradcheck, gradgradcheck

from argrad.choices import k_subset, plackett_luce_subset
from argrad.choices.plackett_luce import order_log_prob
from choices import laws


def _by_orders(scores, vertices):
    """Sum p(first) p(second | first) … over all orders of each set."""
    weights = scores.exp()
    rows = []
    for vertex in vertices:
        total = 0
        for order in permutations(vertex.nonzero().flatten().tolist()):
            left, chance = weights.sum(), 1
            for i in order:
                chance, left = chance * weights[i] / left, left - weights[i]
            total = total + chance
        rows.append(total)
    return torch.stack(rows)


def _scores(n, scale=2.0, seed=0):
    return scale * torch.randn(n, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("n", "k"), [(1, 1), (3, 1), (4, 2), (5, 4), (4, 4), (6, 3)])
def test_log_prob_and_its_derivatives_are_those_of_the_sum_over_orders(n, k):
    scores = _scores(n).requires_grad_()
    choice = plackett_luce_subset(k)
    vertices = choice.enumerate(scores)
    laws.check_enumeration(choice, scores, comb(n, k))
    laws.check_best(choice, scores)
    got, expected = choice.log_prob(scores, vertices).exp(), _by_orders(scores, vertices)
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-9)
    torch.testing.assert_close(got.sum(), torch.ones_like(got.sum()), rtol=0, atol=1e-9)
    weight = torch.arange(1.0, 1 + len(vertices), dtype=torch.float64)
    slopes = [grad((p * weight).sum(), scores, create_graph=True)[0] for p in (got, expected)]
    torch.testing.assert_close(*slopes, rtol=0, atol=1e-8)
    curved = [grad((g * scores.detach()).sum(), scores)[0] for g in slopes]
    torch.testing.assert_close(*curved, rtol=0, atol=1e-8)


def test_inclusion_probabilities_are_not_those_of_the_k_subset_law():
    scores = torch.tensor([1.0, 0.5, 0.0, -1.0], dtype=torch.float64)
    choice = plackett_luce_subset(2)
    vertices = choice.enumerate(scores)
    inclusion = choice.log_prob(scores, vertices).exp() @ vertices
    p = scores.softmax(0)  # the first of two draws, or the second after another
    second = torch.stack([sum(p[j] * p[i] / (1 - p[j]) for j in range(4) if j != i) for i in range(4)])
    torch.testing.assert_close(inclusion, p + second, rtol=0, atol=1e-12)
    assert (inclusion - k_subset(2).soft(scores)).abs().max() > 0.03


@pytest.mark.parametrize(("n", "k"), [(4, 2), (5, 3)])
def test_draws_from_the_law(n, k):
    choice, scores = plackett_luce_subset(k), _scores(n, 1.0)
    vertices = choice.enumerate(scores)
    draws = choice.sample(scores, 20_000, torch.Generator().manual_seed(0))
    counts = (draws[:, None] == vertices).all(-1).sum(0).double()
    expected = 20_000 * choice.log_prob(scores, vertices).exp()
    chi = ((counts - expected).square() / expected).sum()
    freedom = len(vertices) - 1
    assert abs(chi - freedom) < 4 * (2 * freedom) ** 0.5


@pytest.mark.parametrize("scale", [1e2, 1e4])
def test_scores_far_apart(scale):
    scores = (scale * torch.randn(50, generator=torch.Generator().manual_seed(0))).requires_grad_()
    choice = plackett_luce_subset(10)
    log_p = choice.log_prob(scores, choice.hard(scores))
    assert log_p.isfinite()
    assert log_p < 1e-5
    assert grad(log_p, scores)[0].isfinite().all()


def test_masks():
    scores = torch.tensor([0.3, -torch.inf, 1.0, 2.0], dtype=torch.float64).requires_grad_()
    for k in (2, 3):
        choice = plackett_luce_subset(k)
        log_p = choice.log_prob(scores, choice.enumerate(scores))
        assert (log_p == -torch.inf).sum() == comb(4, k) - comb(3, k)
        torch.testing.assert_close(log_p.exp().sum().item(), 1.0)
        (slope,) = grad(log_p.amax(), scores)
        assert slope.isfinite().all()
        assert slope[1] == 0
        assert (choice.sample(scores, 200, None)[:, 1] == 0).all()


def test_order_log_prob_is_the_product_of_the_draws():
    scores = _scores(7, 20.0).requires_grad_()
    expected = sum(scores[i] - scores[i:].logsumexp(0) for i in range(7))
    torch.testing.assert_close(order_log_prob(scores), expected, rtol=1e-12, atol=1e-12)
    assert gradcheck(order_log_prob, scores)
    assert gradgradcheck(order_log_prob, scores)
    assert gradgradcheck(order_log_prob, torch.zeros(5, dtype=torch.float64, requires_grad=True))
