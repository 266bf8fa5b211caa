"""Ways to the simplex: sparsemax and entmax, which relax an argmax with exact zeros.

Each is written by one law: find the threshold without autograd, then say how it moves with the scores, in ordinary
differentiable code. First and second derivatives, `vmap` and `compile` follow by themselves.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from argrad._autograd import applied
from argrad._checks import in_functorch, reads_values, require, require_choosable, require_scores
from argrad._ops import whole
from argrad._precision import full_precision

_BISECTIONS = 64  # a large α can tell thresholds close to 0 apart that are finer than the dtype at 1
_BITS = {torch.float32: 24, torch.float64: 53}
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
    return _back(_above(z, power=1), scores, dim)


def entmax15(scores: Tensor, dim: int = -1) -> Tensor:
    """Map scores to the simplex by 1.5-entmax, half-way between softmax and sparsemax.

    Formula:
        p = argmax_{p ∈ Δ} ⟨p, s⟩ + H_{1.5}(p) = [s/2 − τ]₊² with τ such that Σ p = 1; on the support
        τ = mean − sqrt((1 − Σ(s/2 − mean)²)/|S|).
        Its Jacobian is diag(r) − r rᵀ/Σr with r = √p.

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
    return _back(_above(z, power=2).square(), scores, dim)


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
        threshold = _bisect(scaled, 1 / (alpha - 1), _BISECTIONS)
        support = scaled > threshold
    z = z.masked_fill(~support, 0) * (alpha - 1)
    for _ in range(_NEWTONS):
        base = (z - threshold).masked_fill(~support, 1).clamp_min(torch.finfo(z.dtype).tiny)
        power = base.pow(1 / (alpha - 1)).masked_fill(~support, 0)
        slope = (power / base).sum(-1, keepdim=True) / (alpha - 1)
        threshold = threshold + (power.sum(-1, keepdim=True) - 1) / slope
    base = (z - threshold).masked_fill(~support, 1).clamp_min(torch.finfo(z.dtype).tiny)
    return _back(base.pow(1 / (alpha - 1)).masked_fill(~support, 0), scores, dim)


def _bisect(z: Tensor, power: float | Tensor, steps: int) -> Tensor:
    """Find τ, from below, with Σ [z − τ]₊^power = 1; the largest z is 0, so τ lies in [−1, 0)."""
    low = torch.full_like(z[..., :1], -1.0)
    width = torch.ones_like(low)
    for _ in range(steps):
        width = width / 2
        middle = low + width
        total = (z - middle).clamp_min(0).pow(power).sum(-1, keepdim=True)
        low = torch.where(total >= 1, middle, low)
    return low


def _shifted(scores: Tensor, dim: int, of: str) -> Tensor:
    """Move the options last, in full precision, with the best at 0: no relaxation sees a common shift."""
    require_scores(scores, of, dim)
    z = full_precision(scores).movedim(dim, -1)
    best = z.detach().amax(-1, keepdim=True)
    require_choosable(best.squeeze(-1), of)
    return z - best


def _above(z: Tensor, power: int) -> Tensor:
    """Give [z − τ]₊ with τ such that Σ [z − τ]₊^power = 1, for a power of 1 or 2, and its derivatives."""
    threshold = _threshold[power](z.detach())
    if in_functorch():  # torch loses a function's own tangent within another, and compiles no vmap of it
        return _on_support((z - threshold).relu(), power)
    return _tied(z, threshold, power)


def _on_support(above: Tensor, power: int) -> Tensor:
    """Let the threshold move with the options above it: in value by a rounding error, but with all its derivatives."""
    count = above.detach().sign().sum(-1, keepdim=True)
    mean = above.sum(-1, keepdim=True) / count
    if power == 1:
        move = mean - 1 / count
    else:
        move = mean - (mean.square() - above.square().sum(-1, keepdim=True) / count + 1 / count).sqrt()
    return (above - move).relu().where(above > 0, 0)


def _weight(above: Tensor, power: int) -> Tensor:
    """Give how much each option moves the threshold, up to a factor: [z − τ]₊^(power − 1)."""
    return above.sign() if power == 1 else above


def _where_above(x: Tensor, above: Tensor) -> Tensor:
    """Keep x where `above` is positive, else 0: the derivative of relu, which needs no mask in memory."""
    return torch.ops.aten.threshold_backward(x, above, 0)


class _Above(torch.autograd.Function):
    """[z − τ]₊ where τ moves with z, dτ = Σ w dz / Σ w."""

    @staticmethod
    # pyrefly: ignore[bad-override]
    def forward(z: Tensor, threshold: Tensor, power: int) -> Tensor:  # noqa: ARG004
        return (z - threshold).relu()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.power = inputs[-1]
        ctx.save_for_backward(output)
        ctx.save_for_forward(output)

    @staticmethod
    # pyrefly: ignore[bad-override]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (above,) = ctx.saved_tensors
        inside, weight = _where_above(grad, above), _weight(above, ctx.power)
        return inside - weight * (inside.sum(-1, keepdim=True) / weight.sum(-1, keepdim=True)), None, None

    @staticmethod
    # pyrefly: ignore[bad-override]
    def jvp(ctx: Any, tangent: Tensor, *_: Any) -> Tensor:
        (above,) = ctx.saved_tensors
        weight = _weight(above, ctx.power)
        move = (weight * tangent).sum(-1, keepdim=True) / weight.sum(-1, keepdim=True)
        return _where_above(tangent - move, above)


_tied = applied(_Above)


def _find_threshold(z: Tensor, power: int) -> Tensor:
    """Find τ with Σ [z − τ]₊^power = 1; the largest z is 0, so τ lies in [−1, 0).

    By Newton's method from below: the sum is convex in τ, so no step goes beyond. Each divides the product of excess f
    and slope s by four or more (f′/f + s′/s ≤ 1, as a convex function lies above its tangent), which bounds their
    number. Where no value can be read to tell the end, by bisection and one such step.
    """
    if not reads_values(z):
        return _newton(z, _bisect(z, power, _BITS[z.dtype]), power)
    low, last = _newton(z, torch.full_like(z[..., :1], -1.0), power), -1.0
    slack = 8 * torch.finfo(z.dtype).eps
    for _ in range(z.shape[-1].bit_length() + 30):
        step = _newton(z, low, power)
        low, last = step.where(step > low + slack * last, low), low  # rounded up past an option, it would fall back
        if (low <= last * (1 - slack)).all():
            break
    return low


def _newton(z: Tensor, threshold: Tensor, power: int) -> Tensor:
    above = (z - threshold).relu_()
    total = above.sum(-1, keepdim=True)
    if power == 1:
        return threshold + (total - 1) / above.sign_().sum(-1, keepdim=True)
    return threshold + (above.mul_(above).sum(-1, keepdim=True) - 1) / (2 * total)


def _one_a_row(z: Tensor) -> Tensor:
    return z.new_empty((*z.shape[:-1], 1))


_threshold = {
    power: whole(f"{name}_threshold(Tensor z)", partial(_find_threshold, power=power), fake=_one_a_row)
    for power, name in ((1, "sparsemax"), (2, "entmax15"))
}


def _back(p: Tensor, scores: Tensor, dim: int) -> Tensor:
    return p.to(scores.dtype).movedim(-1, dim)
