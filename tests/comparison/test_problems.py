"""The built-in problems: what they say of the data and of the model is so."""

from importlib import import_module
from itertools import product

import pytest
import torch

from argrad.comparison.problems import keypoint, polynomial, select, vae
from argrad.comparison.problems._digits import digits
from argrad.comparison.problems.keypoint import distance, scene, within_window
from argrad.comparison.problems.select import NUMBERS, Selector, accuracies
from argrad.comparison.problems.vae import Autoencoder, bounds, divergence
from argrad.estimators import Enumerate, MarginalLikelihood, ReinMax


@pytest.mark.parametrize("make", [select, keypoint, vae, polynomial])
def test_every_estimator_of_a_problem_trains(make):
    problem = make(steps=2)
    for name, estimator in problem.estimators.items():
        *_, last = problem.train(estimator, 0)
        assert last.progress == 1, name
        assert torch.isfinite(torch.tensor([last.hard, last.soft])).all(), name


@pytest.mark.parametrize("make", [select, keypoint, vae, polynomial])
def test_a_training_is_repeatable(make):
    problem = make(steps=3)
    assert list(problem.train(ReinMax(), 1)) == list(problem.train(ReinMax(), 1))


def test_the_two_parts_of_the_digits_are_all_of_them():
    train, test = digits()
    assert (len(train.classes), len(test.classes)) == (1257, 540)
    assert set(test.classes.tolist()) == set(range(10))
    assert train.images.min() == 0
    assert train.images.max() == 1


def test_select_counts_a_digit_as_read_when_the_answer_is_nearest_to_its_number():
    _, test = digits()
    numbers = torch.tensor(NUMBERS)
    model = Selector(0)

    class Oracle(torch.nn.Module):
        def forward(self, _images):
            return 50 * torch.nn.functional.one_hot(test.classes, 10).float()

    model.scores = Oracle()
    model.values.data = numbers + 0.4
    assert accuracies(model, test, numbers) == (100, 100)
    model.values.data = numbers + 0.6
    assert accuracies(model, test, numbers)[0] < 20  # only the largest number, which has none above it


def test_select_learns_to_read_digits_through_the_argmax():
    *_, last = select(steps=150).train(MarginalLikelihood(temperature=0.3), 0)
    assert last.hard > 85


def test_keypoint_moves_the_picture_with_the_place(monkeypatch):
    monkeypatch.setattr(import_module("argrad.comparison.problems.keypoint"), "NOISE", 0.0)
    train, _ = digits()
    image = train.images[:1].expand(200, 64)
    canvas, where = scene(image, torch.Generator().manual_seed(0))
    cell = torch.arange(24.0)
    mass = canvas.sum((1, 2))
    centre = torch.stack([(canvas.sum(2) @ cell) / mass, (canvas.sum(1) @ cell) / mass], 1)
    offset = centre - where
    assert offset.std(0).max() < 0.01  # the digit's own centre of mass, the same everywhere
    assert offset.mean(0).abs().max() < 1.5


def test_keypoint_cost_is_the_distance_in_pixels():
    y = torch.zeros(1, 1, 576)
    y[..., 5 * 24 + 7] = 1
    assert distance(torch.tensor([[2.0, 3.0]]), y).item() == pytest.approx(5.0, abs=1e-3)


def test_the_window_is_a_square_about_the_best_cell():
    heat = torch.zeros(24, 24)
    heat[10, 12] = 1
    inside = within_window(heat.flatten()).view(24, 24) > 0
    assert inside[7:14, 9:16].all()
    assert inside.sum() == 49


def test_vae_bound_equals_a_loop_over_all_codes():
    model, images = Autoencoder(0), (torch.rand(3, 64) > 0.5).float()
    with torch.no_grad():
        log_q = model.scores(images).log_softmax(-1)
        bound = divergence(model.scores(images))
        for code in product(range(6), repeat=3):
            y = torch.nn.functional.one_hot(torch.tensor(code), 6).float().expand(1, 3, 3, 6)
            chance = sum(log_q[:, i, c] for i, c in enumerate(code)).exp()
            pixels = torch.distributions.Bernoulli(logits=model.decoder(y.flatten(-2)))
            bound = bound - chance * pixels.log_prob(images).sum(-1)[0]
    assert bounds(model, images)[0] == pytest.approx(bound.mean().item(), rel=1e-5)


@pytest.mark.parametrize("power", [1.5, 2.0, 3.0])
def test_polynomial_starts_half_way_and_the_exact_gradient_ends_at_the_best(power):
    problem = polynomial(steps=1, power=power)
    *_, last = problem.train(ReinMax(), 0)
    assert last.hard == pytest.approx((0.45**power + 0.55**power) / 2, rel=1e-3)
    assert last.soft == pytest.approx(0.05**power, rel=0.2)


def test_polynomial_cost_prefers_zero():
    problem = polynomial(steps=1)
    zeros, ones = torch.tensor([0.0, 1.0]).expand(1, 1, 128, 2), torch.tensor([1.0, 0.0]).expand(1, 1, 128, 2)
    assert problem.cost(zeros).item() == pytest.approx(0.2025)
    assert problem.cost(ones).item() == pytest.approx(0.3025)
    with pytest.raises(ValueError, match="enumerate"):
        list(problem.train(Enumerate(), 0))  # 2^128 states
