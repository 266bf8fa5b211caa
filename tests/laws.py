"""What the laws of estimators are checked against: full enumeration, and z-scores where that does not reach."""

from dataclasses import replace
from functools import partial

import torch

from argrad._carrier import exact
from argrad.choices import one_hot

VARIABLES, OPTIONS = 3, 4
STATES = OPTIONS**VARIABLES


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def logits(seed=0):
    return torch.randn(VARIABLES, OPTIONS, dtype=torch.float64, generator=seeded(seed))


def states():
    """All joint states: (64, 3, 4)."""
    index = torch.cartesian_prod(*[torch.arange(OPTIONS)] * VARIABLES)
    return torch.eye(OPTIONS, dtype=torch.float64)[index]


def probability(scores, vertices):
    """Of the joint states of independent variables: the softmaxes, multiplied."""
    return (torch.softmax(scores, -1) * vertices).sum(-1).prod(-1)


def true_gradient(cost, scores):
    leaf = scores.clone().requires_grad_()
    y = states()
    return torch.autograd.grad((probability(leaf, y) * cost(y)).sum(), leaf)[0]


def gradients_by_state(estimator, cost, scores):
    """The gradient that an estimator of the vertex's gradient gives in each joint state: (64, 3, 4)."""
    leaf = scores.expand(STATES, *scores.shape).clone().requires_grad_()
    y = states()
    return torch.autograd.grad(cost(exact(y, estimator.carry(one_hot, leaf, y))).sum(), leaf)[0]


def mean_gradient(estimator, cost, scores):
    weight = probability(scores, states())
    return torch.einsum("s,svk->vk", weight, gradients_by_state(estimator, cost, scores))


def score_gradients(estimator, cost, scores):
    """The gradient of an estimator that asks for draws, for every tuple of draws, and the tuples' probabilities."""
    y = states()
    index = torch.cartesian_prod(*[torch.arange(STATES)] * estimator.samples).view(-1, estimator.samples)
    drawn = y[index].movedim(1, 0)  # (samples, tuples, 3, 4)
    leaf = scores.expand(len(index), *scores.shape).clone().requires_grad_()
    choice = replace(one_hot, sample=lambda _scores, _samples, _generator: drawn)
    total = estimator.expect(choice, cost, (leaf,), None).sum()
    return torch.autograd.grad(total, leaf)[0], probability(scores, y)[index].prod(-1)


def total_variance(gradients, weight):
    mean = torch.einsum("s,svk->vk", weight, gradients)
    return (weight * (gradients - mean).square().sum((-2, -1))).sum()


def relative(estimate, truth):
    return ((estimate - truth).norm() / truth.norm()).item()


def z_scores(samples, truth):
    """(n, *shape) against *shape, for the entries that vary."""
    spread = samples.std(0)
    varies = spread > 0
    error = (samples.mean(0) - truth)[varies]
    return error / (spread[varies] / len(samples) ** 0.5)


# --------------------------------------------------------------- costs of three variables with four options: (*, 3, 4)


def _coefficients(*shape, seed):
    return torch.randn(*shape, dtype=torch.float64, generator=seeded(seed))


def linear(y, seed=1):
    return (y * _coefficients(VARIABLES, OPTIONS, seed=seed)).sum((-2, -1))


def multilinear(y, seed=2):
    table = _coefficients(OPTIONS, OPTIONS, OPTIONS, seed=seed)
    return torch.einsum("ijk,...i,...j,...k->...", table, *y.unbind(-2))


def quadratic(y, seed=3):
    flat, matrix = y.flatten(-2), _coefficients(12, 12, seed=seed)
    return ((flat @ matrix) * flat).sum(-1)


def power(y, degree, scale=1.0, seed=4):
    return (scale * (y * _coefficients(VARIABLES, OPTIONS, seed=seed)).sum((-2, -1))).pow(degree)


cubic, quartic = partial(power, degree=3), partial(power, degree=4)


def exponential(y, eps, seed=5):
    return (eps * (y * _coefficients(VARIABLES, OPTIONS, seed=seed)).sum((-2, -1))).exp()


def jacobian(q):
    """The covariance of a category: diag(q) − q qᵀ."""
    return torch.diag_embed(q) - q.unsqueeze(-1) * q.unsqueeze(-2)


def times(matrix, vector):
    return (matrix @ vector.unsqueeze(-1)).squeeze(-1)


def gradient_at(cost, y):
    leaf = y.clone().requires_grad_()
    return torch.autograd.grad(cost(leaf).sum(), leaf)[0]
