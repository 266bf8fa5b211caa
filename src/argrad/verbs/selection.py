"""The value at the argmax, gathered: the one-hot vector is never made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from argrad._autograd import applied
from argrad._carrier import as_tensor
from argrad._checks import in_the_name_of, require, require_generator
from argrad._ops import against, sums_at
from argrad.choices.one_hot import one_hot, one_hot_index
from argrad.core import VertexEstimator
from argrad.estimators import StraightThrough
from argrad.verbs._door import prepare, require_fit, rows
from argrad.verbs._either import choose

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

    from argrad.core import Estimator

_STRAIGHT = StraightThrough()
_VERBS = {"pick": "argrad.select", "draw": "argrad.select(sample=True)", "expect": "argrad.expect"}


def select(
    values: Float[Tensor, "..."],
    scores: Float[Tensor, "..."],
    dim: int = -1,
    *,
    grad: Estimator = _STRAIGHT,
    mask: Bool[Tensor, "..."] | None = None,
    sample: bool = False,
    shared: bool = False,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "..."]:
    """Give the value at the best score, `values[argmax(scores)]`, with a gradient to the values AND to the scores.

    Formula:
        out = Σ_i y_i v_i with y = argmax(scores), computed as a gather. ∂L/∂v is ∂L/∂out at the chosen option and 0
        elsewhere; ∂L/∂y_i = ⟨∂L/∂out, v_i⟩, which `grad` turns into ∂L/∂s.

    Args:
        values: the scores' shape, or that with further dimensions behind (a vector for each option); with
            `shared=True` one table (options, *value) for all rows, such as an embedding.
        scores: (*batch, options), the options at `dim`.
        dim: the dimension of the options in the scores (and in values that are not shared).
        grad: the estimator.
        mask: True where an option may be chosen; broadcasts to the scores.
        sample: draw the option from softmax(scores) instead of taking the best.
        shared: whether `values` is one table.
        generator: for the draw.

    Returns:
        (*batch, *value).

    Raises:
        TypeError, IndexError, ValueError: as `argmax`; ValueError for values that do not fit the scores.

    Wrong when: the options' values differ wildly while the scores are sure of themselves: the gradient to the scores
    then comes from options never taken. See each estimator.

    Source: Bengio, Léonard & Courville 2013 for the default; the gather is algebra.

    >>> import torch, argrad
    >>> values = torch.tensor([[10.0, 20.0, 30.0]], requires_grad=True)
    >>> scores = torch.tensor([[0.1, 2.0, 0.3]], requires_grad=True)
    >>> argrad.select(values, scores).backward()
    >>> values.grad, scores.grad
    (tensor([[0., 1., 0.]]), tensor([[-1.1506, -0.1866,  1.3372]]))
    """
    moved = prepare(scores, dim, mask, "select")
    values = _arrange(values, moved, dim % scores.ndim, shared)
    method = "draw" if sample else "pick"
    require_generator(generator, moved, "select")
    estimator = require_fit(grad, one_hot, method, _VERBS[method].removeprefix("argrad."), _VERBS)
    if isinstance(estimator, VertexEstimator):
        pair = (
            in_the_name_of("select", estimator.draw_pair, one_hot_index, moved, generator)
            if sample
            else in_the_name_of("select", estimator.pick_pair, one_hot_index, moved)
        )
        return _gathered(values, pair[0], as_tensor(pair[1]), shared)
    y = choose(one_hot, moved, grad, "select", sample, generator)
    return _weigh(y, values, shared)


def _arrange(values: Tensor, scores: Tensor, dim: int, shared: bool) -> Tensor:
    """Move the values' options behind the batch; a shared table stays as it is."""
    n = scores.shape[-1]
    require(
        isinstance(values, Tensor) and values.is_floating_point(),
        "values",
        "select",
        "a floating-point tensor",
        values,
        error=TypeError,
    )
    if shared:
        fits, expected = values.ndim > 0 and values.shape[0] == n, f"a table whose first dimension is {n}"
        moved = values
    else:
        last = scores.ndim - 1
        fits = values.ndim > last
        moved = values.movedim(dim, last) if fits else values
        fits = fits and moved.shape[: scores.ndim] == scores.shape
        expected = "of the scores' shape, with the dimensions of a value behind (or a table with shared=True)"
    require(fits, "values", "select", expected, values, context=f"with {n} options at dim={dim}")
    return moved


