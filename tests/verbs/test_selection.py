"""select: the value at the argmax, with gradients to values and scores."""

import pytest
import torch

import argrad


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64, requires_grad=True)


SHAPES = [
    ((4, 6), (4, 6), -1, False),
    ((4, 6, 3), (4, 6), -1, False),
    ((2, 5, 4, 3), (2, 5, 4), 1, False),
    ((6,), (6,), 0, False),
    ((6,), (4, 6), -1, True),
    ((6, 3), (4, 2, 6), -1, True),
    ((6, 3, 2), (6, 4), 0, True),
]


@pytest.mark.parametrize(("values_shape", "scores_shape", "dim", "shared"), SHAPES, ids=str)
@pytest.mark.parametrize(
    "grad", [argrad.StraightThrough(0.7), argrad.Interpolation(2.0), argrad.Spigot(), argrad.Identity()]
)
def test_it_is_the_weighted_sum_by_the_vertex_with_the_same_gradients(values_shape, scores_shape, dim, shared, grad):
    values, scores = random(*values_shape), random(*scores_shape, seed=1)
    out = argrad.select(values, scores, dim, shared=shared, grad=grad)
    y = argrad.argmax(scores, dim, grad=grad).movedim(dim, -1)
    if shared:
        dense = torch.tensordot(y, values, dims=1)
    else:
        moved = values.movedim(dim % scores.ndim, scores.ndim - 1)
        dense = (y.view(*y.shape, *[1] * (moved.ndim - y.ndim)) * moved).sum(y.ndim - 1)
    torch.testing.assert_close(out, dense)
    weights = torch.randn(out.shape, generator=seeded(3), dtype=torch.float64)
    sparse = torch.autograd.grad((out * weights).sum(), (values, scores))
    torch.testing.assert_close(sparse, torch.autograd.grad((dense * weights).sum(), (values, scores)))


def test_the_value_is_gathered_bit_for_bit():
    values = torch.tensor([[0.1, torch.nan, 3e38]])
    assert torch.equal(argrad.select(values, torch.tensor([[2.0, 1.0, 0.0]])), torch.tensor([0.1]))
    assert torch.equal(argrad.select(values, torch.tensor([[0.0, 1.0, 2.0]])), torch.tensor([3e38]))


def test_second_derivatives_with_respect_to_values_and_scores():
    values, scores = random(3, 4, 2), random(3, 4, seed=1)
    torch.autograd.gradgradcheck(argrad.select, (values, scores))
    table = random(4, 2)
    torch.autograd.gradgradcheck(lambda v, s: argrad.select(v, s, shared=True), (table, scores))


def test_a_sampled_selection_has_the_right_mean_and_exact_gradient_for_linear_costs():
    """Straight-through is exact for a linear cost: E[select] = Σ p v, with both gradients, in the mean."""
    table, scores = random(5, 2), random(5, seed=1)
    many = scores.detach().expand(50_000, 5).clone().requires_grad_()
    out = argrad.select(table, many, shared=True, sample=True, generator=seeded())
    p = torch.softmax(scores, -1)
    error = out.std(0) / 50_000**0.5
    assert ((out.mean(0) - p @ table).abs() < 4 * error).all()
    weights = torch.tensor([1.0, -2.0], dtype=torch.float64)
    to_table, to_scores = torch.autograd.grad((out @ weights).mean(), (table, many))
    true_table, true_scores = torch.autograd.grad(p @ table @ weights, (table, scores))
    torch.testing.assert_close(to_scores.sum(0), true_scores)
    torch.testing.assert_close(to_table, true_table, atol=0.02, rtol=0.02)


def test_estimators_that_mix_options_are_weighed():
    table, scores = random(5, 2), random(3, 5, seed=1)
    out = argrad.select(table, scores, shared=True, grad=argrad.Relaxed(0.5))
    torch.testing.assert_close(out, torch.softmax(scores / 0.5, -1) @ table)


def test_a_mask_keeps_an_option_out_of_the_value_and_both_gradients():
    values, scores = random(3, 4), random(3, 4, seed=1)
    mask = torch.tensor([True, False, True, True])
    out = argrad.select(values, scores, mask=mask)
    to_values, to_scores = torch.autograd.grad(out.sum(), (values, scores))
    assert (to_values[:, 1] == 0).all()
    assert (to_scores[:, 1] == 0).all()


def test_mixed_precision():
    values, scores = torch.randn(3, 4, 2, requires_grad=True), torch.randn(3, 4).half().requires_grad_()
    out = argrad.select(values, scores)
    assert out.dtype == torch.float32
    to_values, to_scores = torch.autograd.grad(out.sum(), (values, scores))
    assert (to_values.dtype, to_scores.dtype) == (torch.float32, torch.float16)
