"""Ways to the simplex: sparsemax and entmax, which relax an argmax with exact zeros.

Each is written by one law: find the support (who is not zero) without autograd, then write the value on that support
as ordinary differentiable code. First and second derivatives, `vmap` and `compile` follow by themselves.
"""

from __future__ import annotations

import torch
from torch import Tensor

from argrad._checks import in_transform, require, require_choosable, require_scores
from argrad._ops import whole
from argrad._precision import full_precision

_BISECTIONS = 64
_NEWTONS = 2  # each doubles the order to which the implicit derivative is right: two give the second one


def sparsemax(scores: Tensor, dim: int = -1) -> Tensor:
    """Project scores onto the simplex: a softmax with exact zeros.

    Formula:
        sparsemax(s) = argmin_{p ∈ Δ} ‖p − s‖² = [s − τ]₊ with τ such that Σ p = 1.
        Its Jacobian is diag(m) − m mᵀ/|S| with m the indicator of the support S.

    Args:
        scores: any shape, floating point; −inf is a mask.
        dim: the dimension of the options.

    Returns:
        Points of the simplex along `dim`, in the scores' shape and dtype.

    Raises:
        TypeError: scores that are not floating point.
        IndexError: no such dim.
        ValueError: a row that has NaN, +inf, or no option left.

    Wrong when: the gradient must reach every option. Options outside the support get exactly 0, and a row that
    is already a vertex gets no gradient at all.

    Source: Martins & Astudillo 2016, "From softmax to sparsemax".

    >>> import torch, argrad
    >>> argrad.sparsemax(torch.tensor([1.0, 0.8, -1.0]))
    tensor([0.6000, 0.4000, 0.0000])
    """
    z = _shifted(scores, dim, "sparsemax")
    support = z > _sparsemax_threshold(z.detach())
    size = support.sum(-1, keepdim=True)
    threshold = (z.masked_fill(~support, 0).sum(-1, keepdim=True) - 1) / size
    return _back((z - threshold).masked_fill(~support, 0), scores, dim)


def entmax15(scores: Tensor, dim: int = -1) -> Tensor:
    """Map scores to the simplex by 1.5-entmax, half-way between softmax and sparsemax, in closed form.

    Formula:
        p = argmax_{p ∈ Δ} ⟨p, s⟩ + H_{1.5}(p) = [s/2 − τ]₊² with τ such that Σ p = 1; on the support
        τ = mean − sqrt((1 − Σ(s/2 − mean)²)/|S|).

    Args:
        scores: any shape, floating point; −inf is a mask.
        dim: the dimension of the options.

    Returns:
        Points of the simplex along `dim`, in the scores' shape and dtype.

    Raises:
        TypeError: scores that are not floating point.
        IndexError: no such dim.
        ValueError: a row that has NaN, +inf, or no option left.

    Wrong when: as for sparsemax, options outside the support get exactly 0 gradient.

    Source: Peters, Niculae & Martins 2019, "Sparse sequence-to-sequence models".

    >>> import torch, argrad
    >>> argrad.entmax15(torch.tensor([1.0, 0.8, -1.0]))
    tensor([0.5705, 0.4295, 0.0000])
    """
    z = _shifted(scores, dim, "entmax15") / 2
    support = z > _entmax15_threshold(z.detach())
    size = support.sum(-1, keepdim=True)
    inside = z.masked_fill(~support, 0)
    mean = inside.sum(-1, keepdim=True) / size
    spread = (inside - mean).masked_fill(~support, 0).square().sum(-1, keepdim=True)
    threshold = mean - ((1 - spread) / size).sqrt()
    return _back((inside - threshold).masked_fill(~support, 0).square(), scores, dim)


