"""The bias of each estimator against full enumeration of three variables of four options."""

import math
from itertools import combinations, permutations

import pytest
import torch

import argrad
from argrad.estimators.unordered import _leave_one_out_ratio
from laws import (
    cubic,
    exponential,
    linear,
    logits,
    mean_gradient,
    multilinear,
    probability,
    quadratic,
    quartic,
    relative,
    score_gradients,
    seeded,
    states,
    total_variance,
    true_gradient,
    z_scores,
)

SEEDS = range(5)
COSTS = {"linear": linear, "multilinear": multilinear, "quadratic": quadratic, "cubic": cubic, "quartic": quartic}
every_cost = pytest.mark.parametrize("cost", COSTS.values(), ids=COSTS)


@pytest.mark.parametrize("seed", SEEDS)
def test_straight_through_is_exact_for_costs_that_are_linear_in_each_variable(seed):
    for cost in (linear, multilinear):
        truth = true_gradient(cost, logits(seed))
        assert relative(mean_gradient(argrad.StraightThrough(), cost, logits(seed)), truth) < 1e-13


@pytest.mark.parametrize("seed", SEEDS)
def test_reinmax_is_exact_for_quadratic_costs_where_straight_through_is_far_off(seed):
    for cost in (linear, multilinear, quadratic):
        truth = true_gradient(cost, logits(seed))
        assert relative(mean_gradient(argrad.ReinMax(), cost, logits(seed)), truth) < 1e-13
    assert relative(mean_gradient(argrad.StraightThrough(), quadratic, logits(seed)), truth) > 0.1


@pytest.mark.parametrize("temperature", [1.5, 2.0])
def test_a_temperature_costs_reinmax_its_exactness(temperature):
    truth = true_gradient(quadratic, logits())
    assert relative(mean_gradient(argrad.ReinMax(temperature), quadratic, logits()), truth) > 0.05


def test_on_a_cubic_cost_reinmax_can_be_worse_than_straight_through():
    worse = 0
    for seed in range(20):
        truth = true_gradient(cubic, logits(seed))
        second, first = (mean_gradient(e, cubic, logits(seed)) for e in (argrad.ReinMax(), argrad.StraightThrough()))
        worse += relative(second, truth) > relative(first, truth)
    assert 0 < worse < 20


@pytest.mark.parametrize(("estimator", "order"), [(argrad.StraightThrough(), 2), (argrad.ReinMax(), 3)])
def test_order_of_the_bias(estimator, order):
    """With f = exp(ε⟨c, y⟩) halving ε divides the bias by 2^order."""
    bias = []
    for eps in (0.02, 0.01):
        cost = lambda y, eps=eps: exponential(y, eps)  # noqa: E731
        bias.append((mean_gradient(estimator, cost, logits()) - true_gradient(cost, logits())).norm())
    assert math.log2(bias[0] / bias[1]) == pytest.approx(order, abs=0.1)


@every_cost
@pytest.mark.parametrize("samples", [1, 2])
def test_the_score_function_is_unbiased(cost, samples):
    """One sample without a baseline, and two with leave-one-out, over all 64 and 4096 tuples of draws."""
    gradients, weight = score_gradients(argrad.ScoreFunction(samples), cost, logits())
    mean = torch.einsum("s,svk->vk", weight, gradients)
    assert relative(mean, true_gradient(cost, logits())) < 1e-12


@every_cost
def test_any_constant_baseline_is_unbiased(cost):
    estimator = argrad.ScoreFunction(1, baseline=argrad.constant(3.7))
    gradients, weight = score_gradients(estimator, cost, logits())
    assert relative(torch.einsum("s,svk->vk", weight, gradients), true_gradient(cost, logits())) < 1e-12


def test_subtracting_the_mean_of_all_samples_would_shrink_the_gradient():
    """What leave-one-out is not: with the own sample in the baseline the gradient is (k − 1)/k of the true one."""
    estimator = argrad.ScoreFunction(2, baseline=lambda costs: costs.mean(0, keepdim=True).expand_as(costs))
    gradients, weight = score_gradients(estimator, cubic, logits())
    assert relative(torch.einsum("s,svk->vk", weight, gradients), true_gradient(cubic, logits()) / 2) < 1e-12


@every_cost
def test_one_variable_at_a_time_is_unbiased_and_varies_less(cost):
    gradients, weight = score_gradients(argrad.IndeCateR(), cost, logits())
    mean = torch.einsum("s,svk->vk", weight, gradients)
    assert relative(mean, true_gradient(cost, logits())) < 1e-12
    score, _ = score_gradients(argrad.ScoreFunction(1), cost, logits())
    assert total_variance(gradients, weight) < total_variance(score, weight)


