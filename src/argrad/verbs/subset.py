"""The best k, or k drawn, out of n."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from argrad._checks import require_count
from argrad.choices import k_subset
from argrad.estimators import StraightThrough
from argrad.verbs._door import prepare
from argrad.verbs._either import choose

if TYPE_CHECKING:
    import torch
    from jaxtyping import Bool, Float
    from torch import Tensor

    from argrad.core import Estimator

_STRAIGHT = StraightThrough()


class TopK(NamedTuple):
    """What `topk` gives.

    Attributes:
        values: the chosen scores, as torch.topk's, with its gradient.
        indices: where they are, as torch.topk's; integers, no gradient.
        khot: 1 where an option is chosen, 0 elsewhere, shaped like the scores; it has the estimator's gradient.
    """

    values: Tensor
    indices: Tensor
    khot: Tensor


def topk(
    scores: Float[Tensor, "*shape"],
    k: int,
    dim: int = -1,
    largest: bool = True,
    sorted: bool = True,  # noqa: A002 (torch's name)
    *,
    grad: Estimator = _STRAIGHT,
    mask: Bool[Tensor, "..."] | None = None,
    sample: bool = False,
    generator: torch.Generator | None = None,
) -> TopK:
    """Choose the k best options, exactly, with a gradient to all the scores.

    Formula: khot = argmax_{y ∈ {0,1}ⁿ, Σy = k} ⟨y, s⟩; ∂L/∂s through khot as `grad` says, through values as torch says.

    Args:
        scores: any shape, floating point; −inf (for largest=False, +inf) is a mask. Of equal scores torch.topk decides.
        k: how many.
        dim: the dimension of the options.
        largest: the highest scores; False: the lowest.
        sorted: values and indices in the order of the scores.
        grad: the estimator; with a gradient for the deterministic choice, or for a draw if sample=True.
        mask: True where an option may be chosen; broadcasts to the scores.
        sample: draw a k-subset from p(y) ∝ exp⟨y, s⟩ instead, or by the estimator's noise: with Gumbel noise it is
            Gumbel top-k, which is another law (`plackett_luce_subset`).
        generator: for the draw.

    Returns:
        (values, indices, khot). Use khot as a mask or weight, `(khot.unsqueeze(-1) * features)`; or gather by
        `indices` and multiply by `khot.gather(dim, indices)`, which is exactly 1 and carries the gradient.

    Raises:
        TypeError: scores not floating point; k not an int; an estimator that does not fit.
        IndexError: no such dim.
        ValueError: k out of [1, n]; a row with NaN, +inf or fewer than k options.

    Wrong when: the loss depends on `values` or `indices` alone: the scores that were not chosen then get no gradient.

    Source: Xie & Ermon 2019 and Ahmed et al. 2023 (top-k with a gradient); the default is straight-through with the
    exact marginals.

    >>> import torch, argrad
    >>> scores = torch.tensor([0.5, 2.0, 1.0], requires_grad=True)
    >>> best = argrad.topk(scores, 2)
    >>> best.indices, best.khot.detach()
    (tensor([1, 2]), tensor([0., 1., 1.]))
    >>> best.khot[0].backward(); scores.grad
    tensor([ 0.2478, -0.0667, -0.1812])
    """
    moved = prepare(scores if largest else -scores, dim, mask, "topk")
    n = moved.shape[-1]
    context = f"with scores of shape {tuple(scores.shape)} and dim={dim}"
    require_count(k, "k", "topk", 1, n, context=context)
    khot = choose(k_subset(k), moved, grad, "topk", sample, generator)
    indices = _indices(moved.detach(), khot.detach() if sample else None, k, sorted)
    values = (scores.movedim(dim, -1)).gather(-1, indices)
    return TopK(*(part.movedim(-1, dim) for part in (values, indices, khot)))


def _indices(scores: Tensor, drawn: Tensor | None, k: int, ordered: bool) -> Tensor:
    """Indices of the best, or of what was drawn (of a soft draw, its k largest entries)."""
    if drawn is None:
        return scores.topk(k, -1, sorted=ordered).indices
    indices = drawn.topk(k, -1).indices
    return indices.gather(-1, scores.gather(-1, indices).argsort(-1, descending=True)) if ordered else indices
