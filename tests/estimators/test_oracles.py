"""Each estimator against its closed form, and its bias against full enumeration of three variables of four options."""

import math
from itertools import combinations, permutations

import pytest
import torch

import argrad
from argrad._carrier import exact
from argrad.choices import cube, one_hot
from argrad.estimators.unordered import _leave_one_out_ratio
from argrad.noise import Gumbel
from laws import (
    cubic,
    exponential,
    gradients_by_state,
    linear,
    logits,
    mean_gradient,
    multilinear,
    probability,
    quadratic,
    quartic,
    relative,
    score_gradients,
    seeded,
    states,
    total_variance,
    true_gradient,
    z_scores,
)

SEEDS = range(5)
COSTS = {"linear": linear, "multilinear": multilinear, "quadratic": quadratic, "cubic": cubic, "quartic": quartic}
every_cost = pytest.mark.parametrize("cost", COSTS.values(), ids=COSTS)


def jacobian(q):
    """The covariance of a category: diag(q) − q qᵀ."""
    return torch.diag_embed(q) - q.unsqueeze(-1) * q.unsqueeze(-2)


def times(matrix, vector):
    return (matrix @ vector.unsqueeze(-1)).squeeze(-1)


def gradient_at(cost, y):
    leaf = y.clone().requires_grad_()
    return torch.autograd.grad(cost(leaf).sum(), leaf)[0]


# ------------------------------------------------------------------------------------------------- bias by enumeration


@pytest.mark.parametrize("seed", SEEDS)
def test_straight_through_is_exact_for_costs_that_are_linear_in_each_variable(seed):
    for cost in (linear, multilinear):
        truth = true_gradient(cost, logits(seed))
        assert relative(mean_gradient(argrad.StraightThrough(), cost, logits(seed)), truth) < 1e-13


@pytest.mark.parametrize("seed", SEEDS)
def test_reinmax_is_exact_for_quadratic_costs_where_straight_through_is_far_off(seed):
    for cost in (linear, multilinear, quadratic):
        truth = true_gradient(cost, logits(seed))
        assert relative(mean_gradient(argrad.ReinMax(), cost, logits(seed)), truth) < 1e-13
    assert relative(mean_gradient(argrad.StraightThrough(), quadratic, logits(seed)), truth) > 0.1


@pytest.mark.parametrize("temperature", [1.5, 2.0])
def test_a_temperature_costs_reinmax_its_exactness(temperature):
    truth = true_gradient(quadratic, logits())
    assert relative(mean_gradient(argrad.ReinMax(temperature), quadratic, logits()), truth) > 0.05


def test_on_a_cubic_cost_reinmax_can_be_worse_than_straight_through():
    worse = 0
    for seed in range(20):
        truth = true_gradient(cubic, logits(seed))
        second, first = (mean_gradient(e, cubic, logits(seed)) for e in (argrad.ReinMax(), argrad.StraightThrough()))
        worse += relative(second, truth) > relative(first, truth)
    assert 0 < worse < 20


@pytest.mark.parametrize(("estimator", "order"), [(argrad.StraightThrough(), 2), (argrad.ReinMax(), 3)])
def test_order_of_the_bias(estimator, order):
    """With f = exp(ε⟨c, y⟩) halving ε divides the bias by 2^order."""
    bias = []
    for eps in (0.02, 0.01):
        cost = lambda y, eps=eps: exponential(y, eps)  # noqa: E731
        bias.append((mean_gradient(estimator, cost, logits()) - true_gradient(cost, logits())).norm())
    assert math.log2(bias[0] / bias[1]) == pytest.approx(order, abs=0.1)


@every_cost
@pytest.mark.parametrize("samples", [1, 2])
def test_the_score_function_is_unbiased(cost, samples):
    """One sample without a baseline, and two with leave-one-out, over all 64 and 4096 tuples of draws."""
    gradients, weight = score_gradients(argrad.ScoreFunction(samples), cost, logits())
    mean = torch.einsum("s,svk->vk", weight, gradients)
    assert relative(mean, true_gradient(cost, logits())) < 1e-12


@every_cost
def test_any_constant_baseline_is_unbiased(cost):
    estimator = argrad.ScoreFunction(1, baseline=argrad.constant(3.7))
    gradients, weight = score_gradients(estimator, cost, logits())
    assert relative(torch.einsum("s,svk->vk", weight, gradients), true_gradient(cost, logits())) < 1e-12


def test_subtracting_the_mean_of_all_samples_would_shrink_the_gradient():
    """What leave-one-out is not: with the own sample in the baseline the gradient is (k − 1)/k of the true one."""
    estimator = argrad.ScoreFunction(2, baseline=lambda costs: costs.mean(0, keepdim=True).expand_as(costs))
    gradients, weight = score_gradients(estimator, cubic, logits())
    assert relative(torch.einsum("s,svk->vk", weight, gradients), true_gradient(cubic, logits()) / 2) < 1e-12


@every_cost
def test_one_variable_at_a_time_is_unbiased_and_varies_less(cost):
    gradients, weight = score_gradients(argrad.IndeCateR(), cost, logits())
    mean = torch.einsum("s,svk->vk", weight, gradients)
    assert relative(mean, true_gradient(cost, logits())) < 1e-12
    score, _ = score_gradients(argrad.ScoreFunction(1), cost, logits())
    assert total_variance(gradients, weight) < total_variance(score, weight)


