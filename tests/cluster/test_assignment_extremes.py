"""Labels of a float64 brute force where numbers are as large, as small, as equal or as far apart as they get."""

import pytest
import torch

from argrad.cluster.assignment import Assignment
from argrad.cluster.assignment.plain import PlainLoop
from assignment_loops import brute_force, clustered, lloyd, loops

pytestmark = pytest.mark.usefixtures("one_thread")


@loops
@pytest.mark.parametrize(("offset", "scale"), [(1e6, 1.0), (0.0, 1e-25), (0.0, 1e25), (-3e4, 1e-2), (1e12, 1e5)])
def test_offset_and_unit_cost_no_label(loop, offset, scale):
    points = (clustered(800, 30).double() * scale + offset).float()
    for labels, _, centroids, _ in lloyd(loop, points, points[:40].clone(), 5):
        assert torch.equal(labels, brute_force(points, centroids)[0])


@loops
def test_ties_go_to_the_lowest_index(loop):
    """On a grid of integers, with every centroid twice, most distances tie, and float64 holds all of them exactly."""
    generator = torch.Generator().manual_seed(3)
    points = torch.randint(-3, 4, (900, 26), generator=generator).float()
    corners = torch.randint(-2, 3, (30, 26), generator=generator).float()
    centroids = torch.cat([corners, corners])[torch.randperm(60, generator=generator)]
    passes, labels = loop(points, None), None
    for _ in range(3):
        labels, _ = passes.assign(centroids.double(), labels)
        assert torch.equal(labels, brute_force(points, centroids)[0])
        centroids = centroids.roll(1, 0)


@loops
def test_identical_points_and_centroids_get_label_zero(loop):
    points = torch.full((50, 4), 7.25)
    labels, _ = loop(points, None).assign(points[:5].double(), None)
    assert torch.equal(labels, torch.zeros(50, dtype=torch.int64))


@loops
def test_a_neighbour_one_rounding_away_is_told_apart(loop):
    """Pairs of centroids 1e-12 apart: only float64 sees which is nearer."""
    generator = torch.Generator().manual_seed(5)
    points = torch.randn(400, 64, generator=generator)
    c = torch.randn(20, 64, generator=generator).double()
    centroids = torch.cat([c, c + 1e-12 * torch.randn(20, 64, generator=generator)])
    labels, _ = loop(points, None).assign(centroids, None)
    assert torch.equal(labels, brute_force(points, centroids)[0])
    assert 0 < (labels >= 20).sum() < 400


@loops
def test_centroids_that_jump_far_are_followed(loop):
    """Bounds hold whatever the centroids do: shuffle them, throw some far away, bring them back."""
    generator = torch.Generator().manual_seed(7)
    points = clustered(700, 40)
    passes, labels = loop(points, None), None
    for step in range(8):
        centroids = points[torch.randperm(700, generator=generator)[:90]].double()
        centroids[:: 1 + step] *= 10.0**step
        labels, _ = passes.assign(centroids, labels)
        assert torch.equal(labels, brute_force(points, centroids)[0])


def taken(loop, points, centroids):
    """The loop, or the plain one where it would not take these centroids."""
    made = loop(points, None)
    return made if isinstance(made, PlainLoop) or made.accepts(centroids) else PlainLoop(points, None)


SINGLE = [(torch.float32, scale) for scale in (1e-41, 1e-37, 1e-30, 1e-22, 1e19, 1e36)]
DOUBLE = [(torch.float64, scale) for scale in (1e-140, 1e-60, 1e-39, 1e60, 1e140)]


@loops
@pytest.mark.parametrize("dims", [7, 40])
@pytest.mark.parametrize(("dtype", "scale"), SINGLE + DOUBLE)
def test_units_at_both_ends_of_a_dtype_cost_no_label(loop, dtype, scale, dims):
    """A unit that float32 cannot hold, or not its square, or not its inverse."""
    points = (clustered(300, dims).double() * scale).to(dtype)
    for centroids in (points[:70].double(), points[70:140].double()):
        labels, _ = taken(loop, points, centroids).assign(centroids, None)
        assert torch.equal(labels, brute_force(points, centroids)[0])


@loops
@pytest.mark.parametrize("dims", [7, 40])
def test_points_farther_apart_than_their_dtype_holds(loop, dims):
    """The centre is near one pole, and the other lies 4.5e38 away, beyond the largest float32."""
    points = clustered(400, dims).double() * 1e36 + 2.5e38
    points[::10] -= 5e38
    points = points.float()
    labels, _ = taken(loop, points, points[:70].double()).assign(points[:70].double(), None)
    assert torch.equal(labels, brute_force(points, points[:70])[0])


@loops
@pytest.mark.parametrize("dims", [7, 40, 130])
def test_a_cluster_too_small_for_squares_in_float32_beside_a_wide_one(loop, dims):
    """In the middle of points of size 1 lie points of sizes 1e-18 to 1e-26, and centroids among them."""
    generator = torch.Generator().manual_seed(2)
    size = 10.0 ** torch.randint(-26, -18, (500, 1), generator=generator)
    tiny = size * torch.randn(500, dims, generator=generator)
    wide = torch.randn(100, dims, generator=generator)
    points = torch.cat([tiny, -tiny, wide, -wide])
    loop, labels = loop(points, None), None
    for first in (0, 60, 120):
        centroids = torch.cat([tiny[first : first + 60], wide[:5]]).double()
        labels, _ = loop.assign(centroids, labels)
        assert torch.equal(labels, brute_force(points, centroids)[0])


@loops
@pytest.mark.parametrize("dims", [7, 40])
@pytest.mark.parametrize("scale", [1e-20, 1e-3, 1e6])
def test_points_unlike_those_that_were_sampled(loop, scale, dims):
    """The sample that tells centre and unit sees one value, 0.5; the others lie where it did not look."""
    points = torch.zeros(4500, dims)
    points[::3] = 0.5 * scale
    points[1::3] = clustered(1500, dims) * scale
    labels, _ = taken(loop, points, points[:70].double()).assign(points[:70].double(), None)
    assert torch.equal(labels, brute_force(points, points[:70])[0])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("scale", [1e-22, 1e-20, 1e19, 1e20])
def test_passes_of_lloyd_hold_at_any_unit(dtype, scale):
    points = (clustered(500, 9).double() * scale).to(dtype)
    assignment, centroids = Assignment(points), points[:50].double()
    for _ in range(4):
        step = assignment.step(centroids)
        labels, squared = brute_force(points, centroids)
        assert torch.equal(step.labels, labels)
        assert step.inertia == pytest.approx(float(squared.sum()), rel=1e-9)
        centroids = torch.where(step.counts[:, None] > 0, step.sums / step.counts.clamp(min=1)[:, None], centroids)
