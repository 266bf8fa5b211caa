"""Bias, variance and memory of estimators, against closed forms and enumeration."""

from math import inf

import pytest
import torch

import argrad
from argrad.choices import cube, k_subset, matching, one_hot, rank, solver, tree
from argrad.comparison import Deterministic, compare
from argrad.comparison.measure import Question, find_truth, measure
from argrad.comparison.meter import LiveBytes, peak_bytes
from argrad.core import Choice

PRICES = torch.tensor([0.0, 1.0, 3.0, -1.0])


def linear(y):
    return y @ PRICES


def quadratic(y):
    return (y @ PRICES - 1.2) ** 2


def quality(cost, scores, estimator, draws=1000, choice=one_hot):
    question = Question(cost, (scores,), choice)
    generator = torch.Generator().manual_seed(0)
    truth = find_truth(question, generator, most_states=4096, draws=draws)
    return measure(question, estimator, truth, generator, draws)


def test_the_exact_estimator_has_no_error_and_takes_one_draw():
    q = quality(quadratic, torch.randn(5, 4), argrad.Enumerate())
    assert (q.biased, q.noise, q.signal_to_noise, q.draws) == (False, 0, inf, 1)
    assert q.bias < 1e-6
    assert abs(q.cosine - 1) < 1e-6


@pytest.mark.parametrize(
    ("cost", "estimator", "biased"),
    [
        (linear, argrad.StraightThrough(), False),
        (quadratic, argrad.StraightThrough(), True),
        (quadratic, argrad.ReinMax(), False),
        (quadratic, argrad.ScoreFunction(samples=2), False),
        (quadratic, argrad.Relaxed(noise=argrad.noise.Gumbel()), True),
        (quadratic, Deterministic(argrad.StraightThrough()), True),
    ],
)
def test_bias_is_found_where_theory_has_it_and_only_there(cost, estimator, biased):
    q = quality(cost, torch.randn(3, 4, generator=torch.Generator().manual_seed(1)), estimator)
    assert q.biased == biased
    assert biased or q.bias < 2 * q.bias_error


def test_straight_through_bias_equals_its_enumeration():
    scores = torch.tensor([0.3, -0.2, 0.5, 0.1])
    p = scores.softmax(0)
    costs = quadratic(torch.eye(4))
    truth = p * (costs - p @ costs)
    incoming = 2 * (PRICES - 1.2).unsqueeze(1) * PRICES  # row y: ∂cost/∂y at the vertex y
    mean = (p.unsqueeze(1) * p * (incoming - (incoming @ p).unsqueeze(1))).sum(0)
    q = quality(quadratic, scores, argrad.StraightThrough(), draws=4000)
    expected = ((mean - truth).norm() / truth.norm()).item()
    assert abs(q.bias - expected) < 4 * q.bias_error


def test_score_function_variance_equals_its_closed_form():
    f = torch.tensor([2.0, 5.0])
    estimator = argrad.ScoreFunction(samples=1, baseline=argrad.no_baseline)
    q = quality(lambda y: y @ f, torch.zeros(2), estimator, draws=4000)
    truth, variance = (5 - 2) / 4 * 2**0.5, 2 * (5 + 2) ** 2 / 16
    assert abs(q.noise - variance**0.5 / truth) < 0.1
    assert abs(q.signal_to_noise - truth / variance**0.5) < 0.03


def test_the_truth_by_sampling_agrees_with_enumeration_within_its_error():
    scores = torch.randn(3, 2, 4, generator=torch.Generator().manual_seed(2))  # two variables a cost
    question = Question(lambda y: (linear(y).sum(-1) - 1) ** 2, (scores,), one_hot)
    assert question.states() == 16
    generator = torch.Generator().manual_seed(0)
    exact = find_truth(question, generator, most_states=16, draws=2)
    sampled = find_truth(question, generator, most_states=15, draws=500)
    assert exact.variance == 0
    assert sampled.relative_error > 0
    gap = (exact.gradient - sampled.gradient).norm() / exact.norm
    assert gap < 3 * sampled.relative_error