@every_cost
def test_enumerate_gives_the_exact_value_and_gradient(cost):
    s = logits().requires_grad_()
    value = argrad.expect(cost, s, grad=argrad.Enumerate())
    torch.testing.assert_close(value, (probability(s, states()) * cost(states())).sum())
    assert relative(torch.autograd.grad(value, s)[0], true_gradient(cost, logits())) < 1e-13


@every_cost
def test_the_unordered_set_is_unbiased(cost):
    s = logits().expand(20_000, 3, 4).clone().requires_grad_()
    value = argrad.expect(cost, s, grad=argrad.UnorderedSet(samples=3), generator=seeded())
    (gradients,) = torch.autograd.grad(value.sum(), s)
    assert z_scores(gradients, true_gradient(cost, logits())).abs().max() < 4
    assert z_scores(value.detach(), (probability(logits(), states()) * cost(states())).sum()).abs().max() < 4


@pytest.mark.parametrize("k", [2, 3, 4])
def test_the_leave_one_out_ratio_is_its_definition(k):
    """R(S, y) = p^{without y}(S∖y)/p(S), p(S) the sum over all orders of drawing S without replacement."""
    p = torch.softmax(3 * torch.randn(6, dtype=torch.float64, generator=seeded(2)), 0)

    def chance(drawn, without=()):
        left = 1 - sum(p[i] for i in without)
        total = 0
        for order in permutations(drawn):
            gone, term = 0, 1
            for i in order:
                term, gone = term * p[i] / (left - gone), gone + p[i]
            total += term
        return total

    expectation = 0
    for drawn in combinations(range(6), k):
        ratio = _leave_one_out_ratio(p.log(), torch.tensor(drawn))
        by_hand = [chance(set(drawn) - {y}, without=(y,)) / chance(drawn) for y in drawn]
        torch.testing.assert_close(ratio, torch.stack(by_hand))
        expectation += chance(drawn) * (p[list(drawn)] * ratio).sum()
    torch.testing.assert_close(expectation, torch.ones_like(expectation))  # of f = 1


def test_the_unordered_set_of_all_vertices_is_the_exact_gradient():
    s = torch.randn(3, 4, dtype=torch.float64, generator=seeded()).requires_grad_()
    cost = lambda y: (y * torch.arange(4.0, dtype=torch.float64)).sum(-1) ** 3  # noqa: E731
    value, truth = (argrad.expect(cost, s, grad=g) for g in (argrad.UnorderedSet(samples=4), argrad.Enumerate()))
    torch.testing.assert_close(value, truth)
    torch.testing.assert_close(torch.autograd.grad(value.sum(), s), torch.autograd.grad(truth.sum(), s))


def test_what_cannot_happen_may_cost_anything():
    s = torch.tensor([0.0, -torch.inf, 1.0, -torch.inf], requires_grad=True)
    prices = torch.tensor([1.0, torch.nan, 3.0, torch.inf])
    cost = lambda y: prices[y.argmax(-1)]  # noqa: E731
    p = torch.softmax(torch.tensor([0.0, 1.0]), 0)
    for grad in (argrad.Enumerate(), argrad.UnorderedSet(2), argrad.UnorderedSet(3), argrad.IndeCateR()):
        value = argrad.expect(cost, s, grad=grad)
        torch.testing.assert_close(value, p @ torch.tensor([1.0, 3.0]))
        (gradient,) = torch.autograd.grad(value, s)
        torch.testing.assert_close(gradient, torch.tensor([-1.0, 0, 1.0, 0]) * 2 * p[0] * p[1])


# -------------------------------------------------------------------------------- closed forms for the number of signs


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


# ----------------------------------------------------------------------------------- closed forms of vertex estimators


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


# -------------------------------------------------------------------------------------------------- laws of noisy ones

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


# ------------------------------------------------------------------------------------------- variables of unequal size


def test_variables_of_different_sizes_share_a_cost():
    """Two tensors, (2, 3) and (2, 1, 4): each of two costs sees one variable of each."""
    a = torch.randn(2, 3, dtype=torch.float64, generator=seeded()).requires_grad_()
    b = torch.randn(2, 1, 4, dtype=torch.float64, generator=seeded(1)).requires_grad_()
    table = torch.randn(3, 4, dtype=torch.float64, generator=seeded(2))

    def cost(y, z):
        return torch.einsum("...i,ij,...vj->...", y, table, z)

    truth = torch.einsum("bi,ij,bvj->b", torch.softmax(a, -1), table, torch.softmax(b, -1))
    expected = torch.autograd.grad(truth.sum(), (a, b))
    value = argrad.expect(cost, (a, b), grad=argrad.Enumerate())
    torch.testing.assert_close(value, truth)
    torch.testing.assert_close(torch.autograd.grad(value.sum(), (a, b)), expected)
    wide = [s.detach().expand(20_000, *s.shape).clone().requires_grad_() for s in (a, b)]
    for grad in (
        argrad.IndeCateR(),
        argrad.ScoreFunction(3),
        argrad.UnorderedSet(2),
        argrad.ReinMax(),
        argrad.StraightThrough(),
    ):
        total = argrad.expect(cost, wide, grad=grad, generator=seeded(3)).sum()
        for gradients, true in zip(torch.autograd.grad(total, wide), expected, strict=True):
            assert z_scores(gradients, true).abs().max() < 4.5, grad


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
