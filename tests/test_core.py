"""The exact-value law."""

import torch

from argrad._carrier import Pull, exact
from argrad.core import Choice


def test_exact_is_bit_for_bit_the_value_and_has_the_gradient_of_the_carrier():
    carrier = torch.tensor([0.3, -1e30, 7.0], requires_grad=True)
    value = torch.tensor([0.1, 1e-30, 3.0])
    tied = exact(value, 2 * carrier)
    assert torch.equal(tied, value)
    (grad,) = torch.autograd.grad(tied.sum(), carrier)
    assert torch.equal(grad, torch.full((3,), 2.0))


def test_pull_hands_the_incoming_gradient_to_its_rule():
    scores = torch.randn(2, 3, requires_grad=True)
    vertex = torch.eye(3)[:2]
    carrier = Pull(lambda _, s, y, g: s * 0 + y * g, Choice(hard=lambda s: s), scores, vertex)
    (grad,) = torch.autograd.grad((exact(vertex, carrier) * torch.arange(6.0).view(2, 3)).sum(), scores)
    assert torch.equal(grad, vertex * torch.arange(6.0).view(2, 3))
