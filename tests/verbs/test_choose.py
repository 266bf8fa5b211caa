"""argmax, argmin, sample, max_value."""

import pytest
import torch

import argrad


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_argmax_is_the_one_hot_of_torchs_index():
    s = torch.randn(3, 4, 5, generator=seeded())
    for dim in (0, 1, 2, -3):
        y = argrad.argmax(s, dim)
        assert torch.equal(y.argmax(dim), s.argmax(dim))
        assert (y.sum(dim) == 1).all()


def test_argmin_is_the_argmax_of_the_negated_scores_with_the_negated_gradient():
    s = torch.randn(7, 5, generator=seeded(), requires_grad=True)
    y = argrad.argmin(s)
    assert torch.equal(y.argmax(-1), s.argmin(-1))
    weights = torch.arange(5.0)
    (gradient,) = torch.autograd.grad((y * weights).sum(), s)
    (mirrored,) = torch.autograd.grad((argrad.argmax(-s) * weights).sum(), s)
    torch.testing.assert_close(gradient, mirrored)


def test_argmin_masks_by_infinity_or_by_mask():
    s = torch.tensor([torch.inf, 3.0, 1.0], requires_grad=True)
    y = argrad.argmin(s, mask=torch.tensor([True, True, False]))
    assert y.tolist() == [0, 1, 0]
    assert torch.autograd.grad(y @ torch.arange(3.0), s)[0].tolist() == [0, 0, 0]


def test_the_default_gradient_is_that_of_a_softmax():
    s = torch.randn(6, 4, generator=seeded(), requires_grad=True)
    weights = torch.randn(6, 4, generator=seeded(1))
    (gradient,) = torch.autograd.grad((argrad.argmax(s) * weights).sum(), s)
    (soft,) = torch.autograd.grad((torch.softmax(s, -1) * weights).sum(), s)
    torch.testing.assert_close(gradient, soft)


@pytest.mark.parametrize("relaxation", [argrad.sparsemax, argrad.entmax15])
def test_a_relaxation_lends_its_gradient(relaxation):
    s = torch.randn(6, 4, generator=seeded(), requires_grad=True)
    weights = torch.randn(6, 4, generator=seeded(1))
    y = argrad.argmax(s, grad=argrad.StraightThrough(temperature=0.5, relaxation=relaxation))
    (gradient,) = torch.autograd.grad((y * weights).sum(), s)
    (soft,) = torch.autograd.grad((relaxation(s / 0.5) * weights).sum(), s)
    torch.testing.assert_close(gradient, soft)


def test_a_temperature_learns_beside_a_mask():
    s = torch.randn(6, 4, generator=seeded())
    mask = torch.tensor([True, True, False, True])
    weights = torch.randn(6, 4, generator=seeded(1))
    tau = torch.nn.Parameter(torch.tensor(0.7))
    (argrad.argmax(s, grad=argrad.StraightThrough(tau), mask=mask) * weights).sum().backward()
    twin = torch.nn.Parameter(torch.tensor(0.7))
    (torch.softmax(s[:, mask] / twin, -1) * weights[:, mask]).sum().backward()
    torch.testing.assert_close(tau.grad, twin.grad)


def test_a_forward_temperature_sharpens_the_draw():
    s = torch.tensor([0.0, 1.0]).expand(20_000, 2)
    for tau in (0.5, 3.0):
        for noise in (None, argrad.Gumbel()):
            grad = argrad.StraightThrough(forward_temperature=tau, noise=noise)
            rate = argrad.sample(s, grad=grad, generator=seeded())[:, 1].mean()
            p = torch.sigmoid(torch.tensor(1 / tau))
            assert abs(rate - p) < 4 * (p * (1 - p) / 20_000).sqrt()


def test_a_common_shift_of_the_scores_changes_no_gradient():
    s = torch.randn(5, 4, dtype=torch.float64, generator=seeded())
    for grad in (argrad.StraightThrough(), argrad.ReinMax(), argrad.GumbelRao(2), argrad.GappedStraightThrough()):
        gradients = []
        for shift in (0.0, 30.0):
            leaf = (s + shift).requires_grad_()
            torch.manual_seed(0)
            y = argrad.sample(leaf, grad=grad)
            gradients.append(torch.autograd.grad((y * torch.arange(4)).sum(), leaf)[0])
        torch.testing.assert_close(*gradients)
        torch.testing.assert_close(gradients[0].sum(-1), torch.zeros(5, dtype=torch.float64))


def test_max_value_is_the_maximum_and_its_gradient_the_vertex():
    s = torch.randn(3, 4, 5, generator=seeded(), requires_grad=True)
    value = argrad.max_value(s, 1, keepdim=True)
    assert torch.equal(value, s.amax(1, keepdim=True))
    assert torch.equal(argrad.max_value(s, 1), s.amax(1))
    assert torch.equal(torch.autograd.grad(value.sum(), s)[0], argrad.argmax(s.detach(), 1))


def test_max_value_gives_a_tie_to_the_lowest_index_and_nothing_to_a_mask():
    s = torch.tensor([9.0, 2.0, 2.0], requires_grad=True)
    value = argrad.max_value(s, mask=torch.tensor([False, True, True]))
    assert value.item() == 2
    assert torch.autograd.grad(value, s)[0].tolist() == [0, 1, 0]
