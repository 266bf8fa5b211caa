"""Each number by itself: threshold, sign, round."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argrad._checks import require_generator, require_scores, require_threshold
from argrad.choices import cube, grid
from argrad.estimators import StraightThrough
from argrad.verbs._door import require_fit

if TYPE_CHECKING:
    import torch
    from jaxtyping import Float
    from torch import Tensor

    from argrad.core import Estimator

_STRAIGHT = StraightThrough()
_BINARY, _SIGNS, _INTEGERS = cube(0, 1), cube(-1, 1), grid()
# by which verb each method of an estimator is reached
_OF_BINARY = {"pick": "argrad.threshold", "draw": "argrad.bernoulli", "expect": "argrad.expect(choice=cube(0, 1))"}
_OF_SIGNS = {
    "pick": "argrad.sign",
    "draw": "argrad.draw(cube(-1, 1), …)",
    "expect": "argrad.expect(choice=cube(-1, 1))",
}
_OF_LEVELS = {"pick": "argrad.round", "draw": "argrad.draw(grid(), …)", "expect": "argrad.expect(choice=grid())"}


def threshold(
    scores: Float[Tensor, "*shape"],
    at: float | Tensor = 0.0,
    *,
    grad: Estimator = _STRAIGHT,
) -> Float[Tensor, "*shape"]:
    """Give 1 where the score is above the threshold and 0 elsewhere, exactly, with a gradient to both.

    Formula: y = 1[s > t]; ∂L/∂s as `grad` says, ∂L/∂t the opposite; with straight-through, σ′((s − t)/τ)/τ.

    Args:
        scores: any shape.
        at: the threshold t; a tensor broadcasts and gets a gradient if it asks for one.
        grad: the estimator.

    Raises:
        TypeError: scores not floating point; a threshold that is no number; an estimator that needs a draw.
        ValueError: a threshold that does not broadcast.

    Wrong when: the scores are far from the threshold on the scale of the temperature: the gradient vanishes.

    Source: Bengio, Léonard & Courville 2013.

    >>> import torch, argrad
    >>> argrad.threshold(torch.tensor([0.2, 0.7]), 0.5)
    tensor([0., 1.])
    """
    require_scores(scores, "threshold", None)
    require_threshold(at, scores, "threshold")
    return require_fit(grad, _BINARY, "pick", "threshold", _OF_BINARY).pick(_BINARY, scores - at)


def sign(scores: Float[Tensor, "*shape"], *, grad: Estimator = _STRAIGHT) -> Float[Tensor, "*shape"]:
    """Give 1 where the score is above 0 and −1 elsewhere, exactly, with a gradient.

    Formula: y = argmax_{y ∈ {−1, 1}} y·s; with straight-through the gradient is that of tanh(s/τ).

    Args:
        scores: any shape.
        grad: the estimator; `Identity()` gives the plain estimator of binarised networks,
            `StraightThrough(relaxation=lambda x: x.clamp(-1, 1))` the clipped one.

    Raises:
        TypeError: scores not floating point; an estimator that needs a draw.

    Wrong when: exactly 0 is to stay 0, as in torch.sign: there are two vertices, and 0 goes to −1.

    Source: Courbariaux, Hubara, Soudry, El-Yaniv & Bengio 2016, "Binarized neural networks", equations 1
    (with 0 to 1) and 4 (the clipped one).

    >>> import torch, argrad
    >>> argrad.sign(torch.tensor([-0.2, 3.0]))
    tensor([-1.,  1.])
    """
    require_scores(scores, "sign", None)
    return require_fit(grad, _SIGNS, "pick", "sign", _OF_SIGNS).pick(_SIGNS, scores)


def bernoulli(
    scores: Float[Tensor, "*shape"], *, grad: Estimator = _STRAIGHT, generator: torch.Generator | None = None
) -> Float[Tensor, "*shape"]:
    """Draw 0 or 1 for every score, exactly, with a gradient.

    Formula: y ~ Bernoulli(σ(s)); ∂L/∂s as `grad` says.

    Args:
        scores: logits, any shape (torch.bernoulli takes probabilities).
        grad: the estimator; it must have a gradient for a draw.
        generator: on the scores' device; None is torch's default.

    Raises:
        TypeError: scores not floating point; an estimator that does not draw; generator no `torch.Generator`.
        ValueError: a generator of another device.

    Wrong when: the estimator is; each says where.

    Source: Bengio, Léonard & Courville 2013 (stochastic neurons).

    >>> import torch, argrad
    >>> argrad.bernoulli(torch.tensor([50.0, -50.0]))
    tensor([1., 0.])
    """
    require_scores(scores, "bernoulli", None)
    require_generator(generator, scores, "bernoulli")
    return require_fit(grad, _BINARY, "draw", "bernoulli", _OF_BINARY).draw(_BINARY, scores, generator)


def round(  # noqa: A001 (torch's name)
    scores: Float[Tensor, "*shape"],
    levels: Float[Tensor, " levels"] | None = None,
    *,
    grad: Estimator = _STRAIGHT,
) -> Float[Tensor, "*shape"]:
    """Give the nearest integer, or the nearest of some levels, exactly, with a gradient.

    Formula: y = argmin_{l} |x − l|; with straight-through the gradient passes inside the levels' range, 0 outside.

    Args:
        scores: the numbers to round, any shape.
        levels: (L,) ascending; None for the integers, half to even as torch.round.
        grad: the estimator; `Identity()` passes the gradient outside the range too.

    Raises:
        TypeError: scores not floating point; an estimator that needs a draw or a relaxation by temperature.
        ValueError: levels not ascending; a temperature other than 1.

    Wrong when: the levels are coarse: the gradient is that of the unrounded number, off by up to half a level.

    Source: Bengio, Léonard & Courville 2013; Jacob et al. 2018 (quantisation-aware training).

    >>> import torch, argrad
    >>> argrad.round(torch.tensor([0.4, 2.6]))
    tensor([0., 3.])
    """
    require_scores(scores, "round", None)
    choice = _INTEGERS if levels is None else grid(levels)
    return require_fit(grad, choice, "pick", "round", _OF_LEVELS).pick(choice, scores)
