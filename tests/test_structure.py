"""`argrad.structure`, and every estimator on every structured choice."""

import pytest
import torch

import argrad
from argrad import estimators, structure
from argrad.core import Estimator


def _normal(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


LAWS = {
    "chain": lambda: structure.chain(_normal(2, 4, 3), _normal(3, 3), torch.tensor([4, 2])),
    "tree": lambda: structure.tree(_normal(2, 4, 4), _normal(2, 4), torch.tensor([4, 2])),
    "projective": lambda: structure.tree(_normal(2, 4, 4), projective=True, single_root=False),
    "segmentation": lambda: structure.segmentation(_normal(2, 4, 3, 2), _normal(2, 2), torch.tensor([4, 2])),
    "matching": lambda: structure.matching(_normal(2, 4, 4)),
}


@pytest.fixture(params=LAWS)
def law(request):
    if request.param == "matching":
        pytest.importorskip("scipy")
    return LAWS[request.param]()


def test_the_law_sums_to_one_and_its_entropy_is_its_own(law):
    vertices = law.choice.enumerate(law.scores)
    log_p = law.log_prob(vertices)
    p = log_p.exp()
    torch.testing.assert_close(p.sum(0), torch.ones(2, dtype=p.dtype))
    torch.testing.assert_close(law.entropy, torch.special.entr(p).sum(0))
    weights = p.view(*p.shape, *[1] * law.choice.event_dims)
    torch.testing.assert_close(law.marginals, (weights * vertices).sum(0))
    torch.testing.assert_close(law.log_prob(law.best), log_p.amax(0))


def test_draws_are_vertices_and_repeat_with_the_generator(law):
    draws = [law.sample(5, torch.Generator().manual_seed(3)) for _ in range(2)]
    assert torch.equal(*draws)
    assert draws[0].shape == (5, *law.scores.shape)
    assert (law.log_prob(draws[0]) > -torch.inf).all()


def test_a_masked_part_has_no_probability_and_the_rest_keeps_its_odds(law):
    vertices = law.choice.enumerate(law.scores)
    part = (law.marginals[0] - 0.5).abs().argmin()  # a part that is neither sure nor impossible
    scores = law.scores.clone()
    scores[0].view(-1)[part] = -torch.inf
    masked = structure.Structure(law.choice, scores, law.normaliser)
    uses = vertices[:, 0].flatten(1)[:, part] != 0
    before, after = law.log_prob(vertices)[:, 0], masked.log_prob(vertices)[:, 0]
    assert (after[uses] == -torch.inf).all()
    torch.testing.assert_close(after[~uses], before[~uses] - before[~uses].logsumexp(0))
    assert masked.marginals[0].flatten()[part] == 0


def test_the_marginal_likelihood_has_the_gradient_of_a_conditional_random_field():
    unary = _normal(3, 5, 4).requires_grad_()
    law = structure.chain(unary, _normal(4, 4))
    (-law.log_prob(law.best)).sum().backward()
    expected = structure.nodes(law.marginals - law.best)
    torch.testing.assert_close(unary.grad, expected)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: LAWS["chain"]().sample(0), "'samples' parameter of sample"),
        (lambda: LAWS["chain"]().log_prob(torch.zeros(3, 3)), "'vertex' parameter of log_prob"),
    ],
)
def test_bad_input_is_refused_in_words(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def _made():
    for name in estimators.__all__:
        kind = getattr(estimators, name)
        if isinstance(kind, type) and issubclass(kind, Estimator):
            yield pytest.param(kind(), id=name)


def _fits(estimator, choice, method):
    return method in estimator.needs and all(choice.has(function) for function in estimator.needs[method])


@pytest.mark.parametrize("estimator", list(_made()))
def test_every_estimator_that_fits_works_and_keeps_the_vertex(estimator, law):
    """Masks (lengths) get no gradient; a vertex stays one; the cost's shape is the batch's."""
    scores = law.scores.clone().requires_grad_()
    vertices = law.choice.enumerate(law.scores)
    masked = scores == -torch.inf
    weight = _normal(*scores.shape, seed=1)
    dims = tuple(range(-law.choice.event_dims, 0))
    used = []
    for method, call in (
        ("pick", lambda: argrad.pick(law.choice, scores, grad=estimator)),
        ("draw", lambda: argrad.draw(law.choice, scores, grad=estimator)),
    ):
        if _fits(estimator, law.choice, method):
            y = call()
            used.append((y * weight).sum(dims))
            if type(estimator).__name__ not in ("Perturbed", "Relaxed"):
                assert (y == vertices).all(dims).any(0).all()
    if _fits(estimator, law.choice, "expect"):
        cost = argrad.expect(lambda y: (y * weight).sum(dims), scores, choice=law.choice, grad=estimator)
        assert cost.shape == (2,)
        used.append(cost)
    for value in used:
        (gradient,) = torch.autograd.grad(value.sum(), scores, allow_unused=False)
        assert gradient.isfinite().all()
        assert (gradient[masked] == 0).all()


def test_exact_expectation_of_a_linear_cost_is_the_cost_of_the_marginals(law):
    scores = law.scores.clone().requires_grad_()
    weight = _normal(*scores.shape, seed=1)
    dims = tuple(range(-law.choice.event_dims, 0))
    exact = argrad.expect(lambda y: (y * weight).sum(dims), scores, choice=law.choice, grad=argrad.Enumerate())
    linear = (law.choice.soft(scores) * weight).sum(dims)
    torch.testing.assert_close(exact, linear)
    slopes = [torch.autograd.grad(value.sum(), scores)[0] for value in (exact, linear)]
    torch.testing.assert_close(*slopes)


def test_straight_through_is_exact_for_linear_costs(law):
    """The gradient of a linear cost does not depend on the draw: it is that of the marginals."""
    scores = law.scores.clone().requires_grad_()
    weight = _normal(*scores.shape, seed=1)
    (drawn,) = torch.autograd.grad((argrad.draw(law.choice, scores) * weight).sum(), scores)
    (exact,) = torch.autograd.grad((law.choice.soft(scores) * weight).sum(), scores)
    torch.testing.assert_close(drawn, exact)


def test_reinmax_is_exact_for_quadratic_costs_of_a_chain_where_straight_through_is_not():
    """ReinMax takes `covariance` at means that no scores were given for; one edge is a choice of one in four."""
    scores = _normal(1, 2, 2).requires_grad_()  # one edge: one out of four
    choice = argrad.choices.chain
    weight = _normal(4, 4, seed=1)

    def cost(y):
        flat = y.flatten(-3)
        return torch.einsum("...i,ij,...j->...", flat, weight, flat)

    exact = argrad.expect(cost, scores, choice=choice, grad=argrad.Enumerate())
    (expected,) = torch.autograd.grad(exact, scores)
    p = choice.log_prob(scores, choice.enumerate(scores)).exp()
    for estimator, good in ((argrad.ReinMax(), True), (argrad.StraightThrough(), False)):
        mean = torch.zeros_like(scores)
        for vertex, weight_of in zip(choice.enumerate(scores), p, strict=True):
            code = torch.autograd.grad(cost(argrad.exact(vertex, estimator.carry(choice, scores, vertex))), scores)[0]
            mean = mean + weight_of * code
        assert torch.allclose(mean, expected, atol=1e-9) == good