def test_a_choice_that_cannot_be_enumerated_is_sampled():
    plain = Choice(hard=one_hot.hard, sample=one_hot.sample, log_prob=one_hot.log_prob, name="drawn only")
    question = Question(linear, (torch.zeros(4),), plain)
    truth = find_truth(question, torch.Generator().manual_seed(0), most_states=100, draws=400)
    assert "ScoreFunction" in truth.source
    exact = 0.25 * (PRICES - PRICES.mean())
    assert (truth.gradient - exact).norm() < 4 * truth.variance**0.5


def test_a_choice_without_a_law_is_compared_with_the_cost_smoothed_by_noise():
    choice = solver(one_hot.hard, name="a bare maximiser")
    prices, scores = torch.tensor([1.0, 3.0]), torch.tensor([0.4, -0.1])
    question = Question(lambda y: y @ prices, (scores,), choice)
    truth = find_truth(question, torch.Generator().manual_seed(0), most_states=100, draws=500)
    assert "no law" in truth.source
    distance = (scores[1] - scores[0]) / 2**0.5  # P(second) = Φ((s₂ − s₁)/√2)
    slope = 2 * (-(distance**2) / 2).exp() / (2 * torch.pi) ** 0.5 / 2**0.5
    assert (truth.gradient - torch.stack([-slope, slope])).norm() < 4 * truth.variance**0.5


def test_a_reference_stands_for_the_truth_where_states_are_too_many():
    question = Question(linear, (torch.zeros(4),), one_hot)
    generator = torch.Generator().manual_seed(0)
    given = find_truth(question, generator, most_states=3, draws=5, reference=argrad.Relaxed())
    assert (given.source, given.variance) == ("Relaxed", 0)
    assert torch.allclose(given.gradient.float(), 0.25 * (PRICES - PRICES.mean()))
    enumerated = find_truth(question, generator, most_states=4, draws=5, reference=argrad.Identity())
    assert "exact" in enumerated.source


@pytest.mark.parametrize("choice", [k_subset(30), rank])
def test_a_choice_with_more_vertices_than_can_be_listed_is_drawn(choice):
    question = Question(lambda y: y.square().mean(-1), (torch.zeros(300),), choice)
    truth = find_truth(question, torch.Generator().manual_seed(0), most_states=100, draws=3)
    assert truth.source == "mean of 3 draws of ScoreFunction(samples=64), unbiased"


@pytest.mark.parametrize("choice", [matching, tree()])
def test_choices_of_two_dimensions_are_compared(choice):
    weights = torch.randn(3, 3, generator=torch.Generator().manual_seed(0))
    scores = torch.randn(2, 3, 3, generator=torch.Generator().manual_seed(1))
    found = compare(
        lambda y: ((y * weights).sum((-2, -1)) - 0.5) ** 2,
        scores,
        [argrad.Enumerate(), argrad.StraightThrough(), argrad.ScoreFunction(samples=4), argrad.ImplicitMLE()],
        choice=choice,
        draws=300,
    )
    assert found.truth == "exact, all states enumerated"
    assert [row.quality.biased for row in found.rows] == [False, True, False, True]


def test_several_tensors_and_other_choices():
    q = quality(lambda y: (y.sum(-1) - 1.2) ** 2, torch.zeros(3, 2), argrad.StraightThrough(), 500, cube(0, 1))
    assert q.draws == 500
    found = compare(
        lambda y, z: (linear(y) - z @ PRICES[:3]) ** 2,
        (torch.zeros(2, 4), torch.zeros(2, 3)),
        [argrad.Enumerate(), argrad.ScoreFunction(samples=4)],
        draws=300,
    )
    assert [row.quality.biased for row in found.rows] == [False, False]


def test_live_bytes_counts_what_is_alive_at_once():
    x = torch.ones(1000)
    with LiveBytes() as meter:
        for _ in range(5):
            y = x * 2
            y = y + 1  # two are alive at most
        z = y.view(10, 100).add_(1)  # a view and an operation in place take nothing
    assert (meter.peak, meter.live) == (8000, 4000)
    del y, z
    assert meter.live == 0


def test_peak_of_a_hard_gumbel_softmax_is_five_times_its_input():
    scores = torch.zeros(64, 1000, requires_grad=True)

    def call():
        torch.nn.functional.gumbel_softmax(scores, hard=True).square().sum().backward()

    assert 4.9 < peak_bytes(call, scores.device) / (4 * scores.numel()) < 5.1
