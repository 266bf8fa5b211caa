"""The loss, its gradient and its curvature, in closed form."""

import pytest
import torch
from torch.nn import functional

from argrad.cluster import assign, kmeans_loss, newton_


def problem(n=60, d=4, k=5, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(n, d, generator=generator, dtype=dtype)
    return points, points[:k].clone() + 0.1


def brute(points, centroids):
    return (points.double()[:, None] - centroids.double()).square().sum(-1).min(1)


def lloyd(points, centroids):
    labels = brute(points, centroids).indices
    means = [points[labels == j].mean(0) if (labels == j).any() else centroids[j] for j in range(len(centroids))]
    return torch.stack(means), labels


def test_the_loss_is_the_inertia_and_its_gradient_pulls_to_the_means():
    points, centroids = problem()
    centroids.requires_grad_()
    loss = kmeans_loss(points, centroids)
    distance, labels = brute(points, centroids)
    assert torch.allclose(loss, distance.sum())
    means, _ = lloyd(points, centroids.detach())
    counts = labels.bincount(minlength=5)
    (grad,) = torch.autograd.grad(loss, centroids)
    assert torch.allclose(grad, 2 * counts[:, None] * (centroids.detach() - means), atol=1e-12)


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")  # torch's own, in forward mode
def test_the_hessian_is_diagonal_and_twice_the_counts():
    points, centroids = problem()
    hessian = torch.func.hessian(lambda c: kmeans_loss(points, c))(centroids).reshape(20, 20)
    counts = assign(points, centroids).bincount(minlength=5)
    assert torch.allclose(hessian, torch.diag(2 * counts.repeat_interleave(4).double()), atol=1e-9)


def test_one_newton_step_of_sgd_is_one_step_of_lloyd():
    points, centroids = problem(500, 8, 12)
    centroids[3] += 1e3  # an empty cluster
    expected, _ = lloyd(points, centroids)
    centroids.requires_grad_()
    optimiser = torch.optim.SGD([centroids], lr=1.0)
    labels = assign(points, centroids)
    kmeans_loss(points, centroids, labels=labels).backward()
    newton_(centroids, labels.bincount(minlength=12))
    optimiser.step()
    assert (centroids - expected).abs().max() < 1e-12


def test_newton_with_running_counts_is_macqueens_mean():
    """Points one at a time: after all of them each centroid is the mean of the points that it won."""
    points, start = problem(200, 3, 4)
    centroids = start.clone().requires_grad_()
    counts = torch.zeros(4, dtype=torch.int64)
    won = [[] for _ in range(4)]
    optimiser = torch.optim.SGD([centroids], lr=1.0)
    for x in points:
        label = assign(x[None], centroids)
        counts += label.bincount(minlength=4)
        won[int(label)].append(x)
        optimiser.zero_grad()
        kmeans_loss(x[None], centroids, labels=label).backward()
        newton_(centroids, counts)
        optimiser.step()
    means = torch.stack([torch.stack(w).mean(0) for w in won])
    assert torch.allclose(centroids.detach(), means, atol=1e-12)


@pytest.mark.parametrize("step", [0.1, 0.5, 1.0, 1.5, 1.99])
def test_a_step_of_up_to_twice_newtons_never_raises_the_loss(step):
    for seed in range(20):
        points, centroids = problem(seed=seed)
        means, _ = lloyd(points, centroids)
        after = kmeans_loss(points, centroids + step * (means - centroids))
        assert after <= kmeans_loss(points, centroids) * (1 + 1e-12)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_an_empty_cluster_gets_gradient_zero_even_at_the_origin(metric):
    points, centroids = problem()
    points += 10
    centroids = torch.cat([torch.full((1, 4), -1e6, dtype=torch.float64), centroids + 10])
    centroids[0] = 0 if metric == "cosine" else -1e6
    centroids.requires_grad_()
    (grad,) = torch.autograd.grad(kmeans_loss(points, centroids, metric=metric), centroids)
    assert torch.equal(grad[0], torch.zeros_like(grad[0]))
    assert grad.isfinite().all()


def test_weights_count_as_repetition():
    points, centroids = problem()
    times = torch.randint(1, 4, (60,), generator=torch.Generator().manual_seed(1))
    repeated = kmeans_loss(points.repeat_interleave(times, 0), centroids)
    assert torch.allclose(kmeans_loss(points, centroids, times.double()), repeated)


def test_a_batch_of_problems_is_each_problem():
    points, centroids = torch.randn(2, 3, 30, 4), torch.randn(2, 3, 5, 4)
    batch = kmeans_loss(points, centroids)
    mapped = torch.vmap(torch.vmap(kmeans_loss))(points, centroids)
    for i in range(2):
        for j in range(3):
            assert torch.allclose(batch[i, j], kmeans_loss(points[i, j], centroids[i, j]))
    assert torch.allclose(batch, mapped)
    assert kmeans_loss(points[:0], centroids[:0]).shape == (0, 3)


def test_the_cosine_loss_is_half_the_euclidean_one_of_unit_vectors():
    points, centroids = problem()
    unit, c = functional.normalize(points, dim=1), functional.normalize(centroids, dim=1)
    assert torch.allclose(kmeans_loss(points * 7, centroids * 3, metric="cosine"), kmeans_loss(unit, c) / 2)
    assert torch.equal(assign(points * 7, centroids, metric="cosine"), assign(unit, c))


def test_half_precision_computes_in_float32():
    points, centroids = problem(dtype=torch.float32)
    half = kmeans_loss(points.half(), centroids.half())
    assert half.dtype == torch.float32
    assert torch.equal(half, kmeans_loss(points.half().float(), centroids.half().float()))


def test_compiles_to_one_graph():
    points, centroids = problem(dtype=torch.float32)
    compiled = torch.compile(kmeans_loss, fullgraph=True, backend="aot_eager")
    assert torch.allclose(compiled(points, centroids), kmeans_loss(points, centroids))


def test_points_get_a_gradient_too():
    points, centroids = problem()
    points.requires_grad_()
    (grad,) = torch.autograd.grad(kmeans_loss(points, centroids), points)
    labels = assign(points, centroids)
    assert torch.allclose(grad, 2 * (points.detach() - centroids[labels]))


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((torch.ones(3, 2), torch.ones(2, 3)), ValueError, r"'centroids' .* shape \(k, 2\)"),
        ((torch.ones(3, 2).int(), torch.ones(2, 2)), TypeError, "'points' .* floating-point"),
        ((torch.ones(3), torch.ones(2, 2)), ValueError, "'points' .* matrix"),
        ((torch.ones(3, 2), torch.ones(0, 2)), ValueError, "at least one row"),
        ((torch.ones(3, 2), torch.ones(2, 2), torch.ones(2)), ValueError, "'weights'"),
    ],
)
def test_bad_input_is_refused_at_the_call(arguments, error, words):
    with pytest.raises(error, match=words):
        kmeans_loss(*arguments)


def test_newton_needs_a_gradient():
    with pytest.raises(ValueError, match=r"after loss\.backward"):
        newton_(torch.ones(2, 2, requires_grad=True), torch.ones(2))
