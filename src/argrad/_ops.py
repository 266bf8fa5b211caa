"""Operations that the compiler does badly on the CPU, done otherwise under `torch.compile`.

Left to itself it draws float64 numbers of 24 random bits, which is too few for rare options and for the tail of a
noise, and draws them one by one; it works exponentials out again in the backward pass; it cannot look at values to tell
when a search has ended. So there it gets to see operations of argrad's own, which run the same code as eager mode does.
It makes no vector instructions of integers either. An exported program has torch's operations only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from argrad._checks import in_functorch, in_transform, is_plain
from argrad._precision import finest

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

_library = torch.library.Library("argrad", "DEF")

MANY = 2**17  # for fewer numbers, to call an operation takes longer than the compiler's way
_EXACT_IN_FLOAT32 = 2**24
_PIECE = 2**21  # bytes

# Whether a program is being exported. torch 2.6 cannot tell, so there every compiled program is treated as one.
exporting: Callable[[], bool] = getattr(torch.compiler, "is_exporting", torch.compiler.is_compiling)


def whole(
    signature: str, function: Callable[..., Tensor], fake: Callable[..., Tensor], least: int = 0
) -> Callable[..., Tensor]:
    """Have the compiler leave a function of tensors whole, from so many numbers in the first on.

    It has no derivative unless one is registered for it. `signature` is its name and tensors, as in
    "softmax(Tensor x)"; `fake` gives the result's shape.
    """
    _define(f"{signature} -> Tensor", function, fake)
    operation = getattr(torch.ops.argrad, signature.split("(", maxsplit=1)[0])

    def call(*tensors: Tensor) -> Tensor:
        hidden = all([_opaque(tensor) for tensor in tensors]) and tensors[0].numel() >= least  # noqa: C419 (traced)
        return operation(*tensors) if hidden else function(*tensors)

    return call


def argmax(x: Tensor) -> Tensor:
    """Find the first of the largest along the last dimension: for the compiler by two reductions over floats."""
    if not _opaque(x):
        return x.argmax(-1)
    return torch.where(x < x.amax(-1, keepdim=True), x.shape[-1], places(x)).amin(-1).long()


def places(x: Tensor) -> Tensor:
    """Number the options along the last dimension: as floats where they are exact, quicker for the compiler."""
    exact = not exporting() and x.shape[-1] <= _EXACT_IN_FLOAT32
    return torch.arange(x.shape[-1], dtype=torch.float32 if exact else torch.int64, device=x.device)


def uniform(
    shape: tuple[int, ...], like: Tensor, generator: torch.Generator | None, dtype: torch.dtype | None = None
) -> Tensor:
    """Draw numbers in [0, 1) on the device of `like`, by default as fine as it can.

    They are multiples of a step, 2⁻⁵³ in float64 and 2⁻²⁴ in float32. The largest is one step below 1: times any
    total of that dtype it rounds to less than the total.
    """
    dtype = dtype or finest(like)
    if dtype != torch.float64 or generator is not None or not torch.compiler.is_compiling():
        return torch.rand(shape, dtype=dtype, device=like.device, **drawn_from(generator))
    if _opaque(like):
        return torch.ops.argrad.uniform(like, shape)
    return torch.randint(2**53, shape, device=like.device).to(dtype) * 2.0**-53


def drawn_from(generator: torch.Generator | None) -> dict[str, Any]:
    """Name the generator to torch's random functions if there is one: given None, they refuse symbolic sizes."""
    return {} if generator is None else {"generator": generator}


def _opaque(tensor: Tensor) -> bool:
    if not torch.compiler.is_compiling() or in_functorch() or tensor.device.type != "cpu":
        return False
    return is_plain(tensor) and not exporting()  # a sharded tensor knows torch's operations only


def _define(schema: str, function: Callable[..., Tensor], fake: Callable[..., Tensor], *tags: torch.Tag) -> None:
    _library.define(schema, tags=tags)
    name = schema.split("(", maxsplit=1)[0]
    _library.impl(name, function, "CPU")
    torch.library.register_fake(f"argrad::{name}", fake, lib=_library)


def _softmax(x: Tensor) -> Tensor:
    return torch.softmax(x, -1)


def _keep(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:  # noqa: ARG001
    ctx.save_for_backward(output)


def _softmax_backward(ctx: Any, grad: Tensor) -> Tensor:
    (mean,) = ctx.saved_tensors
    weighed = mean * grad
    return weighed - mean * weighed.sum(-1, keepdim=True)


def _cumulative(x: Tensor) -> Tensor:
    """Sum up along the last dimension, as finely as the device can."""
    fine = x.to(finest(x), copy=True)
    return fine.cumsum(-1) if in_transform() else fine.cumsum_(-1)  # vmap has no rule for the latter


def _against(x: Tensor, table: Tensor) -> Tensor:
    """Take the inner products with every row of a table: (*batch, d) and (n, d) → (*batch, n).

    On the CPU with one piece of the table after the other, each of a size for a core's cache: a third quicker.
    """
    if table.device.type != "cpu" or not is_plain(table) or exporting():
        return x @ table.T
    pieces = table.numel() * table.element_size() // _PIECE
    return torch.cat([x @ piece.T for piece in table.chunk(pieces)], -1) if pieces > 1 else x @ table.T


def _sums_at(index: Tensor, rows: Tensor, table: Tensor) -> Tensor:
    """Add rows at their index to zeros like the table: (m,), (m, *value) → (n, *value)."""
    zeros = torch.zeros_like(table)
    add = zeros.index_add if in_transform() else zeros.index_add_  # in place saves a copy of the table
    return add(0, index, rows)


def _one_for_each(x: Tensor, table: Tensor) -> Tensor:
    return x.new_empty((*x.shape[:-1], table.shape[0]))


def _uniform(like: Tensor, shape: tuple[int, ...]) -> Tensor:
    return torch.rand(shape, dtype=torch.float64, device=like.device)


softmax = whole("softmax(Tensor x)", _softmax, fake=_softmax, least=MANY)
torch.library.register_autograd("argrad::softmax", _softmax_backward, setup_context=_keep, lib=_library)
cumulative = whole("cumulative(Tensor x)", _cumulative, fake=_cumulative, least=MANY)
against = whole("against(Tensor x, Tensor table)", _against, fake=_one_for_each)
sums_at = whole("sums_at(Tensor index, Tensor rows, Tensor table)", _sums_at, fake=_sums_at)
_define("uniform(Tensor like, SymInt[] shape) -> Tensor", _uniform, _uniform, torch.Tag.nondeterministic_seeded)
