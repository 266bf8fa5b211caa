"""Group what the report holds into findings: one for each cause, in the order of their weight."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from argrad.doctor import families

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from argrad.doctor.frames import Site
    from argrad.doctor.report import Cut, Parameter, Report

_HELP = {
    families.INDEX: (
        "value = argrad.select(values, scores)      hard choice forward, gradient to the scores",
        "argrad.expect(cost, scores, …)             if every choice can be evaluated",
    ),
    families.COMPARISON: ("argrad.threshold(scores, at=t)             exactly 0 or 1, with a gradient",),
    families.ROUNDING: (
        "value = argrad.select(values, scores)      hard choice forward, gradient to the scores",
        "argrad.round(x), argrad.sign(x)            rounded forward, straight-through gradient",
    ),
    families.CAST: ("argrad.argmax(scores)                      a one-hot float instead of an index",),
    families.ENCODING: ("argrad.argmax(-(x - centres) ** 2)         the nearest bucket, with a gradient",),
    families.SAMPLING: (
        "argrad.sample(scores)                      a one-hot draw, with a gradient",
        "argrad.expect(cost, scores)                score function: log-probability × cost",
    ),
    families.PYTHON: ("keep the tensor; argrad.threshold(gate) instead of a Python `if`",),
    families.DETACH: ("remove the detach, or say requires_grad_(False) of what should be frozen",),
    families.REWRAP: ("torch.stack([...]) instead of torch.tensor([...])",),
    families.FUNCTION: ("argrad.exact(hard, soft)                   forward the first, gradient of the second",),
    families.INPLACE: ("compute a new tensor instead of writing under no_grad",),
    families.SATURATION: ("normalise before, initialise smaller, or use a function that is nowhere flat",),
    families.COLD: ("argrad.soft_argmax(scores, temperature=1)  or argrad.argmax(scores) for a hard choice",),
    families.UNUSED: ("use it in the loss, or do not give it to the optimiser",),
    families.REQUIRES: ("remove it, and mend the operation that cut the graph",),
    families.CONSTANT: ("normalise before choosing: argrad.select(scores.softmax(-1), scores)",),
    families.ZERO: ("look at the factor that is 0",),
    families.CLEARED: ("zero_grad() before backward(), not between backward() and step()",),
    families.CANCELLED: (
        "an offset that the loss cannot see (the last bias of a Wasserstein critic) needs no mending",
    ),
    families.UNSEEN: ("run it eagerly (PYTORCH_JIT=0), and look again",),
    families.FADED: ("normalise between the layers, add skip connections, or initialise larger",),
    families.DERIVATIVE: (
        "an offset that the derivative cannot see needs no mending; do not give it to the optimiser",
    ),
    families.FIRST_ORDER: ("torch.autograd.grad(…, create_graph=True)",),
    families.DEAD_TERM: ("replace it by something that has a gradient, or move it out of the loss",),
}


_NUMBER = re.compile(r"\.\d+(?=\.|$)|\[\d+\]")


@dataclass(frozen=True)
class Finding:
    """One cause and what it does: an error starves parameters, a warning kills a term of the loss."""

    level: str
    code: str
    title: str
    names: tuple[str, ...]
    cuts: tuple[Cut, ...]
    site: Site | None
    help: tuple[str, ...]
    marked: bool = False


def findings_of(report: Report) -> list[Finding]:
    """Every finding of a report, errors first."""
    quiet = {p.name for p in report.starved} - {p.name for p in report.unexcused}
    errors = [_error(report, names, cuts) for names, cuts in _causes(report) if not set(names) <= quiet]
    idle = [_idle(report, item.parameters, item.family, item.site) for item in report.idle]
    return [*errors, *idle, *_dead(report)]


def _causes(report: Report) -> list[tuple[list[str], list[Cut]]]:
    """Starved parameters that share a cut share a cause."""
    groups: list[tuple[list[str], list[Cut]]] = []
    for cut in report.harmful:
        touching = [g for g in groups if set(g[0]) & set(cut.parameters)]
        names = dict.fromkeys([*(n for g in touching for n in g[0]), *cut.parameters])
        merged = [*(c for g in touching for c in g[1]), cut]
        groups = [g for g in groups if g not in touching] + [(list(names), merged)]
    return groups


def _error(report: Report, names: list[str], cuts: list[Cut]) -> Finding:
    first = cuts[0].family
    helps = dict.fromkeys(line for cut in cuts[:2] for line in _HELP.get(cut.family, ()))
    return Finding(
        "error", first.code, _title(report, names), tuple(names), tuple(cuts), cuts[0].site, tuple(helps)[:3]
    )


def _title(report: Report, names: Sequence[str]) -> str:
    mine = [p for p in report.parameters if p.name in set(names)]
    total, numbers = len(report.parameters), sum(p.numel for p in report.parameters)
    statuses = {p.status for p in mine}
    got = {"vanishing": "a vanishing gradient", "zero": "a gradient of exactly 0"}.get(
        next(iter(statuses)) if len(statuses) == 1 else "", "no gradient"
    )
    whole = f"{len(mine)} of {total} parameters" if total > 1 else "the only parameter"
    verb = "gets" if len(mine) == 1 else "get"
    return f"{whole} ({sum(p.numel for p in mine):,} of {numbers:,} numbers) {verb} {got}"


def _idle(report: Report, names: tuple[str, ...], family: families.Family, site: Site | None) -> Finding:
    title = f"{_title(report, names)}: {family.why if site or family is not families.UNUSED else 'never called'}"
    return Finding(
        "note" if family is families.CANCELLED else "error", family.code, title, names, (), site, _HELP[family]
    )


def _dead(report: Report) -> list[Finding]:
    by_id = {cut.id: cut for cut in report.cuts}
    return [
        Finding(
            "warning",
            families.DEAD_TERM.code,
            "the loss is constant to autograd" if term.whole_loss else "a term of the loss is constant to autograd",
            (),
            tuple(by_id[name] for name in term.cuts if name in by_id),
            term.site,
            _HELP[families.DEAD_TERM],
            term.marked,
        )
        for term in report.live_dead_terms
    ]


def grouped(parameters: Iterable[Parameter | str], limit: int = 8) -> list[str]:
    """Names that fit one screen: above `limit`, one entry for all layers of a kind, or else for each module."""
    names = [p if isinstance(p, str) else p.name for p in parameters]
    if len(names) <= limit:
        return names
    kinds = _counted(names, [_NUMBER.sub(".*", name) for name in names])
    depth = max(name.count(".") for name in names)
    while len(kinds) > limit and depth > 0:
        kinds = _counted(names, [_module(name, depth) for name in names])
        depth -= 1
    return kinds if len(kinds) <= 2 * limit else [*kinds[: 2 * limit], f"… and {len(kinds) - 2 * limit} more"]


def _module(name: str, depth: int) -> str:
    parts = name.split(".")
    return name if len(parts) <= depth else f"{'.'.join(parts[:depth])}.*"


def _counted(names: Sequence[str], kinds: Sequence[str]) -> list[str]:
    """Each kind with its number of names; a name that is alone of its kind stands for itself."""
    many, first = Counter(kinds), dict(zip(reversed(kinds), reversed(names), strict=True))
    return [f"{kind} ({count})" if count > 1 else first[kind] for kind, count in many.items()]
