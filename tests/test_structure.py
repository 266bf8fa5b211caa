"""`argrad.structure`: the law over structures."""

import pickle

import pytest
import torch

from argrad import structure


def _normal(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


LAWS = {
    "chain": lambda: structure.chain(_normal(2, 4, 3), _normal(3, 3), torch.tensor([4, 2])),
    "tree": lambda: structure.tree(_normal(2, 4, 4), _normal(2, 4), torch.tensor([4, 2])),
    "projective": lambda: structure.tree(_normal(2, 4, 4), projective=True, single_root=False),
    "segmentation": lambda: structure.segmentation(_normal(2, 4, 3, 2), _normal(2, 2), torch.tensor([4, 2])),
    "matching": lambda: structure.matching(_normal(2, 4, 4), torch.tensor([4, 2])),
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


def test_the_entropy_and_its_gradient_are_those_of_the_enumeration(law):
    leaf = law.scores.clone().requires_grad_()
    twin = structure.Structure(law.choice, leaf, law.normaliser)
    p = twin.log_prob(law.choice.enumerate(leaf)).softmax(0).clamp_min(1e-300)  # 0 log 0 has no derivative
    slopes = [torch.autograd.grad(e.sum(), leaf)[0] for e in (twin.entropy, torch.special.entr(p).sum(0))]
    torch.testing.assert_close(*slopes, rtol=0, atol=1e-8)
    assert (slopes[0][leaf == -torch.inf] == 0).all()


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


def test_a_law_survives_pickling(law):
    twin = pickle.loads(pickle.dumps(law))  # noqa: S301
    assert torch.equal(twin.marginals, law.marginals)
    assert torch.equal(twin.best, law.best)


@pytest.mark.parametrize("size", [0.0, 1e4, 1e6, 1e8])
@pytest.mark.parametrize(
    ("make", "shape", "of_one"),
    [
        (lambda s: structure.tree(s, projective=True).marginals, (5, 5), lambda p: p.sum(-1)),
        (lambda s: structure.tree(s, projective=True, single_root=False).marginals, (5, 5), lambda p: p.sum(-1)),
        (lambda s: structure.matching(s).marginals, (5, 5), lambda p: p.sum(-1)),
        (lambda s: structure.segmentation(s).marginals, (6, 3, 2), lambda p: structure.coverage(p).sum(-1)),
    ],
)
def test_marginals_are_probabilities_however_large_the_scores(make, shape, of_one, size):
    p = make(_normal(*shape).float() + size)
    assert (p >= 0).all()
    torch.testing.assert_close(of_one(p), torch.ones(shape[0]), rtol=0, atol=1e-5)
