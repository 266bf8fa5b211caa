"""Scripts without an optimiser: they update their leaves by hand, or take gradients by `torch.autograd.grad`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from argrad.doctor.session import Session


class ByHand:
    """Judges after each backward, for every leaf that the script has in hand, until an optimiser is seen."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.steps = 0
        self.updated = False

    def note_update(self) -> None:
        """A leaf was written in place."""
        self.updated = True

    def next_step(self) -> None:
        """A backward begins after the leaves were judged: if they were updated, a step is over."""
        session = self.session
        if self.updated and not session.ledger.judged:
            self.steps += 1
            if self.steps >= session.steps + (session.extend if session.ledger.inconclusive() else 0):
                session.finish()

    def judge(self, *, last: bool = False) -> None:
        """Measure what this backward left; `last` if there is no other chance."""
        session = self.session
        if session.ledger.judged or not (session.backwards or last):
            return
        if not last or not session.names.best:
            session.look()
        if list(session.optimizers()) and not last:
            return
        if not session.backwards and session.error is None:
            return
        session.ledger.judge(self._leaves())
        session.stepped = True
        session.ledger.aim()

    def _leaves(self) -> list[Tensor]:
        session = self.session
        roots = {key for key, ref in session.ledger.roots.items() if ref() is not None}
        leaves = {id(leaf): leaf for _, leaf in session.names.leaves()}
        if session.only_used:
            used = {id(ref()) for ref in session.recorder.leaves.values()} | session.handed
            leaves = {key: leaf for key, leaf in leaves.items() if key in used}
        return [leaf for key, leaf in leaves.items() if key not in roots and leaf.requires_grad]

    def takes_gradients_of(self, inputs: Sequence[Tensor]) -> bool:
        """Whether `torch.autograd.grad` with these inputs is the script's way to train."""
        session = self.session
        if session.depth or session.ledger.judged or not any(leaf.is_leaf for leaf in inputs):
            return False
        session.look()
        return not list(session.optimizers())

    def judge_taken(self, inputs: Sequence[Tensor], grads: Sequence[Tensor | None]) -> None:
        """Measure the gradients that were taken."""
        session = self.session
        pairs = [(leaf, grad) for leaf, grad in zip(inputs, grads, strict=True) if session.names.of(leaf)]
        session.ledger.judge([leaf for leaf, _ in pairs], [grad for _, grad in pairs])
        session.stepped = True
        session.ledger.aim()
