"""The recorded flow: integers only, so that no tensor and no autograd node is kept alive."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from argrad.doctor.frames import RawSite

RawOp = tuple["tuple[int, ...]", str, "RawSite | None", "RawSite | None", int, int, int]

LEAF = -1
NO_GRAD, WRITES, SAMPLER, ESCAPE, FUNCTION, SCALAR, OUT_LEFT, OUT_RIGHT = (1 << bit for bit in range(8))


class Op(NamedTuple):
    """One operation that read something trainable."""

    index: int
    inputs: tuple[int, ...]
    name: str
    site: RawSite | None
    near: RawSite | None
    flags: int
    first: int
    last: int


@dataclass
class Tape:
    """Operations in the order they ran, and which operation made each value.

    Values are numbered; `maker[value]` is the index of its operation (`LEAF` for a trainable leaf), and
    `live[value]` tells whether autograd can go back from it; `ranges[index]` is what a saturating operation was given.
    """

    ops: list[RawOp] = field(default_factory=list)
    maker: list[int] = field(default_factory=list)
    live: list[bool] = field(default_factory=list)
    zero: set[int] = field(default_factory=set)
    null_terms: set[int] = field(default_factory=set)
    switched_off: set[int] = field(default_factory=set)
    ranges: dict[int, tuple[float, float]] = field(default_factory=dict)
    _starts: list[int] = field(default_factory=list)
    _owners: list[int] = field(default_factory=list)

    def add_leaf(self) -> int:
        """A new trainable leaf."""
        return self.add_value(LEAF, live=True)

    def add_value(self, maker: int, *, live: bool) -> int:
        """A new value made by operation number `maker`."""
        self.maker.append(maker)
        self.live.append(live)
        return len(self.maker) - 1

    def add_op(
        self,
        inputs: Sequence[int],
        name: str,
        sites: tuple[RawSite | None, RawSite | None],
        flags: int,
        first: int,
        last: int,
    ) -> int:
        """A new operation, whose autograd nodes have the sequence numbers from `first` up to `last`."""
        index = len(self.ops)
        self.ops.append((tuple(inputs), name, sites[0], sites[1], flags, first, last))
        if last > first:
            self._starts.append(first)
            self._owners.append(index)
        return index

    def __getitem__(self, index: int) -> Op:
        """Operation number `index`."""
        return Op(index, *self.ops[index])

    def op_of_node(self, sequence: int) -> int | None:
        """The operation that made the autograd node with this sequence number."""
        at = bisect_right(self._starts, sequence) - 1
        if at < 0:
            return None
        index = self._owners[at]
        return index if sequence < self.ops[index][6] else None

    def outputs(self) -> list[list[int]]:
        """For each operation the values that it made."""
        made: list[list[int]] = [[] for _ in self.ops]
        for value, op in enumerate(self.maker):
            if op >= 0:
                made[op].append(value)
        return made

    def consumers(self) -> list[list[int]]:
        """For each value the operations that read it."""
        readers: list[list[int]] = [[] for _ in self.maker]
        for index, op in enumerate(self.ops):
            for value in op[0]:
                readers[value].append(index)
        return readers
