"""Mean, variance and distance of many draws, against what is known of the draws."""

import torch

from argrad.comparison.moments import Moments


def normal(count, seed, bias):
    generator = torch.Generator().manual_seed(seed)
    return bias + torch.randn(count, 5, generator=generator, dtype=torch.float64)


def test_moments_equal_those_of_all_draws_together():
    draws, towards = normal(101, 0, 0.3), torch.ones(5, dtype=torch.float64)
    found = Moments.of(draws, towards)
    assert found.count == 101
    assert abs(found.variance - draws.var(0).sum()) < 1e-9
    assert abs(found.cosine - torch.cosine_similarity(draws, towards.expand_as(draws), dim=1).mean()) < 1e-12
    assert torch.allclose(Moments.of(draws[:96]).mean, draws[:96].mean(0))


def test_squared_distance_is_unbiased_and_its_error_is_the_spread_over_repetitions():
    point = torch.zeros(5, dtype=torch.float64)
    for bias in (0.0, 0.2):
        found = [Moments.of(normal(96, seed, bias)).squared_distance(point) for seed in range(120)]
        values = torch.tensor([value for value, _ in found])
        errors = torch.tensor([error for _, error in found])
        z = (values.mean() - 5 * bias**2) / (values.std() / len(values) ** 0.5)
        assert abs(z) < 4
        assert 0.8 < errors.mean() / values.std() < 1.3


def test_noise_of_the_point_is_taken_off_and_widens_the_error():
    values = []
    for seed in range(120):
        point = normal(1, 1000 + seed, 0.0)[0] / 10**0.5  # a mean of ten draws: total variance 5/10
        value, error = Moments.of(normal(96, seed, 0.0)).squared_distance(point, 0.5)
        values.append(value)
        assert error >= 0.5
    spread = torch.tensor(values)
    assert abs(spread.mean() / (spread.std() / 120**0.5)) < 4


def test_a_single_draw_has_no_variance_and_an_exact_distance():
    found = Moments.of([torch.tensor([3.0, 4.0], dtype=torch.float64)])
    assert (found.variance, found.squared_distance(torch.zeros(2, dtype=torch.float64))) == (0.0, (25.0, 0.0))
