"""The only place that words an input error, so that all of them read alike.

`The 'k' parameter of topk must be an int in [1, 6]. Got 9 with scores of shape (4, 6) and dim=-1.`
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")
NOISE = "a Noise such as Gumbel()"

_always_read = ContextVar("always_read", default=False)


def require(
    holds: bool,
    parameter: str,
    of: str,
    expected: str,
    got: object,
    *,
    context: str = "",
    error: type[Exception] = ValueError,
) -> None:
    """Raise `error` in the house's words unless `holds`.

    `context` continues the sentence after what came: ``"with scores of shape (4, 6) and dim=-1"``.
    """
    if not holds:
        tail = f" {context}" if context else ""
        msg = f"The '{parameter}' parameter of {of} must be {expected}. Got {describe(got)}{tail}."
        raise error(msg)


class ScoresError(ValueError):
    """Scores that a choice refuses by their values or shape; its arguments are: of what, what they must, what came.

    A choice speaks in its own name, and whoever called it by another says so: see `in_the_name_of`.
    """

    def __str__(self) -> str:
        of, must, got = self.args
        return f"The 'scores' parameter of {of} must {must}. Got {got}."


def in_the_name_of(verb: str, function: Callable[..., T], *args: Any) -> T:
    """Call the function; if it refuses the scores, the error names the verb that the user called."""
    try:
        return function(*args)
    except ScoresError as error:
        raise ValueError(str(ScoresError(verb, *error.args[1:]))) from None


def describe(got: object) -> str:
    """Say what came: tensors by dtype and shape, everything else by its repr."""
    if isinstance(got, Tensor):
        dtype = str(got.dtype).removeprefix("torch.")
        article = "an" if dtype[0] in "aeiou" else "a"
        return f"{article} {dtype} tensor of shape {tuple(got.shape)}"
    if isinstance(got, torch.Generator):
        return f"one on {got.device}"
    return repr(got)


def require_scores(scores: object, of: str, dim: int | None = -1, *, name: str = "scores") -> None:
    """Scores are a floating-point tensor with at least one option along `dim` (None: one number a choice)."""
    require(
        isinstance(scores, Tensor) and scores.dtype.is_floating_point,
        name,
        of,
        "a floating-point tensor",
        scores,
        error=TypeError,
    )
    assert isinstance(scores, Tensor)  # noqa: S101  (for the type checker; checked above)
    if dim is not None:
        _require_dim(scores, dim, of, name)


def _require_dim(scores: Tensor, dim: int, of: str, name: str) -> None:
    """The words come last: the sizes may be symbols of a compiler, which cannot be put in words."""
    low, high = -max(scores.ndim, 1), max(scores.ndim, 1) - 1
    if not isinstance(dim, int) or isinstance(dim, bool):
        shape = f"with {name} of shape {tuple(scores.shape)}"
        require(False, "dim", of, "an int", dim, context=shape, error=TypeError)
    if scores.ndim == 0 or not low <= dim <= high:
        shape = f"with {name} of shape {tuple(scores.shape)}"
        expected = f"in [{low}, {high}]" if scores.ndim else f"a dimension of the {name}, which must have one"
        require(False, "dim", of, expected, dim, context=shape, error=IndexError)
    if scores.shape[dim] == 0:
        require(False, name, of, f"of at least one option along dim={dim}", scores)


def require_mask(mask: Tensor | None, scores: Tensor, of: str) -> None:
    """A mask is boolean, True where an option may be chosen, and broadcasts to the scores."""
    if mask is None:
        return
    require(
        isinstance(mask, Tensor) and mask.dtype == torch.bool,
        "mask",
        of,
        "a bool tensor, True where an option may be chosen",
        mask,
        error=TypeError,
    )
    fits = _common_shape(mask, scores) == scores.shape
    require(fits, "mask", of, f"broadcastable to the scores' shape {tuple(scores.shape)}", mask)


def require_threshold(at: object, scores: Tensor, of: str) -> None:
    """A threshold is a number, or a tensor of numbers that broadcasts with the scores."""
    numeric = isinstance(at, (int, float, Tensor)) and not isinstance(at, bool)
    require(numeric, "at", of, "a number or a tensor", at, error=TypeError)
    if isinstance(at, Tensor):
        fits = _common_shape(at, scores) is not None
        require(fits, "at", of, f"broadcastable with the scores' shape {tuple(scores.shape)}", at)


def _common_shape(a: Tensor, b: Tensor) -> torch.Size | None:
    try:
        return torch.broadcast_shapes(a.shape, b.shape)
    except RuntimeError:
        return None


def require_generator(generator: object, scores: Tensor, of: str) -> None:
    """A generator is torch's own, on the device of the scores."""
    if generator is None:
        return
    expected = f"None or a torch.Generator on the scores' device, {scores.device.type}"
    require(isinstance(generator, torch.Generator), "generator", of, expected, generator, error=TypeError)
    assert isinstance(generator, torch.Generator)  # noqa: S101  (for the type checker; checked above)
    require(generator.device.type == scores.device.type, "generator", of, expected, generator)


