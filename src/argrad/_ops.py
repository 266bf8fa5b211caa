"""A softmax and uniform numbers, as the compiler had better leave them on the CPU: whole.

Left to itself it draws float64 numbers of 24 random bits, which is too few for rare options and for the tail of a
noise; it draws them one by one, and works exponentials out again in the backward pass, which on the CPU costs more
than it saves. So there it gets to see two operations of argrad's own, which run torch's. An exported program has
torch's only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from argrad._checks import in_functorch

if TYPE_CHECKING:
    from torch import Tensor

_library = torch.library.Library("argrad", "DEF")
_library.define("softmax(Tensor scores) -> Tensor")
_library.define("uniform(Tensor like, SymInt[] shape) -> Tensor", tags=(torch.Tag.nondeterministic_seeded,))


def softmax(scores: Tensor) -> Tensor:
    """Take the softmax along the last dimension."""
    return torch.ops.argrad.softmax(scores) if _whole(scores) else torch.softmax(scores, -1)


def uniform(
    shape: tuple[int, ...], like: Tensor, generator: torch.Generator | None, dtype: torch.dtype = torch.float64
) -> Tensor:
    """Draw numbers in [0, 1), multiples of 2⁻⁵³ in float64 and of 2⁻²⁴ in float32, on the device of `like`."""
    if dtype != torch.float64 or generator is not None or not torch.compiler.is_compiling():
        return torch.rand(shape, dtype=dtype, device=like.device, **drawn_from(generator))
    if _whole(like):
        return torch.ops.argrad.uniform(like, shape)
    return torch.randint(2**53, shape, device=like.device).to(dtype) * 2.0**-53


def drawn_from(generator: torch.Generator | None) -> dict[str, Any]:
    """Name the generator to torch's random functions if there is one: given None, they refuse symbolic sizes."""
    return {} if generator is None else {"generator": generator}


def _whole(tensor: Tensor) -> bool:
    if not torch.compiler.is_compiling() or in_functorch() or tensor.device.type != "cpu":
        return False
    return not torch.compiler.is_exporting()


def _softmax(scores: Tensor) -> Tensor:
    return torch.softmax(scores, -1)


def _keep(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:  # noqa: ARG001
    ctx.save_for_backward(output)


def _softmax_backward(ctx: Any, grad: Tensor) -> Tensor:
    (mean,) = ctx.saved_tensors
    weighed = mean * grad
    return weighed - mean * weighed.sum(-1, keepdim=True)


def _uniform(like: Tensor, shape: tuple[int, ...]) -> Tensor:
    return torch.rand(shape, dtype=torch.float64, device=like.device)


_library.impl("softmax", _softmax, "CPU")
_library.impl("uniform", _uniform, "CPU")
torch.library.register_fake("argrad::softmax", _softmax, lib=_library)
torch.library.register_fake("argrad::uniform", _uniform, lib=_library)
torch.library.register_autograd("argrad::softmax", _softmax_backward, setup_context=_keep, lib=_library)
