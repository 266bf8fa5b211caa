"""threshold, sign, round."""

import pytest
import torch

import argrad


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_threshold_is_the_comparison_and_its_gradient_a_sigmoids():
    s = torch.randn(4, 5, generator=seeded(), requires_grad=True)
    at = torch.tensor([0.1, -0.2, 0.0, 0.5, 1.0], requires_grad=True)
    y = argrad.threshold(s, at, grad=argrad.StraightThrough(temperature=0.5))
    assert torch.equal(y, (s > at).float())
    to_scores, to_threshold = torch.autograd.grad(y.sum(), (s, at))
    soft = torch.autograd.grad(torch.sigmoid((s - at) / 0.5).sum(), (s, at))
    torch.testing.assert_close((to_scores, to_threshold), soft)
    torch.testing.assert_close(to_threshold, -to_scores.sum(0))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32], ids=str)
def test_a_threshold_between_neighbouring_numbers_is_kept(dtype):
    s = torch.tensor(0.1, dtype=dtype)
    above = torch.nextafter(s, torch.tensor(1.0, dtype=dtype)) if dtype == torch.float32 else s + torch.finfo(dtype).eps
    assert argrad.threshold(torch.stack([s, above]), s).tolist() == [0, 1]


def test_sign_has_two_values_and_the_gradient_of_tanh():
    s = torch.tensor([-0.5, 0.0, 2.0], requires_grad=True)
    y = argrad.sign(s)
    assert y.tolist() == [-1, -1, 1]
    torch.testing.assert_close(torch.autograd.grad(y.sum(), s)[0], 1 - s.detach().tanh() ** 2)


def test_the_estimators_of_binarised_networks():
    s = torch.tensor([-1.5, -0.5, 0.5, 1.5], requires_grad=True)
    clipped = argrad.StraightThrough(relaxation=lambda x: x.clamp(-1, 1))
    for grad, expected in ((argrad.Identity(), [1, 1, 1, 1]), (clipped, [0, 1, 1, 0])):
        assert torch.autograd.grad(argrad.sign(s, grad=grad).sum(), s)[0].tolist() == expected


def test_round_is_torchs_and_lets_the_gradient_through():
    x = torch.tensor([-1.5, 0.5, 2.4], requires_grad=True)
    y = argrad.round(x)
    assert torch.equal(y, torch.round(x))
    assert torch.autograd.grad(y.sum(), x)[0].tolist() == [1, 1, 1]


def test_round_to_levels_stops_the_gradient_outside_their_range():
    x = torch.tensor([-3.0, 0.2, 0.8, 9.0], requires_grad=True)
    levels = torch.tensor([0.0, 0.5, 1.0])
    y = argrad.round(x, levels)
    assert y.tolist() == [0, 0, 1, 1]
    assert torch.autograd.grad(y.sum(), x)[0].tolist() == [0, 1, 1, 0]
    through = argrad.round(x, levels, grad=argrad.Identity())
    assert torch.autograd.grad(through.sum(), x)[0].tolist() == [1, 1, 1, 1]
    with pytest.raises(ValueError, match="strictly ascending"):
        argrad.round(x, levels.flip(0))
