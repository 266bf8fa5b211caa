"""Anybody's solver as a choice."""

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

import argrad
from argrad.choices import k_subset, numpy_solver, one_hot, solver, sparsemax


def _knapsack(values):
    """Take the best of the subsets of weight at most 5, by trying them all: an event of shape (4,)."""
    weights = np.array([3.0, 2.0, 2.0, 4.0])
    every = (np.arange(16)[:, None] >> np.arange(4)) & 1
    fits = every[every @ weights <= 5]
    return fits[(fits @ values).argmax()]


@pytest.mark.parametrize("choice", [one_hot, k_subset(2)])
def test_the_projection_by_the_solver_alone_is_the_closed_form(choice):
    scores = torch.randn(3, 2, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    known = solver(choice.hard)
    torch.testing.assert_close(known.project(scores), choice.project(scores), rtol=0, atol=1e-8)
    assert torch.equal(known.hard(scores), choice.hard(scores))
    assert gradcheck(known.project, scores[0].clone().requires_grad_())


def test_a_numpy_solver_is_asked_for_each_instance():
    choice = numpy_solver(_knapsack, name="the knapsack")
    values = torch.tensor([[[5.0, 1.0, 1.0, 9.0], [5.0, 3.0, 3.0, 0.0]]], dtype=torch.float64)
    assert choice.hard(values).tolist() == [[[0, 0, 0, 1], [1, 1, 0, 0]]]
    assert choice.hard(values[:, :0]).shape == (1, 0, 4)
    assert choice.hard(values.half()).dtype == torch.half


def test_the_projection_is_optimal_for_a_solver_in_numpy():
    choice = numpy_solver(_knapsack)
    point = torch.randn(4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    nearest = choice.project(point)
    ahead = ((point - nearest) * (choice.hard(point - nearest) - nearest)).sum(-1)
    assert (ahead < 1e-9).all()


@pytest.mark.parametrize(
    "grad",
    [
        argrad.Identity(),
        argrad.Interpolation(step=5.0),
        argrad.Spigot(),
        argrad.StraightThrough(temperature=10.0, relaxation=sparsemax),
    ],
)
def test_estimators_of_the_deterministic_choice_work(grad):
    values = torch.tensor([2.0, 3.0, 3.5, 6.0], requires_grad=True)
    y = argrad.pick(numpy_solver(_knapsack), values, grad=grad)
    assert y.tolist() == [0, 1, 1, 0]
    (slope,) = torch.autograd.grad(y @ torch.tensor([-1.0, 2.0, 0.0, -3.0]), values)
    assert slope.isfinite().all()
    assert slope.abs().sum() > 0


@pytest.mark.parametrize("grad", [argrad.ImplicitMLE(step=5.0), argrad.Perturbed(samples=4)])
def test_estimators_by_noise_work(grad):
    values = torch.tensor([2.0, 3.0, 3.5, 6.0], requires_grad=True)
    generator = torch.Generator().manual_seed(0)
    y = argrad.draw(numpy_solver(_knapsack), values, grad=grad, generator=generator)
    y.sum().backward()
    assert values.grad.isfinite().all()


def test_an_estimator_that_needs_the_law_is_refused_in_words():
    with pytest.raises(TypeError, match=r"which the knapsack lacks\. With it work: .*Interpolation"):
        argrad.pick(numpy_solver(_knapsack, name="the knapsack"), torch.zeros(4))


def test_bad_solvers_are_refused():
    with pytest.raises(TypeError, match="'maximise' parameter of solver must be a function"):
        solver(3)
    with pytest.raises(ValueError, match="scores' shape"):
        solver(lambda s: s.sum(-1)).hard(torch.zeros(2, 3))
    with pytest.raises(ValueError, match="to shape"):
        numpy_solver(lambda s: s[:1]).hard(torch.zeros(2, 3))
    with pytest.raises(TypeError, match="'point' parameter of project must be a floating-point tensor"):
        numpy_solver(_knapsack).project(torch.tensor([1, 1, 1, 1]))
    with pytest.raises(ValueError, match="of at least 2 dimensions"):
        solver(lambda s: s, event_dims=2).hard(torch.zeros(3))


def test_a_program_that_works_in_place_spoils_neither_the_scores_nor_its_earlier_answers():
    scores = torch.tensor([[0.1, 0.3], [2.0, 1.0]])
    before, answer = scores.clone(), np.zeros(2, dtype=np.float32)

    def best(s):
        s -= s.max()
        answer[:] = s == 0
        return answer

    assert torch.equal(numpy_solver(best).hard(scores), torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
    assert torch.equal(scores, before)
