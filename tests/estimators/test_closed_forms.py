"""Each estimator, and each baseline, against its closed form."""

import pytest
import torch

import argrad
from argrad.choices import cube
from laws import cubic, gradient_at, gradients_by_state, jacobian, logits, quadratic, seeded, states, times


def test_a_single_bernoulli_at_logit_0():
    """Mean (f₁ − f₀)/4; variance (f₁ + f₀)²/16 for one sample, (f₁ − f₀)²/16 for leave-one-out of two."""
    f0, f1 = 2.0, 5.0
    drawn = torch.cartesian_prod(torch.tensor([0.0, 1.0]), torch.tensor([0.0, 1.0])).T.double()  # (2, 4)

    def moments(estimator, vertices):
        s = torch.zeros(vertices.shape[1], dtype=torch.float64, requires_grad=True)
        fixed = argrad.Choice(**{**vars(cube()), "sample": lambda *_: vertices})
        value = estimator.expect(fixed, lambda y: f0 + (f1 - f0) * y, (s,), None)
        (gradients,) = torch.autograd.grad(value.sum(), s)
        return gradients.mean().item(), gradients.var(unbiased=False).item()

    assert moments(argrad.ScoreFunction(1), drawn[:1]) == pytest.approx(((f1 - f0) / 4, (f1 + f0) ** 2 / 16))
    assert moments(argrad.ScoreFunction(2), drawn) == pytest.approx(((f1 - f0) / 4, (f1 - f0) ** 2 / 16))


def test_three_bernoullis_with_one_shared_logit():
    """The toy of Kool et al. 2020: p₀ = (.6, .51, .48), at logit 0 the gradient is ¼ Σ(1 − 2p₀) = −.045."""
    target = torch.tensor([0.6, 0.51, 0.48], dtype=torch.float64)
    cost = lambda y: (y - target).square().sum(-1)  # noqa: E731
    for grad in (argrad.Enumerate(), argrad.IndeCateR(samples=200)):
        logit = torch.zeros((), dtype=torch.float64, requires_grad=True)
        argrad.expect(cost, logit.expand(3), choice=cube(), grad=grad, generator=seeded()).backward()
        assert logit.grad.item() == pytest.approx(-0.045)


@pytest.mark.parametrize("cost", [quadratic, cubic])
def test_reinmax_is_the_zero_temperature_gumbel_rao_in_closed_form(cost):
    """½[p∘(g − g_x) + D (g_x − ⟨p, g⟩)], Shekhovtsov 2023."""
    p, y = torch.softmax(logits(), -1), states()
    g = gradient_at(cost, y)
    chosen, mean = (y * g).sum(-1, keepdim=True), (p * g).sum(-1, keepdim=True)
    zgr = (p * (g - chosen) + y * (chosen - mean)) / 2
    torch.testing.assert_close(gradients_by_state(argrad.ReinMax(), cost, logits()), zgr)


def test_reinmax_at_a_temperature_is_algorithm_2():
    """2 J((p_τ + D)/2) g − ½ J(p) g with dense Jacobians."""
    tau, y = 1.3, states()
    g = gradient_at(cubic, y)
    p, warm = torch.softmax(logits(), -1), torch.softmax(logits() / tau, -1)
    dense = 2 * times(jacobian((warm + y) / 2), g) - times(jacobian(p), g) / 2
    torch.testing.assert_close(gradients_by_state(argrad.ReinMax(tau), cubic, logits()), dense)


def test_straight_through_is_the_dense_jacobian():
    tau, y = 0.7, states()
    dense = times(jacobian(torch.softmax(logits() / tau, -1)), gradient_at(cubic, y)) / tau
    torch.testing.assert_close(gradients_by_state(argrad.StraightThrough(tau), cubic, logits()), dense)


def test_straight_through_by_sparsemax_is_its_dense_jacobian():
    y, point = states(), argrad.sparsemax(logits())
    inside = (point > 0).double()
    dense = torch.diag_embed(inside) - inside.unsqueeze(-1) * inside.unsqueeze(-2) / inside.sum(-1)[..., None, None]
    estimator = argrad.StraightThrough(relaxation=argrad.sparsemax)
    torch.testing.assert_close(gradients_by_state(estimator, cubic, logits()), times(dense, gradient_at(cubic, y)))


