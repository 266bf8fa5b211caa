"""KMeans: exact, finite, repeatable; and what goes wrong in other libraries does not."""

import itertools
import subprocess
import sys

import pytest
import torch
from sklearn.cluster import KMeans as Reference
from sklearn.datasets import load_digits, load_iris

from argrad.cluster import ConvergenceWarning, KMeans, nearest

DIGITS = torch.tensor(load_digits().data, dtype=torch.float32)


def blobs(n=400, k=4, d=3, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    centers = 20 * torch.randn(k, d, generator=generator, dtype=dtype)
    return centers.repeat(n // k, 1) + torch.randn(n, d, generator=generator, dtype=dtype)


def brute(points, centroids):
    return (points.double()[:, None] - centroids.double()).square().sum(-1).min(1)


def assert_consistent(model, points):
    """Labels and inertia are those of the returned centroids, by float64 brute force."""
    distance, labels = brute(torch.as_tensor(points), torch.as_tensor(model.cluster_centers_))
    assert torch.equal(torch.as_tensor(model.labels_).long(), labels)
    assert model.inertia_ == pytest.approx(float(distance.sum()), rel=1e-9)


def test_lloyd_from_the_same_start_ends_where_scikit_learn_ends():
    start = DIGITS[:10].clone()
    ours = KMeans(10, init=start, momentum=0).fit(DIGITS)
    theirs = Reference(10, init=start.numpy(), n_init=1, tol=0).fit(DIGITS.double().numpy())
    assert ours.inertia_ == pytest.approx(theirs.inertia_, rel=1e-6)
    assert (ours.labels_.numpy() == theirs.labels_).all()


def test_the_best_of_all_partitions_of_a_small_set_is_found():
    points = torch.tensor([[0.0], [1.0], [4.0], [6.0], [13.0], [14.0]])

    def cost(labels):
        groups = [points[torch.tensor(labels) == j] for j in range(3)]
        return sum(float((g - g.mean(0)).square().sum()) for g in groups if len(g))

    best = min(cost(labels) for labels in itertools.product(range(3), repeat=6))
    found = KMeans(3, n_init=20, random_state=0).fit(points)
    assert found.inertia_ == pytest.approx(best)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.8])
@pytest.mark.parametrize("max_iter", [1, 2, 7, 300])
def test_labels_and_inertia_belong_to_the_returned_centroids(momentum, max_iter):
    model = KMeans(10, momentum=momentum, max_iter=max_iter, random_state=0).fit(DIGITS)
    assert_consistent(model, DIGITS)
    assert torch.equal(model.predict(DIGITS), model.labels_)
    assert model.n_iter_ <= max_iter


def test_the_end_is_a_fixed_point():
    model = KMeans(10, random_state=0).fit(DIGITS)
    means = torch.stack([DIGITS[model.labels_ == j].double().mean(0) for j in range(10)])
    assert model.stopped_ == "no label changed"
    assert (model.cluster_centers_ - means).abs().max() < 1e-5


def test_without_momentum_the_inertia_never_rises():
    history = KMeans(32, momentum=0, random_state=0).fit(DIGITS).history_
    assert all(after <= before * (1 + 1e-9) for before, after in itertools.pairwise(history))


def test_momentum_is_on_average_better_than_lloyd_from_the_same_start():
    """A paired test on real data: 20 starts, the mean gain at least 3 standard errors above 0."""
    gains = []
    for seed in range(20):
        start = DIGITS[torch.randperm(len(DIGITS), generator=torch.Generator().manual_seed(seed))[:64]]
        plain, fast = (KMeans(64, init=start, momentum=m).fit(DIGITS).inertia_ for m in (0.0, 0.8))
        gains.append(1 - fast / plain)
    gains = torch.tensor(gains)
    assert gains.mean() > 3 * gains.std() / len(gains) ** 0.5


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_an_offset_of_a_million_loses_no_cluster(dtype):
    points = (blobs() + 1e6).to(dtype)
    model = KMeans(4, random_state=0).fit(points)
    assert model.labels_.view(-1, 4).unique(dim=0).shape[0] == 1  # the four blobs are told apart
    assert len(set(model.labels_[:4].tolist())) == 4
    assert_consistent(model, points)


