"""The hot loop of k-means: the labels of a float64 brute force, whichever loop runs and however it is cut."""

from __future__ import annotations

import pytest
import torch

from argrad.cluster.assignment import Assignment, backend, nearest
from argrad.cluster.assignment.geometry import HEAD, neighbours, share_spared, wide_axes
from assignment_loops import Bounds, Direct, Heads, brute_force, clustered, has_library, lloyd, loops

pytestmark = pytest.mark.usefixtures("one_thread")


SHAPES = [  # points, dimensions, centroids: around the widths of blocks, vectors and chunks
    (1, 1, 1),
    (5, 3, 8),
    (700, 1, 17),
    (1100, 2, 33),
    (1025, 8, 64),
    (900, 24, 31),
    (600, 30, 100),
    (1100, 37, 129),
    (500, 130, 65),
    (150, 768, 40),
]


@loops
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("size", "dims", "k"), SHAPES)
def test_labels_are_those_of_float64_brute_force_in_every_pass(loop, size, dims, k, dtype):
    points = clustered(size, dims).to(dtype)
    start = points[torch.randint(size, (k,), generator=torch.Generator().manual_seed(1))]
    last = None
    for labels, changed, centroids, passes in lloyd(loop, points, start, 7):
        expected, squared = brute_force(points, centroids)
        assert torch.equal(labels, expected)
        assert changed == (size if last is None else int((labels != last).sum()))
        torch.testing.assert_close(passes.distances(), squared, rtol=1e-12, atol=1e-20)
        last = labels


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_sums_counts_and_inertia_follow_the_labels(weighted, offset):
    points = clustered(1500, 33, offset)
    weights = torch.rand(1500, generator=torch.Generator().manual_seed(0)) if weighted else None
    weight = torch.ones(1500).double() if weights is None else weights.double()
    assignment, centroids = Assignment(points, weights), points[:60].double()
    for _ in range(40):  # past the refresh of the sums
        step = assignment.step(centroids)
        labels, squared = brute_force(points, centroids)
        sums = torch.zeros(60, 33).double().index_add_(0, labels, points.double() * weight[:, None])
        counts = torch.zeros(60).double().index_add_(0, labels, weight)
        torch.testing.assert_close(step.sums, sums, rtol=1e-13, atol=1e-10)
        torch.testing.assert_close(step.counts, counts, rtol=1e-12, atol=1e-12)
        assert step.inertia == pytest.approx(float(squared @ weight), rel=1e-9)
        centroids = torch.where(counts[:, None] > 0, sums / counts[:, None], centroids)


def test_inertia_of_tight_clusters_far_apart_keeps_its_digits():
    """Where |x|² is 1e12 times the inertia, the sums alone cannot tell it."""
    points = torch.randn(300, 5).double() * 1e-6 + torch.arange(3).double().repeat(100)[:, None] * 10
    step = Assignment(points).step(centroids := points[:3].clone())
    assert step.inertia == pytest.approx(float(brute_force(points, centroids)[1].sum()), rel=1e-12)


def test_passes_repeat_bit_for_bit_on_any_number_of_threads():
    points, runs = clustered(3000, 48), []
    for count in (1, 2, 5):
        torch.set_num_threads(count)
        assignment, centroids = Assignment(points), points[:70].double()
        for _ in range(6):
            step = assignment.step(centroids)
            centroids = step.sums / step.counts[:, None].clamp(min=1)
        runs.append((step.labels, step.sums, step.counts, torch.tensor(step.inertia)))
    for run in runs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(runs[0], run, strict=True))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int32, torch.uint8])
def test_other_dtypes_take_the_plain_loop_exactly(dtype):
    points = (10 * clustered(300, 12).abs()).to(dtype)
    labels, squared = nearest(points, points[:20])
    expected, least = brute_force(points, points[:20])
    assert torch.equal(labels, expected)
    assert torch.equal(squared, least)


def test_nearest_agrees_with_a_pass():
    points = clustered(400, 50)
    labels, squared = nearest(points, points[:30])
    assignment = Assignment(points)
    assert torch.equal(assignment.step(points[:30]).labels, labels)
    assert torch.equal(assignment.distances(), squared)