def test_gapped_straight_through_by_hand():
    tau, gap, s, y = 0.6, 1.0, logits(), states()
    best = s.amax(-1, keepdim=True)
    raised, lowered = (best - s) * y, (s - best + gap).relu() * (1 - y)
    q = torch.softmax((s + raised - lowered) / tau, -1)
    dense = times(jacobian(q), gradient_at(cubic, y)) / tau
    torch.testing.assert_close(gradients_by_state(argrad.GappedStraightThrough(tau, gap), cubic, s), dense)


@pytest.mark.parametrize(
    ("pull", "expected"),
    [
        ((0.5, -0.5, 0.0), (0.5, -0.5, 0.0)),
        ((-0.5, 0.5, 0.2), (0.0, 0.0, 0.0)),
        ((2.0, -3.0, 0.0), (1.0, -1.0, 0.0)),
    ],
)
def test_spigot_by_hand(pull, expected):
    s = torch.tensor([2.0, 1.0, 0.0], requires_grad=True)
    (argrad.argmax(s, grad=argrad.Spigot(step=2.0)) @ (torch.tensor(pull) / 2)).backward()
    torch.testing.assert_close(s.grad, torch.tensor(expected))


def test_spigot_is_bounded_and_sums_to_0():
    s = torch.randn(500, 6, generator=seeded(), requires_grad=True)
    (argrad.argmax(s, grad=argrad.Spigot()) * 100 * torch.randn(500, 6, generator=seeded(1))).sum().backward()
    assert s.grad.abs().sum(-1).max() <= 2 + 1e-5
    assert s.grad.sum(-1).abs().max() < 1e-5


def test_interpolation_asks_the_solver_again():
    s, g, step = *torch.randn(2, 300, 5, generator=seeded()), 1.7
    leaf = s.clone().requires_grad_()
    (argrad.argmax(leaf, grad=argrad.Interpolation(step)) * g).sum().backward()
    moved = (s - step * g).argmax(-1)
    expected = (torch.eye(5)[s.argmax(-1)] - torch.eye(5)[moved]) / step
    torch.testing.assert_close(leaf.grad, expected)
    assert (expected != 0).any()


def test_the_marginal_likelihood_and_its_limits():
    cost = lambda y: y @ torch.tensor([3.0, 1.0, 2.0])  # noqa: E731
    s = torch.tensor([0.3, -1.0, 0.5], requires_grad=True)
    p, f = torch.softmax(s, -1), torch.tensor([3.0, 1.0, 2.0])
    for tau in (0.1, 1.0, 10.0):
        value = argrad.expect(cost, s, grad=argrad.MarginalLikelihood(tau))
        by_hand = -tau * (p * (-f / tau).exp()).sum().log()
        torch.testing.assert_close(value, by_hand)
        (gradient,), (truth,) = (torch.autograd.grad(v, s, retain_graph=True) for v in (value, by_hand))
        torch.testing.assert_close(gradient, truth)
    for tau, limit in ((1e4, (p @ f).item()), (1e-3, 1 - 1e-3 * p[1].log().item())):
        assert argrad.expect(cost, s, grad=argrad.MarginalLikelihood(tau)).item() == pytest.approx(limit, abs=1e-2)


def test_baselines_and_the_score_term():
    costs = torch.tensor([[1.0, 10.0], [2.0, 20.0], [6.0, 0.0]])
    torch.testing.assert_close(argrad.leave_one_out(costs), torch.tensor([[4.0, 10.0], [3.5, 5.0], [1.5, 15.0]]))
    log_p = torch.randn(3, 2, generator=seeded()).requires_grad_()
    term = argrad.score_term(costs, log_p)
    assert (term == 0).all()
    (weights,) = torch.autograd.grad(term.sum(), log_p)
    torch.testing.assert_close(weights, (costs - costs.mean(0)) / 2)  # RLOO = (f − mean)/(k − 1)


def test_the_running_mean_is_that_of_earlier_calls_without_the_bias_of_its_start():
    baseline = argrad.RunningMean(momentum=0.5)
    assert baseline(torch.tensor([4.0])).tolist() == [0.0]
    assert baseline(torch.tensor([8.0])).tolist() == [4.0]
    assert baseline(torch.zeros(0)).tolist() == []
    assert baseline(torch.tensor([0.0, 0.0])).tolist() == pytest.approx([20 / 3] * 2)
    twin = argrad.RunningMean(momentum=0.5)
    twin.load_state_dict(baseline.state_dict())
    assert twin(torch.tensor([1.0])).tolist() == baseline(torch.tensor([1.0])).tolist()
