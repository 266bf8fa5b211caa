"""One out of n: the best, or a draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argrad._checks import in_the_name_of, require_generator, require_scores
from argrad.choices import one_hot
from argrad.choices.one_hot import best_index, one_hot_index
from argrad.core import VertexEstimator
from argrad.estimators import StraightThrough
from argrad.verbs._door import move, prepare, require_choice, require_fit

if TYPE_CHECKING:
    import torch
    from jaxtyping import Bool, Float
    from torch import Tensor

    from argrad.core import Choice, Estimator

_STRAIGHT = StraightThrough()
_ANY = {"pick": "argrad.pick", "draw": "argrad.draw", "expect": "argrad.expect"}


def argmax(
    scores: Float[Tensor, "*shape"],
    dim: int = -1,
    *,
    grad: Estimator = _STRAIGHT,
    mask: Bool[Tensor, "..."] | None = None,
) -> Float[Tensor, "*shape"]:
    """Choose the best option as a one-hot vector, exactly, with a gradient to the scores.

    Formula: y = argmax_{y ∈ one-hots} ⟨y, s⟩; ∂L/∂s as `grad` says.

    Args:
        scores: any shape, floating point; −inf is a mask. Ties go to the lowest index (on the CPU).
        dim: the dimension of the options.
        grad: the estimator; it must have a gradient for the deterministic choice.
        mask: True where an option may be chosen; broadcasts to the scores.

    Returns:
        One-hot vectors along `dim`, shaped and typed like the scores. For the index take torch's
        `scores.argmax(dim)`: an integer has no gradient.

    Raises:
        TypeError: scores not floating point, mask not bool, or an estimator that only makes sense for a draw.
        IndexError: no such dim.
        ValueError: a mask that does not fit; a row with NaN, +inf or no option left.

    Wrong when: the estimator is; each says where.

    Source: see the estimator; the default is straight-through with a softmax (Bengio, Léonard & Courville 2013).

    >>> import torch, argrad
    >>> scores = torch.tensor([[0.2, 1.5, 0.3]], requires_grad=True)
    >>> y = argrad.argmax(scores); y.detach()
    tensor([[0., 1., 0.]])
    >>> y[0, 1].backward(); scores.grad
    tensor([[-0.1100,  0.2317, -0.1216]])
    """
    moved = prepare(scores, dim, mask, "argmax")
    estimator = require_fit(grad, one_hot, "pick", "argmax")
    choice = one_hot_index if isinstance(estimator, VertexEstimator) else one_hot
    return move(in_the_name_of("argmax", estimator.pick, choice, moved), -1, dim)


def argmin(
    scores: Float[Tensor, "*shape"],
    dim: int = -1,
    *,
    grad: Estimator = _STRAIGHT,
    mask: Bool[Tensor, "..."] | None = None,
) -> Float[Tensor, "*shape"]:
    """Choose the least option as a one-hot vector, exactly, with a gradient: `argmax` of the negated scores.

    Formula: y = argmin_{y ∈ one-hots} ⟨y, s⟩.  A masked option is +inf or has mask False.

    Args, Raises, Source: as `argmax`.

    Wrong when: the values at the choice carry the gradient already, as the distances of k-means do: then no
    estimator is needed (see `argrad.cluster`).

    >>> import torch, argrad
    >>> argrad.argmin(torch.tensor([0.2, 1.5, 0.1]))
    tensor([0., 0., 1.])
    """
    require_scores(scores, "argmin", dim)
    moved = prepare(-scores, dim, mask, "argmin")
    estimator = require_fit(grad, one_hot, "pick", "argmin")
    choice = one_hot_index if isinstance(estimator, VertexEstimator) else one_hot
    return move(in_the_name_of("argmin", estimator.pick, choice, moved), -1, dim)


def sample(
    scores: Float[Tensor, "*shape"],
    dim: int = -1,
    *,
    grad: Estimator = _STRAIGHT,
    mask: Bool[Tensor, "..."] | None = None,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "*shape"]:
    """Draw an option from softmax(scores) as a one-hot vector, exactly, with a gradient to the scores.

    Formula: y ~ p, p(e_i) = exp(s_i)/Σ_j exp(s_j); ∂L/∂s as `grad` says.

    Args:
        scores: logits of any shape; −inf is a mask.
        dim: the dimension of the options.
        grad: the estimator; it must have a gradient for a draw.
        mask: True where an option may be chosen; broadcasts to the scores.
        generator: on the scores' device; None is torch's default. Not possible under `torch.compile(fullgraph=True)`.

    Returns:
        One-hot vectors along `dim`, shaped and typed like the scores (soft or mean points for `Relaxed`, `Perturbed`).

    Raises:
        As `argmax`; TypeError for an estimator that only makes sense for the deterministic choice.

    Wrong when: the estimator is; each says where.

    Source: see the estimator.

    >>> import torch, argrad
    >>> generator = torch.Generator().manual_seed(0)
    >>> argrad.sample(torch.tensor([0.0, 5.0, 0.0]), generator=generator)
    tensor([0., 1., 0.])
    """
    moved = prepare(scores, dim, mask, "sample")
    require_generator(generator, moved, "sample")
    estimator = require_fit(grad, one_hot, "draw", "sample")
    choice = one_hot_index if isinstance(estimator, VertexEstimator) else one_hot
    return move(in_the_name_of("sample", estimator.draw, choice, moved, generator), -1, dim)


def pick(choice: Choice, scores: Float[Tensor, "..."], *, grad: Estimator = _STRAIGHT) -> Float[Tensor, "..."]:
    """Make any deterministic choice, exactly, with a gradient to the scores: `argmax` for a `Choice` of your own.

    Formula: y = argmax_{y ∈ Y} ⟨y, s⟩; ∂L/∂s as `grad` says.

    Args:
        choice: what is chosen: a subset, an order, a path, anybody's solver.
        scores: (*batch, *event), as the choice expects them; −inf is a mask.
        grad: the estimator; it must have a gradient for the deterministic choice.

    Returns:
        The vertex, shaped and typed like the scores.

    Raises:
        TypeError: scores not floating point; an estimator that only draws, or needs what the choice lacks.

    Wrong when: the estimator is; each says where.

    Source: see the choice and the estimator.

    >>> import torch, argrad
    >>> argrad.pick(argrad.cube(-1, 1), torch.tensor([0.3, -2.0]))
    tensor([ 1., -1.])
    """
    require_scores(scores, "pick", None)
    require_choice(choice, "pick")
    estimator = require_fit(grad, choice, "pick", "pick", _ANY)
    return in_the_name_of("pick", estimator.pick, choice, scores)


def draw(
    choice: Choice,
    scores: Float[Tensor, "..."],
    *,
    grad: Estimator = _STRAIGHT,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "..."]:
    """Draw from any choice's law, exactly, with a gradient to the scores: `sample` for a `Choice` of your own.

    Formula: y ~ p(y; s), for linear choices p ∝ exp⟨y, s⟩; ∂L/∂s as `grad` says.

    Args:
        choice: what is chosen.
        scores: (*batch, *event), as the choice expects them; −inf is a mask.
        grad: the estimator; it must have a gradient for a draw.
        generator: on the scores' device; None is torch's default.

    Returns:
        The vertex, shaped and typed like the scores (a soft or mean point for `Relaxed`, `Perturbed`).

    Raises:
        TypeError: scores not floating point; an estimator that does not draw, or needs what the choice lacks.

    Wrong when: the estimator is; each says where.

    Source: see the choice and the estimator.

    >>> import torch, argrad
    >>> argrad.draw(argrad.cube(0, 1), torch.tensor([50.0, -50.0]), grad=argrad.ReinMax())
    tensor([1., 0.])
    """
    require_scores(scores, "draw", None)
    require_generator(generator, scores, "draw")
    require_choice(choice, "draw")
    estimator = require_fit(grad, choice, "draw", "draw", _ANY)
    return in_the_name_of("draw", estimator.draw, choice, scores, generator)


def max_value(
    scores: Float[Tensor, "..."],
    dim: int = -1,
    *,
    keepdim: bool = False,
    mask: Bool[Tensor, "..."] | None = None,
) -> Float[Tensor, "..."]:
    """Give the value of the maximum, which needs no estimator: its gradient is the one-hot of the argmax, exactly.

    Formula: max_i s_i;  ∂/∂s = e_{argmax}, at a tie of the lowest index alone (torch.amax shares it among the tied).

    Args:
        scores: any shape, floating point.
        dim: the dimension of the options.
        keepdim: keep it, with size 1.
        mask: True where an option counts.

    Raises:
        As `argmax`.

    Wrong when: never; it is a true (sub)gradient. What it cannot do is move an option that is not the best.

    Source: Danskin 1966 (the derivative of a maximum).

    >>> import torch, argrad
    >>> argrad.max_value(torch.tensor([0.2, 1.5, 0.3]))
    tensor(1.5000)
    """
    moved = prepare(scores, dim, mask, "max_value")
    value = moved.gather(-1, in_the_name_of("max_value", best_index, moved.detach()).unsqueeze(-1))
    return value.movedim(-1, dim) if keepdim else value.squeeze(-1)
