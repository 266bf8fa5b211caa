"""How a function with derivatives of its own is called: one writing, as quick as each of torch's ways allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from argrad._checks import in_functorch

if TYPE_CHECKING:
    from collections.abc import Callable


def applied(function: type[torch.autograd.Function]) -> Callable[..., Any]:
    """Give the call of a function that has `forward(*inputs)`, `setup_context`, `backward` and perhaps `jvp`.

    `torch.func` asks for this form, but `apply` binds a signature at each call for it, which takes longer than all the
    rest: outside of transforms it is called in the old form. The compiler traces no `jvp`: there it is left out.
    """
    has_tangent = function.jvp is not torch.autograd.Function.jvp
    without = {"jvp": torch.autograd.Function.jvp}
    traced: Any = type(function.__name__, (function,), without) if has_tangent else function

    class Plain(torch.autograd.Function):
        @staticmethod
        # pyrefly: ignore[bad-override]
        def forward(ctx: Any, *inputs: Any) -> Any:
            output = function.forward(*inputs)
            function.setup_context(ctx, inputs, output)
            return output

        backward = staticmethod(function.backward)
        jvp = staticmethod(function.jvp)

    def call(*inputs: Any) -> Any:
        if torch.compiler.is_compiling():
            return traced.apply(*inputs)
        return (function if in_functorch() else Plain).apply(*inputs)

    Plain.__name__ = Plain.__qualname__ = function.__name__
    return call