def _weigh(y: Tensor, values: Tensor, shared: bool) -> Tensor:
    """Σ_i y_i v_i for points y: (*batch, n) with (*batch, n, *value), or (n, *value) if shared."""
    if shared:
        return torch.tensordot(y.to(values.dtype), values, dims=1)
    return (y.view(*y.shape, *[1] * (values.ndim - y.ndim)) * values).sum(y.ndim - 1)


def _take(values: Tensor, index: Tensor, shared: bool) -> Tensor:
    """Take values[index]."""
    if shared:
        return rows(values, index)
    return values.gather(index.ndim, _aligned(index, values)).squeeze(index.ndim)


def _aligned(index: Tensor, values: Tensor) -> Tensor:
    """Expand (*batch,) indices to (*batch, 1, *value)."""
    rest = values.shape[index.ndim + 1 :]
    return index.view(*index.shape, 1, *[1] * len(rest)).expand(*index.shape, 1, *rest)


class _Gather(torch.autograd.Function):
    """values[index] forward; backward to the values at the index, and to the carrier of the vertex."""

    generate_vmap_rule = True

    @staticmethod
    # pyrefly: ignore[bad-override]
    def forward(values: Tensor, index: Tensor, carrier: Tensor, shared: bool) -> Tensor:  # noqa: ARG004
        return _take(values, index, shared).detach()  # not a view to autograd, so that it may be changed in place

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ARG004
        values, index, carrier, ctx.shared = inputs
        ctx.carrier_dtype = carrier.dtype
        ctx.save_for_backward(values, index)
        ctx.save_for_forward(values, index)

    @staticmethod
    # pyrefly: ignore[bad-override]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, None, Tensor | None, None]:
        values, index = ctx.saved_tensors
        to_values = to_vertex = None
        if ctx.needs_input_grad[0]:
            if ctx.shared:
                to_values = sums_at(index.reshape(-1), grad.reshape(-1, *values.shape[1:]), values)
            else:
                to_values = torch.zeros_like(values).scatter(
                    index.ndim, _aligned(index, values), grad.unsqueeze(index.ndim)
                )
        if ctx.needs_input_grad[2]:
            to_vertex = _inner(grad, values, index.ndim, ctx.shared).to(ctx.carrier_dtype)
        return to_values, None, to_vertex, None

    @staticmethod
    # pyrefly: ignore[bad-override]
    def jvp(
        ctx: Any, values_tangent: Tensor | None, _index: None, carrier_tangent: Tensor | None, _shared: None
    ) -> Tensor:
        values, index = ctx.saved_tensors
        out = torch.zeros_like(_take(values, index, ctx.shared))
        if values_tangent is not None:
            out = out + _take(values_tangent, index, ctx.shared)
        if carrier_tangent is not None:
            out = out + _weigh(carrier_tangent.to(values.dtype), values, ctx.shared)
        return out


_gathered = applied(_Gather)


def _inner(grad: Tensor, values: Tensor, batch: int, shared: bool) -> Tensor:
    """⟨g, v_i⟩ for every option: (*batch, *value) with the values → (*batch, n)."""
    if shared:
        return against(grad.flatten(batch), values.flatten(1)) if values.ndim > 1 else grad.unsqueeze(-1) * values
    products = grad.unsqueeze(batch) * values
    return products.flatten(batch + 1).sum(-1) if products.ndim > batch + 1 else products
