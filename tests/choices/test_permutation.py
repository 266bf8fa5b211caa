"""Permutation matrices: Sinkhorn's, the projection, and rows of SoftSort, against what characterises them."""

from dataclasses import replace

import pytest
import torch
from torch.autograd import grad, gradcheck, gradgradcheck

from argrad.choices import birkhoff, matching, permutation, sinkhorn, softsort
from argrad.choices.permutation import position_scores

pytest.importorskip("scipy")


def _scores(*shape, scale=1.0, seed=0):
    return scale * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_it_is_a_matching_but_for_the_relaxation():
    assert replace(permutation, name=matching.name, soft=matching.soft, soft_is_mean=True) == matching


@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0])
def test_sinkhorn_is_balanced_and_a_scaling_of_the_exponentials(scale):
    scores = _scores(3, 6, 6, scale=scale)
    p = sinkhorn(scores)
    for dim in (-1, -2):
        torch.testing.assert_close(p.sum(dim), torch.ones_like(p.sum(dim)), rtol=0, atol=1e-9)
    potential = p.log() - scores  # f_i + g_j: its mixed differences vanish
    mixed = potential - potential[:, :1] - potential[:, :, :1] + potential[:, :1, :1]
    assert mixed.abs().max() < 1e-9


def test_sinkhorn_of_two_is_a_sigmoid():
    scores = _scores(5, 2, 2)
    expected = ((scores[:, 0, 0] + scores[:, 1, 1] - scores[:, 0, 1] - scores[:, 1, 0]) / 2).sigmoid()
    torch.testing.assert_close(sinkhorn(scores)[:, 0, 0], expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("function", [sinkhorn, birkhoff])
@pytest.mark.parametrize("scale", [0.3, 1.0])
def test_derivatives(function, scale):
    scores = _scores(2, 3, 3, scale=scale).requires_grad_()
    assert gradcheck(function, scores, atol=1e-7)
    assert gradgradcheck(function, scores, atol=1e-7)


def test_a_vertex_gets_no_gradient_from_the_projection():
    scores = (10 * torch.eye(4, dtype=torch.float64) + _scores(4, 4)).requires_grad_()
    p = birkhoff(scores)
    torch.testing.assert_close(p, torch.eye(4, dtype=torch.float64), rtol=0, atol=1e-9)
    (slope,) = grad((p * _scores(4, 4, seed=1)).sum(), scores)
    assert slope.abs().max() < 1e-6


@pytest.mark.parametrize("function", [sinkhorn, birkhoff])
def test_forbidden_pairs_get_nothing(function):
    scores = _scores(4, 4)
    scores[0, 1] = scores[2, 3] = -torch.inf
    scores.requires_grad_()
    p = function(scores)
    assert p[0, 1] == p[2, 3] == 0
    torch.testing.assert_close(p.sum(-1), torch.ones(4, dtype=torch.float64), rtol=0, atol=1e-9)
    (slope,) = grad((p * _scores(4, 4, seed=1)).sum(), scores)
    assert slope.isfinite().all()
    assert slope[0, 1] == slope[2, 3] == 0


@pytest.mark.parametrize("function", [sinkhorn, birkhoff])
def test_shapes_and_types(function):
    assert function(torch.zeros(0, 3, 3)).shape == (0, 3, 3)
    half = torch.randn(2, 4, 4, generator=torch.Generator().manual_seed(0)).half()
    assert function(half).dtype == torch.half
    torch.testing.assert_close(function(half).float().sum(-1), torch.ones(2, 4), rtol=0, atol=2e-3)
    torch.testing.assert_close(function(torch.zeros(3, 3)), torch.full((3, 3), 1 / 3))
    with pytest.raises(ValueError, match="of equal size"):
        function(torch.zeros(2, 3))
    with pytest.raises(ValueError, match="no option left"):
        function(torch.tensor([[-torch.inf, -torch.inf], [0.0, 0.0]]))


def test_softsort_is_the_formula():
    scores = _scores(3, 5).requires_grad_()
    expected = torch.softmax(-(scores.sort(-1).values.unsqueeze(-1) - scores.unsqueeze(-2)).abs(), -1)
    torch.testing.assert_close(softsort(scores), expected)
    assert gradcheck(softsort, scores)
    assert gradgradcheck(softsort, scores)


def test_the_best_of_each_position_makes_a_permutation_at_ties_too():
    scores = torch.tensor([2.0, 0.0, 0.0, -torch.inf, 2.0, 0.0])
    for descending in (False, True):
        best = position_scores(scores, descending).argmax(-1)
        assert torch.equal(best, scores.argsort(descending=descending, stable=True))
