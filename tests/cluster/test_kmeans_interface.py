"""What KMeans takes, gives and refuses."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from argrad.cluster import KMeans

DIGITS = torch.tensor(load_digits().data, dtype=torch.float32)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_nan_and_infinity_are_refused_by_row_and_column(bad):
    points = DIGITS.clone()
    points[123, 45] = bad
    with pytest.raises(ValueError, match="row 123, column 45"):
        KMeans(3).fit(points)


def test_a_row_of_zeros_has_no_direction():
    points = DIGITS.clone()
    points[7] = 0
    with pytest.raises(ValueError, match="row 7"):
        KMeans(3, metric="cosine").fit(points)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"n_clusters": 0}, "'n_clusters' parameter of KMeans must be an int in"),
        ({"n_clusters": 10_000}, "n_samples=1797 should be >= n_clusters=10000"),
        ({"n_clusters": 10_000, "init": "k-means++"}, "n_samples=1797 should be >= n_clusters=10000"),
        ({"n_clusters": 10_000, "init": "random"}, "n_samples=1797 should be >= n_clusters=10000"),
        ({"momentum": 1.0}, "'momentum' .* number in"),
        ({"tol": -1}, "'tol'"),
        ({"init": "best"}, r"'init' .* 'k-means\|\|'"),
        ({"init": np.ones((2, 64))}, r"'init' .* shape \(8, 64\)"),
        ({"metric": "manhattan"}, "'metric'"),
        ({"batch_size": 0}, "'batch_size'"),
    ],
)
def test_bad_parameters_are_refused_at_fit(parameters, words):
    with pytest.raises(ValueError, match=words):
        KMeans(**parameters).fit(DIGITS)


def test_tensors_in_tensors_out_numpy_in_numpy_out():
    tensor, array = KMeans(3, random_state=0).fit(DIGITS), KMeans(3, random_state=0).fit(DIGITS.numpy())
    for name in ("cluster_centers_", "labels_"):
        ours, theirs = getattr(tensor, name), getattr(array, name)
        assert isinstance(ours, torch.Tensor)
        assert isinstance(theirs, np.ndarray)
        assert (ours.numpy() == theirs).all()


def test_a_function_as_init_gets_data_count_and_random_state():
    seen = []

    def first(X, n_clusters, random_state):
        seen.append((X.shape, n_clusters, type(random_state)))
        return X[:n_clusters]

    KMeans(5, init=first, n_init=1).fit(DIGITS)
    KMeans(5, init=first, n_init=1).fit(DIGITS.numpy())
    assert seen == [((1797, 64), 5, torch.Generator), ((1797, 64), 5, np.random.RandomState)]


def test_works_without_scikit_learn():
    code = (
        "import sys; sys.modules['sklearn'] = None;"
        "import torch; from argrad.cluster import KMeans;"
        "print(KMeans(2, random_state=0).fit(torch.tensor([[0.], [1.], [9.]])).inertia_);"
        "\ntry: KMeans(2).predict(torch.ones(1, 1))\nexcept ValueError as e: print('not fitted' in str(e))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0.5", "True"]


def test_nothing_is_warned_of_on_ordinary_data():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        KMeans(3, random_state=0).fit(np.asarray(DIGITS))
