"""Questions about a tape: what reaches the loss, what a parameter reaches, where it is cut."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from argrad.doctor.families import DETACH, FIRST_ORDER, FLAT, GATES, LOOKS, NEVER
from argrad.doctor.tape import ESCAPE, FUNCTION, LEAF

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from argrad.doctor.tape import Op, Tape

_TARGETS = frozenset(
    [
        "sub",
        "__sub__",
        "__rsub__",
        "rsub",
        "sub_",
        "mse_loss",
        "l1_loss",
        "smooth_l1_loss",
        "huber_loss",
        "kl_div",
        "cosine_similarity",
        "cdist",
        "cross_entropy",
        "binary_cross_entropy",
        "binary_cross_entropy_with_logits",
        "pairwise_distance",
        "cosine_embedding_loss",
        "triplet_margin_loss",
        "nll_loss",
        "gaussian_nll_loss",
        "dist",
    ]
)
_SUMS = frozenset(
    [
        "add",
        "__add__",
        "__radd__",
        "add_",
        "sub",
        "__sub__",
        "__rsub__",
        "rsub",
        "sub_",
        "__iadd__",
        "sum",
        "mean",
        "stack",
        "cat",
    ]
)


def gates_of(tape: Tape, product: int | None) -> list[int]:
    """The operations with tails that made a factor of a product, perhaps looked at in parts."""
    found = []
    for value in () if product is None else tape.ops[product][0]:
        maker = tape.maker[value]
        while maker != LEAF and tape.ops[maker][1] in LOOKS and tape.ops[maker][0]:
            maker = tape.maker[tape.ops[maker][0][0]]
        if maker != LEAF and tape.ops[maker][1] in GATES:
            found.append(maker)
    return found


@dataclass
class Reached:
    """What a search from one leaf met: cuts (operations) and whether it came to the loss alive."""

    cuts: dict[int, int] = field(default_factory=dict)
    flat: set[int] = field(default_factory=set)
    functions: list[int] = field(default_factory=list)
    last: int | None = None
    alive: bool = False
    derived: int | None = None


class Flow:
    """Searches over one tape.

    `leaves` are the values of the judged parameters: how an update made them (from the gradient of the step before) is
    no part of the loss.
    """

    def __init__(self, tape: Tape, leaves: Iterable[int] = ()) -> None:
        self.tape = tape
        self.leaves = frozenset(leaves)

    @cached_property
    def outputs(self) -> list[list[int]]:
        """For each operation the values that it made."""
        return self.tape.outputs()

    @cached_property
    def readers(self) -> list[list[int]]:
        """For each value the operations that read it."""
        return self.tape.consumers()

    def ancestors(self, values: Iterable[int]) -> set[int]:
        """Every value that these were computed from, integers and constants included."""
        found = {value for value in values if value >= 0}
        todo = list(found)
        while todo:
            value = todo.pop()
            op = self.tape.maker[value]
            if op != LEAF and value not in self.leaves:
                fresh = set(self.tape.ops[op][0]) - found
                found |= fresh
                todo.extend(fresh)
        return found

    def search(self, start: int, wanted: set[int], roots: set[int]) -> Reached:
        """Follow the live values from `start`; note every operation on the way to `wanted` that cuts."""
        reached = Reached()
        seen = {start}
        todo = [start]
        while todo:
            value = todo.pop()
            for index in self.readers[value] if value < len(self.readers) else ():
                reached.last = max(index, reached.last or 0)
                for out in self.outputs[index]:
                    self._step(index, out, wanted, reached, seen, todo)
        reached.alive = bool(seen & roots)
        return reached

    def _step(self, index: int, out: int, wanted: set[int], reached: Reached, seen: set[int], todo: list[int]) -> None:
        op = self.tape[index]
        if self.tape.live[out]:
            if op.name in FLAT and out in wanted:
                reached.flat.add(index)
            if op.name in FIRST_ORDER.operations and out in wanted:
                reached.derived = index
            if op.flags & FUNCTION:
                reached.functions.append(index)
            if out not in seen:
                seen.add(out)
                todo.append(out)
        elif out in wanted:
            reached.cuts[index] = out

    def escapes(self, before: int) -> list[int]:
        """The values that left torch (`item`, `numpy`, an `if`) before operation number `before`."""
        return [out for index, op in enumerate(self.tape.ops[:before]) if op[4] & ESCAPE for out in self.outputs[index]]

    def target_like(self, out: int) -> bool:
        """Whether a constant is what something live is compared with: meant to be constant."""
        seen, todo = {out}, [out]
        while todo:
            value = todo.pop()
            for index in self.readers[value]:
                op = self.tape[index]
                if any(self.tape.live[made] for made in self.outputs[index]):
                    if op.name in _TARGETS:
                        return True
                    continue
                fresh = [made for made in self.outputs[index] if made not in seen]
                seen.update(fresh)
                todo.extend(fresh)
        return False

    def would_carry(self, out: int, wanted: set[int]) -> bool:
        """Whether a gradient would reach the loss through this constant, were it not cut off."""
        seen, todo = {out}, [out]
        while todo:
            value = todo.pop()
            readers = self.readers[value]
            if not readers:
                return value in wanted
            for index in readers:
                if self.tape[index].name in NEVER:
                    continue
                if any(self.tape.live[made] for made in self.outputs[index]):
                    return True
                fresh = [made for made in self.outputs[index] if made in wanted and made not in seen]
                seen.update(fresh)
                todo.extend(fresh)
        return False

    @cached_property
    def masks(self) -> list[int]:
        """For each value the set of leaves (as bits) whose gradient could reach it."""
        bits: list[int] = []
        leaf_bit: dict[int, int] = {}
        for value, maker in enumerate(self.tape.maker):
            if maker == LEAF or value in self.leaves:
                leaf_bit[value] = 1 << len(leaf_bit)
                bits.append(leaf_bit[value])
                continue
            mask = 0
            if self.tape.live[value] and self.tape.ops[maker][1] not in FLAT:
                for source in self.tape.ops[maker][0]:
                    mask |= bits[source]
            bits.append(mask)
        return bits

    def meets_its_own(self, out: int, leaves: int, within: set[int]) -> bool:
        """Whether the cut's result meets, on its way to the loss, something live from the same leaves."""
        seen, todo, met = {out}, [out], 0
        while todo:
            value = todo.pop()
            for index in self.readers[value]:
                op = self.tape[index]
                made = [v for v in self.outputs[index] if v in within]
                if made and (op.name not in _SUMS or self._straight_through(op, seen)):
                    for other in op.inputs:
                        met |= self.masks[other] if other not in seen else 0
                fresh = [v for v in made if v not in seen]
                seen.update(fresh)
                todo.extend(fresh)
        return leaves != 0 and leaves & met == leaves

    def only_selects(self, out: int, leaf: int, within: set[int], roots: set[int]) -> bool:
        """Whether every way of the cut's result to the losses first meets something live from the same leaf."""

        def meets(op: Op, seen: set[int]) -> bool:
            return any(self.masks[other] & leaf for other in op.inputs if other not in seen)

        return self._ends(out, within, roots, meets)

    def only_detached(self, out: int, within: set[int], roots: set[int]) -> bool:
        """Whether what is made of the cut's result is detached on every way to the losses, as a constant on purpose."""
        return self._ends(out, within, roots, lambda op, _seen: op.name in DETACH.operations)

    def _ends(self, out: int, within: set[int], roots: set[int], at: Callable[[Op, set[int]], bool]) -> bool:
        """Whether every way to the losses comes by such an operation; the second argument is what came before it."""
        seen, todo = {out}, [out]
        while todo:
            for index in self.readers[todo.pop()]:
                ends = at(self.tape[index], seen)
                made = () if ends else [v for v in self.outputs[index] if v in within and v not in seen]
                if roots.intersection(made):
                    return False
                seen.update(made)
                todo.extend(made)
        return out not in roots

    def _straight_through(self, op: Op, seen: set[int]) -> bool:
        """A sum of a constant and the live value that the constant was computed from."""
        live = [value for value in op.inputs if value not in seen and self.tape.live[value]]
        dead = [value for value in op.inputs if value in seen]
        return bool(live) and any(value in self.ancestors(dead) for value in live)

    @cached_property
    def carries(self) -> list[bool]:
        """For each value whether some gradient can get through it: alive, and not flat all the way."""
        carried: list[bool] = []
        for value, maker in enumerate(self.tape.maker):
            if maker == LEAF or value in self.leaves:
                carried.append(True)
                continue
            op = self.tape[maker]
            opaque = bool(op.flags & FUNCTION) or op.name == "unseen"
            carried.append(
                self.tape.live[value]
                and op.name not in FLAT
                and (opaque or not op.inputs or any(carried[v] for v in op.inputs))
            )
        return carried
