"""expect: shapes of costs, masks, generators; the estimators' own laws are in tests/estimators."""

import pytest
import torch

import argrad


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


PRICES = torch.tensor([1.0, 4.0, -2.0])


def price(y):
    return y @ PRICES


@pytest.mark.parametrize("dims", [0, 1, 2])
def test_leading_dimensions_without_a_cost_are_variables_of_one(dims):
    """Costs of shape (), (2,) or (2, 3) over scores of shape (2, 3, 3): a sum over the variables is a sum of means."""
    s = torch.randn(2, 3, 3, generator=seeded(), requires_grad=True)
    cost = lambda y: price(y).flatten(1 + dims).sum(-1) if dims < 2 else price(y)  # noqa: E731
    expected = (torch.softmax(s, -1) @ PRICES).flatten(dims).sum(-1) if dims < 2 else torch.softmax(s, -1) @ PRICES
    for grad in (argrad.Enumerate(), argrad.IndeCateR(), argrad.MarginalLikelihood(1e4)):
        value = argrad.expect(cost, s, grad=grad)
        assert value.shape == (2, 3)[:dims]
        if not isinstance(grad, argrad.IndeCateR):
            torch.testing.assert_close(value, expected, atol=2e-2, rtol=2e-2)
        (gradient,) = torch.autograd.grad(value.sum(), s)
        (truth,) = torch.autograd.grad(expected.sum(), s, retain_graph=True)
        torch.testing.assert_close(gradient, truth, atol=1e-2, rtol=1e-2)


def test_the_cost_keeps_its_own_gradient():
    s = torch.zeros(3)
    weight = torch.tensor(2.0, requires_grad=True)
    for grad in (argrad.Enumerate(), argrad.IndeCateR(samples=2), argrad.ScoreFunction(4), argrad.ReinMax()):
        value = argrad.expect(lambda y: weight * y.sum(-1), s, grad=grad)
        assert value.item() == pytest.approx(2)
        assert torch.autograd.grad(value, weight)[0].item() == pytest.approx(1)


def test_a_black_box_needs_no_derivative():
    s = torch.randn(5, 3, generator=seeded(), requires_grad=True)
    black_box = lambda y: PRICES[y.detach().argmax(-1)]  # noqa: E731
    (truth,) = torch.autograd.grad((torch.softmax(s, -1) @ PRICES).sum(), s)
    (exact,) = torch.autograd.grad(argrad.expect(black_box, s, grad=argrad.Enumerate()).sum(), s)
    torch.testing.assert_close(exact, truth)
    many = s.detach()[0].expand(40_000, 3).clone().requires_grad_()
    (score,) = torch.autograd.grad(argrad.expect(black_box, many, generator=seeded()).sum(), many)
    assert (((score.mean(0) - truth[0]) / (score.std(0) / 200)).abs() < 4).all()


def test_masks_and_their_refusal_for_several():
    s = torch.randn(4, 3, generator=seeded(), requires_grad=True)
    mask = torch.tensor([True, False, True])
    value = argrad.expect(price, s, grad=argrad.Enumerate(), mask=mask)
    torch.testing.assert_close(value, torch.softmax(s[:, mask], -1) @ PRICES[mask])
    for grad in (
        argrad.Enumerate(),
        argrad.ScoreFunction(3),
        argrad.IndeCateR(),
        argrad.ReinMax(),
        argrad.UnorderedSet(2),
    ):
        gradient = torch.autograd.grad(argrad.expect(price, s, grad=grad, mask=mask).sum(), s)[0]
        assert (gradient[:, 1] == 0).all()
        assert gradient.isfinite().all()


def test_draws_follow_the_generator():
    s = torch.zeros(20, 3)
    one, same, other = (argrad.expect(price, s, generator=seeded(i)) for i in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_a_tuple_a_list_and_modules_parameters_are_several_tensors():
    parameters = torch.nn.ParameterList([torch.zeros(3), torch.zeros(2)])
    cost = lambda y, z: price(y) + z[..., 0]  # noqa: E731
    for scores in (parameters, list(parameters), tuple(parameters)):
        value = argrad.expect(cost, scores, grad=argrad.Enumerate())
        torch.testing.assert_close(value, torch.tensor(1.5))


def test_the_cost_is_evaluated_as_often_as_promised():
    calls = []

    def counted(y):
        calls.append(len(y))
        return y.sum((-1, -2))

    s = torch.zeros(3, 4)
    for grad, most in ((argrad.ScoreFunction(5), 5), (argrad.IndeCateR(2), 2 * 12), (argrad.UnorderedSet(4), 4)):
        calls.clear()
        argrad.expect(counted, s, grad=grad)
        assert sum(calls) == most + (not isinstance(grad, argrad.ScoreFunction))  # one more finds the cost's shape
