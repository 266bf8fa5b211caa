"""Lost by saturation: gradients that are not exactly zero, and of which next to nothing gets through an operation.

An operation with a tail (softmax, sigmoid, exp …) loses the gradient if the L1 norm that it sends on is below a
millionth of what it received. What was blown up on the way to it counts only as much as it was before: the logarithm of
a sigmoid multiplies by 1e13 what the sigmoid then multiplies by 1e-13, and nothing is lost. Lost is also what is only
the rounding error of gradients that cancel (a weight that is divided by itself).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from argrad.doctor.measure import largest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LOST = 1e-6
"""What gets through less than this is lost by saturation."""
BACK = 1e-3
"""What is blown up again to this share is not lost after all (`softmax(s / t)` divides by t below the softmax)."""
NOISE = 2e-6
"""What adds up to less than this share of its terms is their rounding error (16 times that of single precision)."""
FITTED = 1e-2
"""A positive loss that is this close to the gradient is a small loss, not a lost gradient."""

_TAILS = frozenset(
    f"{name}Backward0"
    for name in (
        *("Softmax", "SafeSoftmax", "MaskedSoftmax", "Sigmoid", "Tanh", "Exp", "Exp2", "Softplus"),
        *("Elu", "Gelu", "Silu", "Mish", "Erf", "Erfc", "Atan"),
    )
)
CANCELLED = "cancelled"
"""In place of a node's name: nothing of its own is to blame."""
PRODUCT = "MulBackward0"
_ATTENTION = "ScaledDotProduct"
_QUERY_AND_KEY = 2
_UNSIGNED = 1 << 63


class Loss(NamedTuple):
    """A saturated operation: the sequence number and name of its node, and the share that got through."""

    sequence: int
    node: str
    left: float


@dataclass
class _State:
    """What arrived at a node: its largest entry where that was smallest on the way, or the losses behind it."""

    floor: float = 0.0
    before: float = 0.0
    parts: list[float] = field(default_factory=list)
    last: int = 0
    lost: dict[int, Loss] = field(default_factory=dict)


class Faint:
    """Follows one backward from its roots down; every node has received everything before it sends."""

    def __init__(self, closed: Callable[[int], bool] = lambda _sequence: False) -> None:
        self.value = 0.0
        self.closed = closed
        self._states: dict[Any, _State] = {}

    def enter(self, root: Any, received: Sequence[Tensor | None]) -> None:
        """A root node is given its gradient."""
        self._states[root] = _State(floor=_top(received))

    def receive(self, node: Any, received: Sequence[Tensor | None]) -> float:
        """The largest entry that a node received; do the gradients that arrived cancel, up to their rounding errors?"""
        state = self._states.get(node)
        if state is None or len(state.parts) == 1:
            return _top(received) if state is None else state.parts[0]
        total, left = sum(state.parts), _top(received)
        if 0 < left < NOISE * total and state.floor > 0:
            state.lost, state.floor = {state.last: Loss(state.last, CANCELLED, left / total)}, 0.0
            state.before = sum(map(_sum, received)) * total / left
        return left

    def send(
        self, node: Any, way: int, parent: Any, sent: Tensor, top: float, received: Sequence[Tensor | None]
    ) -> None:
        """A node sends a gradient, whose largest entry `top` is not 0, on one of its ways."""
        state = self._states.get(node)
        if state is None:
            return
        target = self._states.setdefault(parent, _State())
        target.parts.append(top)
        target.last = node._sequence_nr()  # noqa: SLF001
        if state.floor == 0:
            self._behind(state, target, sent, top)
            return
        loss = self._loss(node, way, sent, received) if top < BACK * state.floor else None
        if loss is not None:
            target.lost[loss.sequence] = loss
            target.before = max(target.before, _sum(sent) / loss.left)
            return
        scale = max(1.0, top / _top(received)) if node.name() == PRODUCT and sent.numel() == 1 else 1.0
        target.floor = max(target.floor, min(state.floor * scale, top))  # the weight of a loss blows nothing up

    def _loss(self, node: Any, way: int, sent: Tensor, received: Sequence[Tensor | None]) -> Loss | None:
        """The loss on this way out of a node, if there is one: by its own tails, or by a closed gate in a product."""
        name, sequence = node.name(), node._sequence_nr()  # noqa: SLF001
        if not saturates(name, way) and name != PRODUCT:
            return None
        before = _sum_of_rows(node, received) * min(1.0, self._states[node].floor / _top(received))
        size = _sum(sent)
        if size >= LOST * before or 0 < self.value * FITTED <= size:
            return None
        return Loss(sequence, name, size / before) if name != PRODUCT or self.closed(sequence) else None

    @staticmethod
    def _behind(state: _State, target: _State, sent: Tensor, top: float) -> None:
        if _sum(sent) >= BACK * state.before:
            target.floor = max(target.floor, top)
        else:
            target.lost.update(state.lost)
            target.before = max(target.before, state.before)

    def losses(self, leaf: Any) -> list[Loss] | None:
        """The saturations behind which a leaf lies; empty if it got its gradient; None if nothing was sent to it."""
        state = self._states.get(leaf)
        if state is None:
            return None
        return [] if state.floor > 0 else list(state.lost.values())


def saturates(node: str, way: int) -> bool:
    """Whether the derivative of an operation tends to 0 in its tails (of attention: by its query and its key)."""
    return node in _TAILS or (node.startswith(_ATTENTION) and way < _QUERY_AND_KEY)


def _top(received: Sequence[Tensor | None]) -> float:
    return max(map(largest, received), default=0.0)


def _sum(gradient: Tensor | None) -> float:
    """The L1 norm; infinite if an entry is not a number, so that nothing is said of it."""
    if gradient is None:
        return 0.0
    with torch.no_grad():
        values = gradient._values() if gradient.is_sparse else gradient.detach()  # noqa: SLF001
        total = float(values.abs().sum(dtype=torch.float64 if values.dtype == torch.float64 else torch.float32))
    return total if total == total else torch.inf  # noqa: PLR0124  (NaN)


def _sum_of_rows(node: Any, received: Sequence[Tensor | None]) -> float:
    """The L1 norm; of a softmax, which averages over its options, only the largest entry of each row."""
    grad = received[0]
    dim = getattr(node, "_saved_dim", None)
    if grad is None or dim is None or not grad.numel():
        return sum(map(_sum, received))
    with torch.no_grad():
        return _sum(grad.detach().abs().amax(dim if dim < _UNSIGNED else dim - 2 * _UNSIGNED))
