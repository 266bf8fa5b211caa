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
        return _pulled(value.detach(), carrier.scores, carrier.code, carrier.choice, carrier.rule, carrier.known)
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
    """A carrier whose gradient is a rule, for rules that need the incoming gradient.

    Attributes:
        rule: (choice, scores, code, grad_vertex) → grad_scores, in full precision: ordinary torch code, so that it can
            be differentiated again.
        choice: what is chosen, a `Choice`.
        scores: where the gradient goes.
        code: the vertex, or its code.
        known: what the rule would have to work out from the scores, such as their softmax: kept, and given to the rule
            as a fifth argument, except where the rule itself is differentiated.
    """

    rule: Callable[..., Tensor]
    choice: Any  # lives a floor above
    scores: Tensor
    code: Tensor
    known: Tensor | None = None


class _Pull(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    # pyrefly: ignore[bad-override]
    def forward(value: Tensor, scores: Tensor, code: Tensor, choice: Any, rule: Any, known: Tensor | None) -> Tensor:  # noqa: ARG004
        return value.detach()  # each input is named: torch 2.6 counts them when it compiles

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ARG004
        _value, scores, code, ctx.choice, ctx.rule, known = inputs
        ctx.save_for_backward(scores, code, known)

    @staticmethod
    # pyrefly: ignore[bad-override]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        scores, code, known = ctx.saved_tensors
        constants = () if known is None or torch.is_grad_enabled() else (known,)
        grad_scores = ctx.rule(ctx.choice, full_precision(scores), code, full_precision(grad), *constants)
        return None, grad_scores.to(scores.dtype), None, None, None, None


_pulled = applied(_Pull)