@pytest.mark.parametrize("dtype", [torch.int32, torch.uint8, torch.float16, torch.bfloat16, torch.float64])
def test_integers_half_and_double(dtype):
    points = DIGITS.to(dtype)
    model = KMeans(10, random_state=0, init=DIGITS[:10]).fit(points)
    assert_consistent(model, points)
    assert model.inertia_ == pytest.approx(KMeans(10, init=DIGITS[:10]).fit(DIGITS).inertia_, rel=1e-5)


def test_ties_go_to_the_lowest_index():
    points = torch.tensor([[0.0], [1.0], [2.0]])
    labels, _ = nearest(points, torch.tensor([[2.0], [0.0], [2.0], [0.0]]))
    assert labels.tolist() == [1, 0, 0]


@pytest.mark.parametrize("init", ["k-means||", "k-means++", "random"])
def test_more_clusters_than_distinct_points_is_finite_and_warns(init):
    points = torch.tensor([[0.0, 1.0], [2.0, 3.0], [5.0, 5.0]]).repeat(10, 1)
    with pytest.warns(ConvergenceWarning, match="distinct clusters"):
        model = KMeans(6, init=init, random_state=0, max_iter=50).fit(points)
    assert model.cluster_centers_.isfinite().all()
    assert model.inertia_ == pytest.approx(0, abs=1e-9)


def test_duplicate_start_points_are_pulled_apart():
    points = blobs()
    start = points[:1].repeat(4, 1)
    model = KMeans(4, init=start, momentum=0).fit(points)
    assert len(model.labels_.unique()) == 4
    theirs = Reference(4, init=start.numpy(), n_init=1, tol=0).fit(points.numpy())
    assert model.inertia_ <= theirs.inertia_ * (1 + 1e-9)  # moved to the farthest points, as scikit-learn's are


def test_an_empty_cluster_moves_to_the_farthest_point():
    points = torch.tensor([[0.0], [1.0], [2.0], [50.0]])
    model = KMeans(2, init=torch.tensor([[1.0], [1e9]]), max_iter=1, momentum=0).fit(points)
    assert model.cluster_centers_.flatten().tolist() == [1.0, 50.0]


def test_rounding_is_no_distance_to_move_to():
    """As many clusters as rows, some rows alike: centroids off by rounding alone must not draw empty clusters."""
    points = torch.tensor(load_iris().data)
    with pytest.warns(ConvergenceWarning):
        model = KMeans(150, random_state=0).fit(points)
    assert model.stopped_ == "no label changed"
    assert model.inertia_ < 1e-20


@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_no_endless_loop_where_every_step_empties_a_cluster(momentum):
    points = torch.tensor([[1.0]] * 5 + [[2.0]])
    with pytest.warns(ConvergenceWarning):
        model = KMeans(4, init=torch.full((4, 1), 3.0), momentum=momentum).fit(points)
    assert model.stopped_ == "no label changed"
    assert model.n_iter_ < 20


def test_a_seeded_run_repeats_bit_for_bit_whatever_the_batch_size():
    runs = [KMeans(10, random_state=3, batch_size=size).fit(DIGITS) for size in (None, 100, 256, 1797)]
    for other in runs[1:]:
        assert torch.equal(other.cluster_centers_, runs[0].cluster_centers_)
        assert other.history_ == runs[0].history_


def test_the_number_of_threads_changes_nothing():
    code = (
        "import sys, torch; torch.set_num_threads(int(sys.argv[1]));"
        "from argrad.cluster import KMeans;"
        "x = torch.randn(6000, 24, generator=torch.Generator().manual_seed(0));"
        "m = [KMeans(30, init=i, random_state=0, max_iter=8).fit(x) for i in ('k-means||', 'k-means++')];"
        "print([(a.inertia_.hex(), int((a.cluster_centers_.view(torch.int32).long() * 31).sum())) for a in m])"
    )
    outputs = {
        subprocess.run([sys.executable, "-c", code, n], capture_output=True, text=True, check=True).stdout
        for n in ("1", "2")
    }
    assert len(outputs) == 1