def require_step(value: object, of: str) -> None:
    """A step is positive and a constant: a parameter would wait for a gradient that the estimator has not."""
    require_positive(value, "step", of)
    learns = isinstance(value, Tensor) and value.requires_grad
    require(not learns, "step", of, "a constant: a tensor that asks for a gradient would get none", value)


def require_positive(value: object, parameter: str, of: str) -> None:
    """A temperature, step or width is a number above 0 (tensors are believed: reading them costs a wait)."""
    if isinstance(value, Tensor):
        require(value.is_floating_point(), parameter, of, "a positive number", value, error=TypeError)
        return
    numeric = isinstance(value, (int, float)) and not isinstance(value, bool)  # torch 2.6 compiles no `int | float`
    require(numeric, parameter, of, "a positive number", value, error=TypeError)
    require(0 < value < float("inf"), parameter, of, "positive and finite", value)  # type: ignore[operator]


def require_function(value: object, parameter: str, of: str, expected: str = "None or a function") -> None:
    """A rule is a function or an instance that can be called, not a class that makes one; None: the default."""
    fits = value is None or (callable(value) and not isinstance(value, type))
    require(fits, parameter, of, expected, value, error=TypeError)


def require_count(
    value: object, parameter: str, of: str, low: int = 1, high: int | None = None, *, context: str = ""
) -> None:
    """A count is an int in [low, high]."""
    numeric = isinstance(value, int) and not isinstance(value, bool)
    bounds = f"[{low}, {'inf)' if high is None else f'{high}]'}"
    require(numeric, parameter, of, f"an int in {bounds}", value, context=context, error=TypeError)
    inside = low <= value and (high is None or value <= high)  # type: ignore[operator]
    require(inside, parameter, of, f"an int in {bounds}", value, context=context)


def require_choosable(best: Tensor, of: str, least: int = 1) -> None:
    """Read the best score of each row, or the `least`-th best: NaN means a NaN in the row, -inf that options lack.

    Reading the maximum alone finds both, at the cost of one number a row.
    """
    if not reads_values(best) or isfinite(best.sum().item()):
        return
    bad = ~best.isfinite()
    if bad.any():
        row = tuple(bad.nonzero()[0].tolist())
        value = best[row].item()
        none, few = "no option left (all are masked or -inf)", f"fewer than {least} options (the others are masked)"
        what = {-torch.inf: few if least > 1 else none, torch.inf: "an infinite score"}
        must = f"have {least} finite options" if least > 1 else "have a finite best option"
        raise ScoresError(of, f"{must} in every row", f"{what.get(value, 'NaN')} in row {row} of scores")


def in_transform() -> bool:
    """Whether this runs under `torch.compile` or within a transform of `torch.func`, where no value can be read."""
    return torch.compiler.is_compiling() or in_functorch()


def in_functorch() -> bool:
    """Whether this runs within a transform of `torch.func`."""
    return torch._C._are_functorch_transforms_active()  # noqa: SLF001


def is_plain(tensor: Tensor) -> bool:
    """Whether this is torch's own kind of tensor: neither fake nor sharded nor another's subclass."""
    return type(tensor) in (Tensor, torch.nn.Parameter)


def reads_values(tensor: Tensor) -> bool:
    """Whether checks may read this tensor's values: eager mode on the CPU, or wherever they were switched on."""
    if in_transform() or not is_plain(tensor):  # a fake tensor has no values, a sharded one must fetch them
        return False
    return tensor.device.type == "cpu" or (_always_read.get() and tensor.device.type != "meta")


@contextmanager
def check_values() -> Iterator[None]:
    """Within this block, checks read values on accelerators too, at the price of a synchronisation each.

    On the CPU in eager mode they always do; under `torch.compile` and `torch.func` they never can.
    """
    token = _always_read.set(True)
    try:
        yield
    finally:
        _always_read.reset(token)
