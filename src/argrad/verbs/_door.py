"""The door: what every verb checks before it calls an estimator, and the words in which it refuses."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import torch

import argrad.estimators as known
from argrad._checks import require, require_mask, require_scores
from argrad.core import Choice, Estimator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

_VERBS = {"pick": "argrad.argmax", "draw": "argrad.sample", "expect": "argrad.expect"}


def require_choice(choice: object, of: str) -> None:
    """A choice is a `Choice`."""
    require(isinstance(choice, Choice), "choice", of, "a Choice such as one_hot", choice, error=TypeError)


def require_fit(
    grad: object, choice: Choice, method: str, of: str, verbs: Mapping[str, str] = MappingProxyType(_VERBS)
) -> Estimator:
    """Return the estimator if it defines the method and the choice has what that needs; else say what would work."""
    require(
        isinstance(grad, Estimator),
        "grad",
        of,
        "an estimator such as StraightThrough()",
        grad,
        error=TypeError,
    )
    assert isinstance(grad, Estimator)  # noqa: S101  (for the type checker; checked above)
    name = type(grad).__name__
    if method not in grad.needs:
        fitting = [verb for m, verb in verbs.items() if m in grad.needs and not _lacking(grad, choice, m)]
        use = f"Use {' or '.join(fitting)}" if fitting else _instead(choice, method)
        msg = f"The 'grad' parameter of {of} {_refusal(method)}, and {name} has none{_hint(grad)}. {use}."
        raise TypeError(msg)
    lacking = _lacking(grad, choice, method)
    if lacking:
        msg = (
            f"{name} needs the function{'s' * (len(lacking) > 1)} {', '.join(lacking)} of a choice, "
            f"which {choice.name} lacks. {_instead(choice, method)}."
        )
        raise TypeError(msg)
    return grad


def _lacking(grad: Estimator, choice: Choice, method: str) -> list[str]:
    return [function for function in grad.needs[method] if not choice.has(function)]


def _instead(choice: Choice, method: str) -> str:
    return f"With it work: {', '.join(fitting_estimators(choice, method))}"


def _refusal(method: str) -> str:
    kind = {"pick": "a gradient for the deterministic choice", "draw": "a gradient for a draw"}
    return f"must have {kind.get(method, 'an expectation')}"


def _hint(grad: Estimator) -> str:
    if hasattr(grad, "noise"):
        return " with its noise" if grad.noise is not None else " without noise"
    return ""


def fitting_estimators(choice: Choice, method: str) -> list[str]:
    """Names of the estimators that work for this choice and method with their defaults."""
    names = []
    for name in known.__all__:
        made = getattr(known, name)
        if isinstance(made, type) and issubclass(made, Estimator):
            needs = made().needs.get(method)
            if needs is not None and all(choice.has(function) for function in needs):
                names.append(name)
    return names


def prepare(scores: Tensor, dim: int, mask: Tensor | None, of: str) -> Tensor:
    """Check scores, dim and mask, mask the scores, and move the options last."""
    require_scores(scores, of, dim)
    require_mask(mask, scores, of)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return move(scores, dim, -1)


def move(tensor: Tensor, dim: int, to: int) -> Tensor:
    """Move a dimension; where it is in its place already, spare the call and its node in autograd's graph."""
    return tensor if dim % tensor.ndim == to % tensor.ndim else tensor.movedim(dim, to)


def rows(table: Tensor, index: Tensor) -> Tensor:
    """Take table[index], (n, *value) and (*batch,) → (*batch, *value), in the one way that torch 2.6 vmaps."""
    return table.index_select(0, index.reshape(-1)).view(*index.shape, *table.shape[1:])
