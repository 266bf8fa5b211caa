"""How a gradient is attached to a value that has none: the law of exact values.

The value is returned bit for bit; the gradient travels through a carrier. That is either an ordinary differentiable
tensor, such as a softmax, whose own value is never used, or a `Pull`: a rule from the gradient at the value to the one
at the scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from argrad._autograd import applied
from argrad._checks import in_functorch
from argrad._precision import full_precision

if TYPE_CHECKING:
    from collections.abc import Callable


def exact(value: Tensor, carrier: Tensor | Pull) -> Tensor:
    """Return `value`, bit for bit, with the gradient of `carrier`: the straight-through device.

    For a tensor `value + (carrier − carrier.detach())` says the same in arithmetic, with two more passes over memory.
    """
    if isinstance(carrier, Pull):
        return _pulled(value.detach(), carrier.scores, carrier.code, carrier.choice, carrier.rule, *carrier.known)
    if torch.compiler.is_compiling() and in_functorch():  # the compiler knows no vmap of a function's own derivative
        return value.detach() + (carrier - carrier.detach()).to(value.dtype)
    return _tied(value.detach(), carrier)


def as_tensor(carrier: Tensor | Pull) -> Tensor:
    """Give the carrier as a tensor; that of a rule has the value zero, which takes no memory."""
    if isinstance(carrier, Pull):
        return exact(carrier.scores.new_zeros(()).expand(carrier.scores.shape), carrier)
    return carrier


class _Exact(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    # pyrefly: ignore[bad-override]
    def forward(value: Tensor, carrier: Tensor) -> Tensor:  # noqa: ARG004
        return value.detach()  # not a view to autograd, so that it may be changed in place

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.carrier_dtype, ctx.value_dtype = inputs[1].dtype, output.dtype

    @staticmethod
    # pyrefly: ignore[bad-override]
    def backward(ctx: Any, grad: Tensor) -> tuple[None, Tensor]:
        return None, grad.to(ctx.carrier_dtype)

    @staticmethod
    # pyrefly: ignore[bad-override]
    def jvp(ctx: Any, _value_tangent: Tensor | None, tangent: Tensor) -> Tensor:
        return tangent.to(ctx.value_dtype, copy=True)


_tied = applied(_Exact)


@dataclass(frozen=True)
class Pull:
    """A carrier whose gradient is a rule: `rule(choice, scores, code, grad_vertex, *known)` → `grad_scores`.

    For rules that need the incoming gradient. The rule is ordinary differentiable torch code, in full precision, so it
    can be differentiated again. What is `known` of the scores already, such as their softmax, is kept and passed on, so
    that the rule need not work it out again; only when the rule itself is differentiated it must, and gets nothing.
    """

    rule: Callable[..., Tensor]
    choice: Any  # a `Choice`, which lives a floor above
    scores: Tensor
    code: Tensor
    known: tuple[Tensor, ...] = ()


class _Pull(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    # pyrefly: ignore[bad-override]
    def forward(value: Tensor, *inputs: Any) -> Tensor:  # noqa: ARG004
        return value.detach()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ARG004
        _value, scores, code, ctx.choice, ctx.rule, *known = inputs
        ctx.save_for_backward(scores, code, *known)

    @staticmethod
    # pyrefly: ignore[bad-override]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        scores, code, *known = ctx.saved_tensors
        constants = () if torch.is_grad_enabled() else known
        grad_scores = ctx.rule(ctx.choice, full_precision(scores), code, full_precision(grad), *constants)
        return None, grad_scores.to(scores.dtype), *[None] * (3 + len(known))


_pulled = applied(_Pull)
