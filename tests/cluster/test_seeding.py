"""Seeds are drawn with the probabilities that the papers state."""

import pytest
import torch

from argrad.cluster import kmeans_parallel, kmeans_plus_plus, random_points
from argrad.cluster.hashing import _mix, uniform
from argrad.cluster.rows import Memory
from argrad.cluster.seeding import INITS, seed_centroids

POINTS = torch.tensor([[0.0], [1.0], [3.0], [7.0]], dtype=torch.float64)


def chi_square(counts, expected):
    return float(((counts - expected).square() / expected).sum())


def drawn(draw, runs=3000):
    """How often each of the four points is drawn last."""
    last = torch.stack([draw(seed)[-1] for seed in range(runs)])
    return (last == POINTS.T).sum(0).double()


def test_hashed_uniforms_are_uniform_and_uncorrelated():
    u = uniform(7, 3, 0, 100_000)
    counts = torch.histc(u, 100, 0, 1).double()
    assert chi_square(counts, torch.full((100,), 1000.0)) < 99 + 5 * (2 * 99) ** 0.5
    for lag in (1, 2, 64):
        z = torch.corrcoef(torch.stack([u[lag:], u[:-lag]]))[0, 1] * len(u) ** 0.5
        assert abs(z) < 4
    other = torch.corrcoef(torch.stack([u, uniform(8, 3, 0, 100_000)]))[0, 1] * len(u) ** 0.5
    assert abs(other) < 4


def test_hashed_uniforms_are_splitmix64():
    """Row 0 of key 0 would be SplitMix64's first output from state 0; the published value is 0xE220A8397B1DCDAF."""
    assert int(_mix(torch.tensor(0))) % 2**64 == 0xE220A8397B1DCDAF


def test_random_points_are_drawn_by_weight_without_replacement():
    weights = torch.tensor([1.0, 2.0, 3.0, 0.0])
    first = drawn(lambda seed: random_points(Memory(POINTS, weights), 1, seed))
    assert first[3] == 0
    assert chi_square(first[:3], 3000 * weights[:3].double() / 6) < 14  # 99.9 % of chi-square with 2 degrees: 13.8
    assert len(random_points(Memory(POINTS), 4, 0).unique()) == 4


def test_plus_plus_draws_by_weight_times_squared_distance():
    """With one candidate a step: first by weight, second by w d², summed over the first."""
    weights = torch.tensor([1.0, 1.0, 2.0, 1.0], dtype=torch.float64)
    squared = (POINTS - POINTS.T).square()
    second = weights * squared / (squared @ weights)[:, None]
    expected = (weights / weights.sum()) @ second
    counts = drawn(lambda seed: kmeans_plus_plus(POINTS, 2, seed, weights, trials=1))
    assert chi_square(counts, 3000 * expected) < 16.3  # 99.9 % of chi-square with 3 degrees


def test_greedy_plus_plus_takes_the_best_candidate():
    """With so many candidates that all points are among them, the second centroid is the best second centroid."""
    for seed in range(20):
        first, second = kmeans_plus_plus(POINTS, 2, seed, trials=200)
        left = torch.stack([torch.minimum((POINTS - first).square(), (POINTS - p).square()).sum() for p in POINTS])
        assert torch.equal(second, POINTS[left.argmin()])


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_plus_plus_finds_every_far_cluster(offset):
    generator = torch.Generator().manual_seed(0)
    points = torch.arange(30.0).repeat(20)[:, None] * 1000 + torch.randn(600, 2, generator=generator) + offset
    seeds = kmeans_plus_plus(points, 30, 0)
    assert len(((seeds[:, 0] - offset) / 1000).round().unique()) == 30


def test_parallel_draws_the_same_whatever_the_batches():
    points = torch.randn(1000, 3, generator=torch.Generator().manual_seed(0))
    seeds = [kmeans_parallel(Memory(points, batch_rows=size), 20, 5) for size in (None, 137, 999)]
    assert all(torch.equal(seed, seeds[0]) for seed in seeds)


def test_parallel_draws_about_oversampling_times_k_a_round():
    """The count drawn in a round is a sum of independent draws with mean at most oversampling · k."""
    points = torch.randn(5000, 3, generator=torch.Generator().manual_seed(0))
    u = [uniform(seed, 1, 0, 5000) for seed in range(20)]
    squared = (points - points[0]).square().sum(1).double()
    counts = torch.tensor([float((v < 50 * squared / squared.sum()).sum()) for v in u])
    z = (counts.mean() - 50) / (50 / 20) ** 0.5
    assert abs(z) < 4


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize(("dtype", "exponent"), [(torch.float32, -90), (torch.float32, 119), (torch.float64, -480)])
def test_a_unit_changes_no_seed(init, dtype, exponent):
    points = torch.randn(300, 5, generator=torch.Generator().manual_seed(0), dtype=dtype)
    points[:, 0] += 3
    seeds, scaled = (seed_centroids(Memory(x), init, 20, 0) for x in (points, points * 2.0**exponent))
    assert torch.equal(scaled, seeds * 2.0**exponent)


def test_seeds_are_points():
    points = torch.randn(500, 3, generator=torch.Generator().manual_seed(0))
    for seeds in (
        kmeans_parallel(Memory(points), 40, 0),
        kmeans_plus_plus(points, 40, 0),
        random_points(Memory(points), 40, 0),
    ):
        assert seeds.shape == (40, 3)
        assert len(seeds.unique(dim=0)) == 40
        assert (seeds[:, None] == points).all(2).any(1).all()


def test_more_seeds_than_points_are_refused():
    with pytest.raises(ValueError, match=r"'k' parameter of kmeans_plus_plus must be an int in \[1, 4\]. Got 5"):
        kmeans_plus_plus(POINTS, 5, 0)
    assert len(kmeans_plus_plus(POINTS, 4, 0)) == 4