def entmax(scores: Tensor, alpha: float | Tensor = 1.5, dim: int = -1) -> Tensor:
    """Map scores to the simplex by α-entmax, with α fixed or learned: 1 is softmax, 2 is sparsemax.

    Formula:
        p = argmax_{p ∈ Δ} ⟨p, s⟩ + H_α(p) = [(α − 1)s − τ]₊^{1/(α − 1)} with τ such that Σ p = 1.
        The threshold is found by bisection; two Newton steps on it carry the implicit derivative, in s and in α.

    Args:
        scores: any shape, floating point; −inf is a mask.
        alpha: a number ≥ 1, or a tensor of numbers > 1 that broadcasts to the scores with `dim` of size 1
            (a scalar parameter, one for each head, …); it gets a gradient if it asks for one.
        dim: the dimension of the options.

    Returns:
        Points of the simplex along `dim`, in the scores' shape and dtype.

    Raises:
        TypeError: scores that are not floating point; alpha no number.
        IndexError: no such dim.
        ValueError: alpha below 1; a row that has NaN, +inf, or no option left.

    Wrong when: α is within about 1e-2 of 1 in float32, where [·]₊^{1/(α−1)} loses digits: use α = 1. For α > 2 the
    derivative is unbounded where an option enters the support.

    Source: Peters, Niculae & Martins 2019; Correia, Niculae & Martins 2019, "Adaptively sparse transformers" (the
    gradient in α).

    >>> import torch, argrad
    >>> argrad.entmax(torch.tensor([1.0, 0.8, -1.0]), alpha=2)
    tensor([0.6000, 0.4000, 0.0000])
    """
    if not isinstance(alpha, Tensor):
        require(hasattr(alpha, "__float__"), "alpha", "entmax", "a number or a tensor", alpha, error=TypeError)
        require(alpha >= 1, "alpha", "entmax", "at least 1", alpha)
        closed = {1: torch.softmax, 1.5: entmax15, 2: sparsemax}
        if alpha in closed:
            return closed[alpha](scores, dim)
    z = _shifted(scores, dim, "entmax")
    alpha = torch.as_tensor(alpha, dtype=z.dtype, device=z.device)
    if alpha.ndim:
        alpha = alpha.expand_as(scores.narrow(dim, 0, 1)).movedim(dim, -1)
    with torch.no_grad():
        scaled = z * (alpha - 1)
        threshold = _bisect(scaled, alpha)
        support = scaled > threshold
    z = z.masked_fill(~support, 0) * (alpha - 1)
    for _ in range(_NEWTONS):
        base = (z - threshold).masked_fill(~support, 1).clamp_min(torch.finfo(z.dtype).tiny)
        power = base.pow(1 / (alpha - 1)).masked_fill(~support, 0)
        slope = (power / base).sum(-1, keepdim=True) / (alpha - 1)
        threshold = threshold + (power.sum(-1, keepdim=True) - 1) / slope
    base = (z - threshold).masked_fill(~support, 1).clamp_min(torch.finfo(z.dtype).tiny)
    return _back(base.pow(1 / (alpha - 1)).masked_fill(~support, 0), scores, dim)


def _bisect(z: Tensor, alpha: Tensor) -> Tensor:
    """Find τ with Σ [z − τ]₊^{1/(α−1)} = 1; the largest z is 0, so τ lies in [−1, 0)."""
    low = torch.full_like(z[..., :1], -1.0)
    width = torch.ones_like(low)
    for _ in range(_BISECTIONS):
        width = width / 2
        middle = low + width
        total = (z - middle).clamp_min(0).pow(1 / (alpha - 1)).sum(-1, keepdim=True)
        low = torch.where(total >= 1, middle, low)
    return low


def _shifted(scores: Tensor, dim: int, of: str) -> Tensor:
    """Move the options last, in full precision, with the best at 0: no relaxation sees a common shift."""
    require_scores(scores, of, dim)
    z = full_precision(scores).movedim(dim, -1)
    best = z.detach().amax(-1, keepdim=True)
    require_choosable(best.squeeze(-1), of)
    return z - best


def _possible(z: Tensor, depth: float) -> Tensor:
    """Sort, in descending order, the options within `depth` of the best: no other can be in the support."""
    most = z.shape[-1]
    if not in_transform() and z.numel() and z.device.type != "meta":
        most = int((z > -depth).sum(-1).amax())
    return z.topk(most, -1).values


def _find_sparsemax_threshold(z: Tensor) -> Tensor:
    top = _possible(z, depth=1.0)
    size = torch.arange(1, top.shape[-1] + 1, device=z.device, dtype=z.dtype)
    partial = top.cumsum(-1)
    count = (1 + size * top > partial).sum(-1, keepdim=True)
    return (partial.gather(-1, count - 1) - 1) / count


def _find_entmax15_threshold(z: Tensor) -> Tensor:
    top = _possible(z, depth=1.0)
    size = torch.arange(1, top.shape[-1] + 1, device=z.device, dtype=z.dtype)
    mean = top.cumsum(-1) / size
    spread = (top.square().cumsum(-1) - size * mean.square()).clamp_min(0)
    bound = mean - ((1 - spread).clamp_min(0) / size).sqrt()
    count = (bound <= top).sum(-1, keepdim=True)
    return bound.gather(-1, count - 1)


def _one_a_row(z: Tensor) -> Tensor:
    return z.new_empty((*z.shape[:-1], 1))


_sparsemax_threshold = whole("sparsemax_threshold", _find_sparsemax_threshold, fake=_one_a_row)
_entmax15_threshold = whole("entmax15_threshold", _find_entmax15_threshold, fake=_one_a_row)


def _back(p: Tensor, scores: Tensor, dim: int) -> Tensor:
    return p.to(scores.dtype).movedim(-1, dim)