def test_results_of_a_pass_are_not_overwritten_by_the_next():
    points = clustered(500, 9)
    assignment = Assignment(points)
    first = assignment.step(points[:12])
    kept = first.labels.clone(), first.sums.clone(), first.counts.clone()
    assignment.step(points[12:24])
    assert torch.equal(first.labels, kept[0])
    assert torch.equal(first.sums, kept[1])
    assert torch.equal(first.counts, kept[2])


def test_the_number_of_centroids_may_change_between_passes():
    points = clustered(300, 30)
    assignment = Assignment(points)
    for k in (40, 70, 3, 40):
        step = assignment.step(points[:k])
        assert torch.equal(step.labels, brute_force(points, points[:k])[0])
        assert step.sums.shape == (k, 30)


def test_a_view_that_is_not_contiguous_is_read_right():
    points = clustered(30, 300).T
    assert not points.is_contiguous()
    assert torch.equal(nearest(points, points[:40])[0], brute_force(points, points[:40])[0])


@has_library
@pytest.mark.parametrize("loop", [Bounds, Direct, Heads])
@pytest.mark.parametrize("dims", [8, 64, 192])
def test_beside_the_points_memory_is_at_most_their_own_size(loop, dims):
    """And a few numbers a point (labels, their norms), and a few copies of the centroids."""
    points = torch.randn(20_000, dims, generator=torch.Generator().manual_seed(0))
    passes, labels = loop(points, None), None
    for _ in range(2):
        labels, _ = passes.assign(points[:64].double(), labels)
    held = {name: array.nbytes for name, array in passes._arrays.items() if name != "x"}  # noqa: SLF001
    assert sum(held.values()) <= points.nbytes + 48 * len(points) + 64 * 64 * (dims + 32)


def test_heads_are_no_farther_apart_than_points():
    """|head(x) − head(c)| ≤ |x − c|: one that is spared by its head is spared rightly, and a wide plane tells all."""
    generator = torch.Generator().manual_seed(0)
    points, centroids = torch.randn(2, 300, 192, generator=generator).double()
    axes = wide_axes(points, HEAD)
    assert torch.allclose(axes.T @ axes, torch.eye(HEAD).index_fill(0, torch.tensor(HEAD - 1), 0), atol=1e-6)
    assert share_spared(centroids, centroids[:160], axes) < 1  # a point at a centroid is not spared its own
    flat = torch.randn(300, HEAD - 1, generator=generator).double() @ axes.T[: HEAD - 1].double()
    far = flat[:160] + 1e3 * axes.T[0].double()
    assert share_spared(flat, torch.cat([flat[:16], far]), axes) >= 10 / 11


@pytest.mark.parametrize("k", [1, 15, 32, 33, 100, 257])
def test_neighbours_is_a_permutation(k):
    centroids = torch.randn(k, 6).double()
    centroids[: k // 2] = centroids[0]
    assert neighbours(centroids, 32).sort().values.tolist() == list(range(k))


def test_no_points_give_empty_labels_and_zero_sums():
    step = Assignment(torch.empty(0, 3)).step(torch.zeros(2, 3))
    assert step.labels.shape == (0,)
    assert step.inertia == 0
    assert torch.equal(step.sums, torch.zeros(2, 3).double())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Assignment(torch.ones(3)), r"'points' parameter of Assignment must be a matrix"),
        (lambda: Assignment(torch.ones(3, 2), torch.ones(2)), r"'weights' .*with points of shape \(3, 2\)"),
        (lambda: Assignment(torch.ones(3, 2)).step(torch.ones(2, 3)), r"'centroids' .* as many columns"),
        (
            lambda: nearest(torch.ones(3, 2), torch.ones(0, 2)),
            r"'centroids' parameter of nearest .* at least one row",
        ),
    ],
)
def test_shapes_that_do_not_fit_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_distances_before_a_pass_are_refused():
    with pytest.raises(RuntimeError, match=r"Call step\(centroids\) first"):
        Assignment(torch.ones(3, 2)).distances()


def test_backend_says_which_loop_runs():
    assert backend().startswith(("compiled loop", "plain PyTorch, since"))
