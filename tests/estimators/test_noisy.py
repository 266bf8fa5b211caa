"""The laws of estimators with noise of their own: means, variances and limits."""

import pytest
import torch

import argrad
from argrad._carrier import exact
from argrad.choices import one_hot
from argrad.noise import Gumbel
from laws import gradient_at, jacobian, seeded, times, z_scores

N = 40_000


def one_variable(estimator, cost, s, n=N, seed=0):
    """Gradients of n independent calls at the same scores."""
    leaf = s.expand(n, *s.shape).clone().requires_grad_()
    y = estimator.draw(one_hot, leaf, seeded(seed))
    return torch.autograd.grad(cost(y).sum(), leaf)[0]


def bent(y):
    return (y @ torch.tensor([0.3, -1.2, 0.8, 2.0], dtype=y.dtype)).square() + y[..., 0] * y[..., 1]


def test_gumbel_rao_has_the_mean_of_straight_through_gumbel_and_less_variance():
    s = torch.tensor([0.5, -0.3, 0.1, -1.0])
    straight = one_variable(argrad.StraightThrough(temperature=0.5, noise=Gumbel()), bent, s)
    variances = [straight.var(0).sum().item()]
    for k in (1, 4, 16):
        rao = one_variable(argrad.GumbelRao(samples=k, temperature=0.5), bent, s, seed=k)
        error = (rao.var(0) / N + straight.var(0) / N).sqrt()
        assert ((rao.mean(0) - straight.mean(0)) / error).abs().max() < 4
        variances.append(rao.var(0).sum().item())
    assert variances[1] == pytest.approx(variances[0], rel=0.05)  # one sample is straight-through Gumbel itself
    assert variances[3] < variances[2] < 0.8 * variances[1]


def test_gumbel_rao_goes_to_reinmax_as_the_temperature_falls():
    s = torch.tensor([0.5, -0.3, 0.1, -1.0], dtype=torch.float64)
    for x in range(4):
        y = torch.eye(4, dtype=torch.float64)[x].expand(N, 4)
        leaf = s.expand(N, 4).clone().requires_grad_()
        torch.manual_seed(x)
        carrier = argrad.GumbelRao(samples=8, temperature=0.02).carry(one_hot, leaf, y)
        (cold,) = torch.autograd.grad((exact(y, carrier) * gradient_at(bent, y)).sum(), leaf)
        carrier = argrad.ReinMax().carry(one_hot, leaf, y)
        (second,) = torch.autograd.grad((exact(y, carrier)[0] * gradient_at(bent, y)[0]).sum(), leaf)
        torch.testing.assert_close(cold.mean(0), second[0], atol=0.03, rtol=0.05)


def test_perturbed_by_gumbel_noise_is_a_softmax():
    s, sigma = torch.tensor([0.5, -0.3, 0.1, -1.0]), 0.7
    estimator = argrad.Perturbed(sigma=sigma, samples=1, noise=Gumbel())
    leaf = s.expand(200_000, 4).clone().requires_grad_()
    y = estimator.draw(one_hot, leaf, seeded())
    weights = torch.tensor([0.3, -1.2, 0.8, 2.0])
    p = torch.softmax(s / sigma, -1)
    assert z_scores(y.detach(), p).abs().max() < 4
    (gradients,) = torch.autograd.grad((y @ weights).sum(), leaf)
    assert z_scores(gradients, times(jacobian(p), weights) / sigma).abs().max() < 4


@pytest.mark.parametrize("noise", [argrad.Normal(), argrad.Gumbel(), argrad.Logistic()], ids=repr)
def test_perturbed_has_the_gradient_of_its_own_mean(noise):
    """Against the difference of means at scores ± h, by the same noise."""
    s, h, sigma = torch.tensor([0.4, 0.0, -0.5]), 0.2, 1.0
    n = 400_000
    z = noise(torch.zeros(n, 3), seeded())
    weights = torch.tensor([1.0, -2.0, 0.5])
    leaf = s.expand(n, 3).clone().requires_grad_()
    y = argrad.Perturbed(sigma, samples=1, noise=noise).draw(one_hot, leaf, seeded(1))
    (gradients,) = torch.autograd.grad((y @ weights).sum(), leaf)
    for i in range(3):
        step = h * torch.eye(3)[i]
        values = [weights[(s + sign * step + sigma * z).argmax(-1)] for sign in (1, -1)]
        slopes = (values[0] - values[1]) / (2 * h)
        error = (slopes.var() / n + gradients[:, i].var() / n).sqrt()
        assert (slopes.mean() - gradients[:, i].mean()).abs() < 4 * error + 0.01  # and the third derivative, h²/6


@pytest.mark.parametrize("step", [0.3, 3.0])
def test_implicit_mle_has_the_mean_of_two_softmaxes(step):
    """(softmax(s) − softmax(s − λg))/λ for a linear loss and Gumbel noise: perturb and MAP draws from the softmax."""
    s, g = torch.tensor([0.5, -0.3, 0.1, -1.0]), torch.tensor([0.3, -1.2, 0.8, 2.0])
    gradients = one_variable(argrad.ImplicitMLE(step), lambda y: y @ g, s, n=200_000)
    expected = (torch.softmax(s, -1) - torch.softmax(s - step * g, -1)) / step
    assert z_scores(gradients, expected).abs().max() < 4


def test_gumbel_softmax_is_the_gradient_of_its_relaxed_objective():
    """Pathwise: by the same noise, the finite difference of the relaxed cost."""
    s = torch.tensor([0.5, -0.3, 0.1, -1.0], dtype=torch.float64, requires_grad=True)
    estimator = argrad.Relaxed(0.5, noise=Gumbel())
    torch.autograd.gradcheck(lambda x: bent(argrad.sample(x, grad=estimator, generator=seeded())), (s,))