def test_memory_does_not_grow_with_points_times_centroids():
    """N × k × d would be 38 GB, N × k 2 GB; the peak of the process may grow by 300 MB."""
    code = (
        "import resource, torch; from argrad.cluster import KMeans;"
        "x = torch.randn(500_000, 16, generator=torch.Generator().manual_seed(0));"
        "KMeans(8, random_state=0, max_iter=2).fit(x[:10_000]);"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "before = peak(); KMeans(1000, init=x[:1000], max_iter=1).fit(x); print((peak() - before) // 1024)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 300


@pytest.mark.parametrize("init", ["k-means||", "k-means++", "random"])
def test_points_of_weight_zero_are_never_seeds_and_move_nothing(init):
    points = torch.cat([blobs(), torch.full((100, 3), 1e4, dtype=torch.float64)])
    weights = torch.ones(500)
    weights[400:] = 0
    for seed in range(5):
        model = KMeans(4, init=init, n_init=1, random_state=seed).fit(points, sample_weight=weights)
        assert model.cluster_centers_.abs().max() < 1e3


def test_weights_are_repetitions_from_the_same_start():
    points = blobs()
    times = torch.randint(0, 4, (400,), generator=torch.Generator().manual_seed(1))
    start = points[:5] + 1
    weighted = KMeans(5, init=start).fit(points, sample_weight=times)
    repeated = KMeans(5, init=start).fit(points.repeat_interleave(times, 0))
    assert torch.allclose(weighted.cluster_centers_, repeated.cluster_centers_)
    assert weighted.inertia_ == pytest.approx(repeated.inertia_)
    assert weighted.score(points, sample_weight=times) == pytest.approx(-weighted.inertia_)


def test_cosine_is_the_same_for_scaled_points_and_has_unit_centroids():
    generator = torch.Generator().manual_seed(0)
    scale = torch.rand(len(DIGITS), 1, generator=generator) + 0.5
    one, two = (
        KMeans(10, metric="cosine", init=DIGITS[:10]).fit(x) for x in (DIGITS.double(), (DIGITS * scale).double())
    )
    assert torch.equal(one.labels_, two.labels_)
    assert torch.allclose(one.cluster_centers_.norm(dim=1), torch.ones(10, dtype=torch.float64))
    cosine = 1 - torch.nn.functional.cosine_similarity(DIGITS.double(), one.cluster_centers_[one.labels_])
    assert one.inertia_ == pytest.approx(float(cosine.sum()))
    assert torch.allclose(one.transform(DIGITS.double()).amin(1), cosine)


def test_partial_fit_of_single_points_is_macqueens_running_mean():
    points = blobs()
    model = KMeans(3, init=points[:3]).partial_fit(points[:3])  # the seeds win themselves
    counts, centers = torch.ones(3), points[:3].clone()
    for x in points[3:60].split(1):
        label = brute(x, centers).indices.item()
        counts[label] += 1
        centers[label] += (x[0] - centers[label]) / counts[label]
        assert torch.allclose(model.partial_fit(x).cluster_centers_, centers)
    assert model.n_iter_ == 58


def test_partial_fit_begins_to_count_anew_after_a_fit():
    points = blobs()
    twice, once = KMeans(3, init=points[:3]).partial_fit(points[:30]), KMeans(3, init=points[:3])
    for model in (twice, once):
        model.fit(points).partial_fit(points[:40])
    assert torch.equal(twice.cluster_centers_, once.cluster_centers_)
    assert twice.n_iter_ == once.n_iter_


def test_partial_fit_after_a_fit_takes_the_columns_of_the_fit():
    model = KMeans(3, random_state=0).fit(DIGITS)
    with pytest.raises(ValueError, match="is expecting 64 features"):
        model.partial_fit(DIGITS[:, :9])
    assert len(model.predict(DIGITS)) == len(DIGITS)


def test_tol_stops_earlier_and_says_so():
    exact, early = (KMeans(64, tol=tol, random_state=0, momentum=0).fit(DIGITS) for tol in (0.0, 10.0))
    assert early.n_iter_ < exact.n_iter_
    assert early.stopped_ == "the centroids moved less than tol"
    assert_consistent(early, DIGITS)
