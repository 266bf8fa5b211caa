"""What the doctor found, as plain frozen data: the JSON contract and the scalars for trackers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from argrad._version import __version__
from argrad.doctor.families import CANCELLED, Family

if TYPE_CHECKING:
    from argrad.doctor.frames import Site
    from argrad.doctor.onward import Onward


@dataclass(frozen=True)
class Parameter:
    """One watched tensor: its status is measured, never guessed."""

    name: str
    status: str
    numel: int
    shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class Cut:
    """One place where gradient stops, and what that does."""

    id: str
    family: Family
    operation: str
    site: Site
    verdict: str
    parameters: tuple[str, ...]
    library: Site | None = None
    values: tuple[float, float] | None = None
    left: float | None = None
    silenced: str | None = None
    onward: Onward | None = None

    def as_dict(self) -> dict[str, Any]:
        """The entry of the JSON contract."""
        return {
            "id": self.id,
            "family": self.family.name,
            "operation": self.operation,
            "file": self.site.file,
            "line": self.site.line,
            "column": self.site.column,
            "verdict": self.verdict,
            "parameters": list(self.parameters),
        }


@dataclass(frozen=True)
class DeadTerm:
    """A summand of the loss that is constant to autograd, and the cuts that made it so."""

    site: Site
    cuts: tuple[str, ...] = ()
    whole_loss: bool = False
    marked: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The entry of the JSON contract."""
        return {
            "file": self.site.file,
            "line": self.site.line,
            "column": self.site.column,
            "text": self.site.text.strip(),
            "cuts": list(self.cuts),
        }


@dataclass(frozen=True)
class Idle:
    """A parameter that nothing in the loss was computed from: where it was last used, or why it got nothing."""

    family: Family
    parameters: tuple[str, ...]
    site: Site | None = None


@dataclass(frozen=True)
class Report:
    """The whole verdict on a watched stretch of a run."""

    parameters: tuple[Parameter, ...] = ()
    cuts: tuple[Cut, ...] = ()
    dead_terms: tuple[DeadTerm, ...] = ()
    idle: tuple[Idle, ...] = ()
    steps: int = 0
    silenced_loss: bool = False
    error: str | None = None
    interrupted: str | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def starved(self) -> tuple[Parameter, ...]:
        """The parameters that get no useful gradient."""
        return tuple(p for p in self.parameters if p.status != "flows")

    @property
    def harmful(self) -> tuple[Cut, ...]:
        """The cuts that took some parameter's only way to the loss."""
        return tuple(cut for cut in self.cuts if cut.verdict == "harmful")

    @property
    def unexcused(self) -> tuple[Parameter, ...]:
        """The starved parameters, less those all of whose cuts are silenced in the source."""
        offsets = {name for item in self.idle if item.family is CANCELLED for name in item.parameters}
        return tuple(p for p in self.starved if p.name not in offsets and not self._excused(p.name))

    def _excused(self, name: str) -> bool:
        mine = [cut for cut in self.harmful if name in cut.parameters]
        return bool(mine) and all(cut.silenced is not None for cut in mine)

    @property
    def live_dead_terms(self) -> tuple[DeadTerm, ...]:
        """The dead terms, less those whose cuts are silenced in the source."""
        quiet = {cut.id for cut in self.cuts if cut.silenced is not None}
        return tuple(term for term in self.dead_terms if not (term.cuts and set(term.cuts) <= quiet))

    @property
    def ok(self) -> bool:
        """Whether there is nothing to report."""
        return not self.unexcused and not self.live_dead_terms

    def without(self, patterns: tuple[str, ...]) -> Report:
        """The report less the parameters whose names match one of the patterns."""
        from fnmatch import fnmatchcase  # noqa: PLC0415

        kept = tuple(p for p in self.parameters if not any(fnmatchcase(p.name, q) for q in patterns))
        return replace(self, parameters=kept)

    def as_dict(self) -> dict[str, Any]:
        """The JSON contract."""
        return {
            "parameters": [{"name": p.name, "status": p.status, "numel": p.numel} for p in self.parameters],
            "cuts": [cut.as_dict() for cut in self.cuts],
            "dead_terms": [term.as_dict() for term in self.dead_terms],
            "steps": self.steps,
            **({"interrupted": self.interrupted} if self.interrupted is not None else {}),
            "argrad": __version__,
        }

    def to_json(self) -> str:
        """The contract as text."""
        return json.dumps(self.as_dict(), indent=2)

    def scalars(self) -> dict[str, float]:
        """Numbers for an experiment tracker."""
        starved = self.starved
        return {
            "doctor/parameters": float(len(self.parameters)),
            "doctor/starved_parameters": float(len(starved)),
            "doctor/starved_numbers": float(sum(p.numel for p in starved)),
            "doctor/harmful_cuts": float(len(self.harmful)),
            "doctor/dead_terms": float(len(self.dead_terms)),
        }
