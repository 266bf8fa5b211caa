"""Watch the user's own backward: where the gradient first becomes exactly zero."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from argrad.doctor.faint import CANCELLED, Faint, Loss
from argrad.doctor.measure import largest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from torch import Tensor

MAX_NODES = 200_000


@dataclass(frozen=True)
class Kill:
    """A node whose incoming gradient is not zero, and whose gradient towards a leaf is."""

    sequence: int
    node: str
    leaves: frozenset[int]


@dataclass
class Probe:
    """Temporary hooks on the nodes between a loss and the suspect leaves (by `id`)."""

    suspects: frozenset[int]
    faint: Faint = field(default_factory=Faint)
    kills: list[Kill] = field(default_factory=list)
    reached: set[int] = field(default_factory=set)
    _handles: list[Any] = field(default_factory=list)
    sent: set[int] = field(default_factory=set)
    _senders: dict[Any, int] = field(default_factory=dict)
    lost: dict[int, list[Loss] | None] = field(default_factory=dict)
    _leaves: list[Any] = field(default_factory=list)

    def attach(self, roots: Iterable[Tensor]) -> None:
        """Hook every node that leads from a root to a suspect."""
        roots = [root for root in roots if root.grad_fn is not None]
        tops = {root.grad_fn for root in roots}
        self.faint.value = sum(float(root.detach()) for root in roots if root.numel() == 1)
        leads = _leads(_nodes_below(list(tops)), self.suspects)
        for leaf_set in leads.values():
            self.reached |= leaf_set
        for node, below in leads.items():
            if getattr(node, "variable", None) is None and below:
                self._handles.append(node.register_hook(_unseen(self._watch(node, leads, top=node in tops))))
            elif below:
                self._leaves.append(node)

    def detach(self) -> None:
        """Remove every hook."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self.lost = {id(leaf.variable): self.faint.losses(leaf) for leaf in self._leaves}
        self._senders.clear()
        self._leaves.clear()

    def _watch(self, node: Any, leads: dict[Any, frozenset[int]], *, top: bool) -> Any:
        parents = [parent for parent, _ in node.next_functions]
        sequence, name = node._sequence_nr(), node.name()  # noqa: SLF001
        kills, senders, faint = self.kills, self._senders, self.faint

        def hook(grad_inputs: Sequence[Tensor | None], grad_outputs: Sequence[Tensor | None]) -> None:
            if top:
                faint.enter(node, grad_outputs)
            arrived = faint.receive(node, grad_outputs)
            if arrived == 0:
                if node in senders:  # two gradients arrived and cancelled exactly
                    kills.append(Kill(senders[node], CANCELLED, leads[node]))
                return
            for way, (parent, grad) in enumerate(zip(parents, grad_inputs, strict=False)):
                leaves = leads.get(parent, frozenset())
                if not leaves:
                    continue
                size = arrived if _same(grad, grad_outputs) else largest(grad)
                if grad is None or size == 0:
                    kills.append(Kill(sequence, name, leaves))
                else:
                    senders[parent] = sequence
                    faint.send(node, way, parent, grad, size, grad_outputs)
                    self.sent.update((id(parent.variable),) if hasattr(parent, "variable") else ())

        return hook


@dataclass
class TermProbe:
    """Hooks below one term of the loss: does any of its gradient get out of it?"""

    first: int
    last: int
    flows: bool = False
    kills: list[int] = field(default_factory=list)
    _alive: set[Any] = field(default_factory=set)
    _handles: list[Any] = field(default_factory=list)

    def attach(self, roots: Iterable[Tensor]) -> bool:
        """Hook the nodes that belong to this term alone; False if the term is not found."""
        tops = [root.grad_fn for root in roots if root.grad_fn is not None]
        own = [n for n in _nodes_below(tops) if self.first <= n._sequence_nr() < self.last]  # noqa: SLF001
        if not own:
            return False
        top = max(own, key=lambda node: node._sequence_nr())  # noqa: SLF001
        shared = set(_nodes_below(tops, without=top))
        self._alive.add(top)
        for node in _nodes_below([top]):
            if node not in shared and getattr(node, "variable", None) is None:
                self._handles.append(node.register_hook(_unseen(self._watch(node, shared))))
        return True

    def detach(self) -> None:
        """Remove every hook."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._alive.clear()

    def _watch(self, node: Any, shared: set[Any]) -> Any:
        parents = [parent for parent, _ in node.next_functions]

        def hook(grad_inputs: Sequence[Tensor | None], _grad_outputs: Sequence[Tensor | None]) -> None:
            if node not in self._alive:
                return
            passed = [p for p, g in zip(parents, grad_inputs, strict=False) if p is not None and largest(g) > 0]
            self.flows |= any(p in shared or getattr(p, "variable", None) is not None for p in passed)
            self._alive.update(passed)
            if not passed:
                self.kills.append(node._sequence_nr())  # noqa: SLF001

        return hook


def _unseen(hook: Callable[..., None]) -> Callable[..., None]:
    """The doctor's own arithmetic is not recorded."""

    def run(*args: Any) -> None:
        with torch._C.DisableTorchFunction():  # noqa: SLF001
            hook(*args)

    return run


def _same(sent: Tensor | None, received: Sequence[Tensor | None]) -> bool:
    """Whether a gradient is handed on as it came: most nodes only view or add."""
    only = received[0] if len(received) == 1 else None
    if sent is None or only is None or sent.is_sparse or only.is_sparse:
        return False
    return sent.numel() == only.numel() and sent.data_ptr() == only.data_ptr() != 0


def _nodes_below(roots: list[Any], without: Any = None) -> list[Any]:
    """Every autograd node reachable from the roots, parents after children (a topological order)."""
    order: list[Any] = []
    seen: set[Any] = {without}
    stack: list[tuple[Any, bool]] = [(root, False) for root in roots]
    while stack and len(seen) < MAX_NODES:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((parent, False) for parent, _ in node.next_functions if parent is not None)
    return order


def _leads(nodes: list[Any], suspects: frozenset[int]) -> dict[Any, frozenset[int]]:
    """For each node the suspects that the gradient reaches through it."""
    leads: dict[Any, frozenset[int]] = {}
    for node in nodes:
        variable = getattr(node, "variable", None)
        if variable is not None:
            leads[node] = frozenset({id(variable)}) & suspects
        else:
            parents = (leads.get(parent, frozenset()) for parent, _ in node.next_functions)
            leads[node] = frozenset().union(*parents)
    return leads
