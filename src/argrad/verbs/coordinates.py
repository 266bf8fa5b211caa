"""Soft-argmax: the expected coordinate of a peak, in one, two or three dimensions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from argrad._carrier import exact
from argrad._checks import require, require_choosable, require_count, require_mask, require_positive, require_scores
from argrad._precision import divide, full_precision
from argrad.verbs._door import rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Bool, Float

_MOST_DIMS = 3


def soft_argmax(
    scores: Float[Tensor, "..."],
    dim: int | Sequence[int] = -1,
    *,
    temperature: float | Tensor = 1.0,
    base: float | Sequence[float] = 0.0,
    step: float | Sequence[float] = 1.0,
    coordinates: Sequence[Float[Tensor, " size"]] | None = None,
    normalised: bool = False,
    window: int | None = None,
    hard: bool = False,
    mask: Bool[Tensor, "..."] | None = None,
) -> Float[Tensor, "..."]:
    """Give the expected coordinate under softmax(scores/temperature): a differentiable, sub-pixel argmax.

    Formula: Σ_i c_i p_i, p = softmax(s/τ) over all of `dim` at once, with c_i = base + step·i.

    Args:
        scores: a heat map, any shape.
        dim: one dimension, or two or three.
        temperature: τ > 0, in the scores' units; a parameter gets a gradient.
        base: coordinate of index 0; one number, or one for each dim.
        step: distance between neighbours; one number, or one for each dim.
        coordinates: explicit coordinates, one tensor for each dim; replaces base and step.
        normalised: coordinates from −1 to 1 at the centres of the outermost cells (as torch's grid_sample with
            align_corners=True), 0 for a single cell; replaces base and step.
        window: if given, only cells at most this many indices from the hard argmax (in every dim) count. A flat
            background else pulls the result to the middle of the map.
        hard: give the coordinate of the hard argmax exactly, with the soft gradient.
        mask: True where a cell may count.

    Returns:
        One dim: the scores' shape without it. Several: the coordinates in the order of `dim`, in a new last dimension.

    Raises:
        TypeError, IndexError: scores not floating point, dims that do not exist or repeat.
        ValueError: more than three dims; base, step or coordinates of the wrong length; temperature or window not
            positive; two ways to say the coordinates; a map with NaN or nothing to choose.

    Wrong when: the index is a name and not a place. Classes have no order: the mean of "cat" (0) and "ship" (8) is no
    "horse" (4); compare distributions with one-hot targets instead, or choose by `argrad.argmax`. With two peaks the
    result lies between them, where nothing is.

    Source: Chapelle & Wu 2010; Luvizon, Tabia & Picard 2019 (2-D); Nibali, He, Morgan & Prendergast 2018 (normalised,
    but with −1 and 1 at the outer edges of n cells: base=1/n − 1, step=2/n).

    >>> import torch, argrad
    >>> argrad.soft_argmax(torch.tensor([0.0, 9.0, 9.0, 0.0]))
    tensor(1.5000)
    """
    dims = _require_dims(scores, dim)
    require_positive(temperature, "temperature", "soft_argmax")
    if window is not None:
        require_count(window, "window", "soft_argmax")
    require_mask(mask, scores, "soft_argmax")
    axes = _axes(scores, dims, base, step, coordinates, normalised)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    heat = full_precision(scores).movedim(dims, tuple(range(-len(dims), 0)))
    flat = heat.flatten(-len(dims))
    best = flat.detach().argmax(-1, keepdim=True)
    require_choosable(flat.detach().gather(-1, best).squeeze(-1), "soft_argmax")
    points = torch.cartesian_prod(*axes).view(flat.shape[-1], len(axes))  # (cells, dims)
    if window is not None:
        flat = flat.masked_fill(_far(best, heat.shape[-len(dims) :], window), -torch.inf)
    p = torch.softmax(divide(flat, temperature), -1)
    # sums, and no product of matrices: autocast would take that in half precision, which coordinates do not survive
    where = torch.stack([(p * axis).sum(-1) for axis in points.unbind(-1)], -1)
    if hard:
        where = exact(rows(points, best.squeeze(-1)), where)
    where = where.to(scores.dtype)
    return where.squeeze(-1) if isinstance(dim, int) else where


def _require_dims(scores: Tensor, dim: int | Sequence[int]) -> tuple[int, ...]:
    dims = tuple(dim) if isinstance(dim, Iterable) else (dim,)
    require(
        1 <= len(dims) <= _MOST_DIMS,
        "dim",
        "soft_argmax",
        "one dimension, or two or three different ones",
        dim,
    )
    for d in dims:
        require_scores(scores, "soft_argmax", d)
    positive = tuple(d % scores.ndim for d in dims)
    require(
        len(set(positive)) == len(dims),
        "dim",
        "soft_argmax",
        "of different dimensions",
        dim,
        error=IndexError,
    )
    return positive


def _axes(
    scores: Tensor,
    dims: tuple[int, ...],
    base: float | Sequence[float],
    step: float | Sequence[float],
    coordinates: Sequence[Tensor] | None,
    normalised: bool,
) -> list[Tensor]:
    """Give the coordinates along each dim."""
    dtype = torch.promote_types(scores.dtype, torch.float32)
    sizes = [scores.shape[d] for d in dims]
    bases, steps = _per_dim(base, "base", len(sizes)), _per_dim(step, "step", len(sizes))
    plain = base == 0 and step == 1
    if coordinates is not None:
        require(
            plain and not normalised,
            "coordinates",
            "soft_argmax",
            "the only way coordinates are given",
            "another too",
        )
        shapes = [tuple(c.shape) if isinstance(c, Tensor) else type(c).__name__ for c in coordinates]
        fits = shapes == [(n,) for n in sizes]
        require(fits, "coordinates", "soft_argmax", f"of lengths {sizes}, one tensor for each dim", shapes)
        return [c.to(scores.device, dtype) for c in coordinates]
    if normalised:
        require(plain, "normalised", "soft_argmax", "False where base or step is given", normalised)
        return [torch.linspace(-(n > 1), n > 1, n, dtype=dtype, device=scores.device) for n in sizes]  # one cell: 0
    index = [torch.arange(n, dtype=dtype, device=scores.device) for n in sizes]
    return [b + s * i for b, s, i in zip(bases, steps, index, strict=True)]


def _per_dim(value: float | Sequence[float], parameter: str, dims: int) -> list[float]:
    values = [value] * dims if isinstance(value, (int, float)) else value
    numbers = isinstance(values, (list, tuple)) and all(isinstance(v, (int, float)) for v in values)
    require(numbers, parameter, "soft_argmax", f"a number, or a list of {dims}", value, error=TypeError)
    require(len(values) == dims, parameter, "soft_argmax", f"a number, or a list of {dims}", value)
    return list(values)


def _far(best: Tensor, sizes: Sequence[int], window: int) -> Tensor:
    """Mark the cells further than the window from the best one, in any dim."""
    index = torch.cartesian_prod(*(torch.arange(n, device=best.device) for n in sizes)).view(-1, len(sizes))
    return ((index - rows(index, best)).abs() > window).any(-1)
