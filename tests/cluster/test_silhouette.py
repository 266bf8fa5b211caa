"""The silhouette is scikit-learn's."""

import pytest
import torch
from sklearn.metrics import silhouette_score

from argrad.cluster.plots import principal_axes
from argrad.cluster.silhouette import silhouette


def test_agrees_with_scikit_learn_lone_points_included():
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(300, 4, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 5, (300,), generator=generator)
    labels[0] = 9  # alone
    assert silhouette(points, labels) == pytest.approx(silhouette_score(points.numpy(), labels.numpy()))


def test_one_cluster_has_none():
    with pytest.raises(ValueError, match="at least two clusters"):
        silhouette(torch.randn(5, 2), torch.zeros(5))


def test_principal_axes_are_those_of_the_singular_vectors():
    x = torch.randn(200, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * torch.arange(1, 6)
    mean, axes, share = principal_axes(x)
    _, values, vectors = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    assert torch.allclose(mean, x.mean(0))
    assert torch.allclose((axes.T @ vectors[:2].T).abs(), torch.eye(2, dtype=torch.float64), atol=1e-9)
    assert share == pytest.approx((values.square() / values.square().sum())[:2].tolist())


def test_one_column_has_an_empty_second_axis():
    _, axes, share = principal_axes(torch.arange(5.0)[:, None])
    assert axes.shape == (1, 2)
    assert share == pytest.approx([1.0, 0.0])