@every_cost
def test_enumerate_gives_the_exact_value_and_gradient(cost):
    s = logits().requires_grad_()
    value = argrad.expect(cost, s, grad=argrad.Enumerate())
    torch.testing.assert_close(value, (probability(s, states()) * cost(states())).sum())
    assert relative(torch.autograd.grad(value, s)[0], true_gradient(cost, logits())) < 1e-13


@every_cost
def test_the_unordered_set_is_unbiased(cost):
    s = logits().expand(20_000, 3, 4).clone().requires_grad_()
    value = argrad.expect(cost, s, grad=argrad.UnorderedSet(samples=3), generator=seeded())
    (gradients,) = torch.autograd.grad(value.sum(), s)
    assert z_scores(gradients, true_gradient(cost, logits())).abs().max() < 4
    assert z_scores(value.detach(), (probability(logits(), states()) * cost(states())).sum()).abs().max() < 4


@pytest.mark.parametrize("k", [2, 3, 4])
def test_the_leave_one_out_ratio_is_its_definition(k):
    """R(S, y) = p^{without y}(S∖y)/p(S), p(S) the sum over all orders of drawing S without replacement."""
    p = torch.softmax(3 * torch.randn(6, dtype=torch.float64, generator=seeded(2)), 0)

    def chance(drawn, without=()):
        left = 1 - sum(p[i] for i in without)
        total = 0
        for order in permutations(drawn):
            gone, term = 0, 1
            for i in order:
                term, gone = term * p[i] / (left - gone), gone + p[i]
            total += term
        return total

    expectation = 0
    for drawn in combinations(range(6), k):
        ratio = _leave_one_out_ratio(p.log(), torch.tensor(drawn))
        by_hand = [chance(set(drawn) - {y}, without=(y,)) / chance(drawn) for y in drawn]
        torch.testing.assert_close(ratio, torch.stack(by_hand))
        expectation += chance(drawn) * (p[list(drawn)] * ratio).sum()
    torch.testing.assert_close(expectation, torch.ones_like(expectation))  # of f = 1


def test_the_unordered_set_of_all_vertices_is_the_exact_gradient():
    s = torch.randn(3, 4, dtype=torch.float64, generator=seeded()).requires_grad_()
    cost = lambda y: (y * torch.arange(4.0, dtype=torch.float64)).sum(-1) ** 3  # noqa: E731
    value, truth = (argrad.expect(cost, s, grad=g) for g in (argrad.UnorderedSet(samples=4), argrad.Enumerate()))
    torch.testing.assert_close(value, truth)
    torch.testing.assert_close(torch.autograd.grad(value.sum(), s), torch.autograd.grad(truth.sum(), s))


def test_what_cannot_happen_may_cost_anything():
    s = torch.tensor([0.0, -torch.inf, 1.0, -torch.inf], requires_grad=True)
    prices = torch.tensor([1.0, torch.nan, 3.0, torch.inf])
    cost = lambda y: prices[y.argmax(-1)]  # noqa: E731
    p = torch.softmax(torch.tensor([0.0, 1.0]), 0)
    for grad in (argrad.Enumerate(), argrad.UnorderedSet(2), argrad.UnorderedSet(3), argrad.IndeCateR()):
        value = argrad.expect(cost, s, grad=grad)
        torch.testing.assert_close(value, p @ torch.tensor([1.0, 3.0]))
        (gradient,) = torch.autograd.grad(value, s)
        torch.testing.assert_close(gradient, torch.tensor([-1.0, 0, 1.0, 0]) * 2 * p[0] * p[1])


def test_variables_of_different_sizes_share_a_cost():
    """Two tensors, (2, 3) and (2, 1, 4): each of two costs sees one variable of each."""
    a = torch.randn(2, 3, dtype=torch.float64, generator=seeded()).requires_grad_()
    b = torch.randn(2, 1, 4, dtype=torch.float64, generator=seeded(1)).requires_grad_()
    table = torch.randn(3, 4, dtype=torch.float64, generator=seeded(2))

    def cost(y, z):
        return torch.einsum("...i,ij,...vj->...", y, table, z)

    truth = torch.einsum("bi,ij,bvj->b", torch.softmax(a, -1), table, torch.softmax(b, -1))
    expected = torch.autograd.grad(truth.sum(), (a, b))
    value = argrad.expect(cost, (a, b), grad=argrad.Enumerate())
    torch.testing.assert_close(value, truth)
    torch.testing.assert_close(torch.autograd.grad(value.sum(), (a, b)), expected)
    wide = [s.detach().expand(20_000, *s.shape).clone().requires_grad_() for s in (a, b)]
    for grad in (
        argrad.IndeCateR(),
        argrad.ScoreFunction(3),
        argrad.UnorderedSet(2),
        argrad.ReinMax(),
        argrad.StraightThrough(),
    ):
        total = argrad.expect(cost, wide, grad=grad, generator=seeded(3)).sum()
        for gradients, true in zip(torch.autograd.grad(total, wide), expected, strict=True):
            assert z_scores(gradients, true).abs().max() < 4.5, grad
