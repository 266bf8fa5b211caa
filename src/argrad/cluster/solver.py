"""One loop: assign, add up in float64, step. Lloyd's algorithm, and its momentum."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import torch
from torch.nn import functional

from argrad.cluster.rows import Far

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from argrad.cluster.rows import Passes, Totals

CONVERGED: Final = "no label changed"
WITHIN_TOL: Final = "the centroids moved less than tol"
MAX_ITER: Final = "max_iter steps were made"

_SLOW: Final = 1e-4  # momentum ends where a pass lowers the inertia by less than this part of it


@dataclass(frozen=True)
class Settings:
    """How to step.

    Attributes:
        max_iter: the most steps; one more pass then finds the labels of where they led.
        shift: stop when Σ_k |step_k|² is not above this: scikit-learn's `tol` times the mean variance.
        momentum: of Nesterov's kind, in [0, 1); 0 is Lloyd's algorithm.
        spherical: keep centroids at norm 1 (cosine).
    """

    max_iter: int = 300
    shift: float = 0.0
    momentum: float = 0.0
    spherical: bool = False


@dataclass(frozen=True)
class State:
    """Everything that the next pass depends on: saved, and loaded, a run ends in the same result.

    Attributes:
        centroids: (k, d) float64 whose values fit the dtype of the result.
        velocity: (k, d) float64, what momentum carries.
        plain: whether momentum has ended.
        history: the inertia at the centroids of every pass.
        changed: how many labels the last pass changed.
        stopped: why the run stopped; empty while it runs.
    """

    centroids: Tensor
    velocity: Tensor
    plain: bool = False
    history: tuple[float, ...] = field(default=())
    changed: int = -1
    stopped: str = ""


def start(centroids: Tensor, settings: Settings) -> State:
    """The state before the first pass."""
    exact = centroids.double()
    exact = functional.normalize(exact, dim=1) if settings.spherical else exact
    exact = exact.to(centroids.dtype).double()
    return State(exact, torch.zeros_like(exact), plain=settings.momentum == 0)


def solve(
    passes: Passes,
    state: State,
    settings: Settings,
    dtype: torch.dtype,
    on_pass: Callable[[State], object] | None = None,
) -> State:
    """Pass after pass until no label changes, the centroids rest, or `max_iter` steps are made.

    The last pass's labels are those of the returned centroids, and so is `history[-1]`.

    Args:
        passes: over the points.
        state: where to begin, or to go on.
        settings: how to step.
        dtype: the dtype of the result: each step is rounded to it, so that labels belong to what is returned.
        on_pass: called with the state after every pass.
    """
    while not state.stopped:
        totals = passes.step(state.centroids)
        state = _advance(passes, totals, state, settings, dtype)
        if on_pass is not None:
            on_pass(state)
    return state


def _advance(passes: Passes, totals: Totals, state: State, settings: Settings, dtype: torch.dtype) -> State:
    """The state after one pass. A run that stops keeps its centroids, as the labels belong to them."""
    mean, moved = _means(passes, totals, state.centroids, settings, dtype)
    seen = replace(state, history=(*state.history, totals.inertia), changed=totals.changed)
    if state.plain:
        after = replace(seen, centroids=mean.to(dtype).double())
    else:
        after = _with_momentum(seen, mean, settings, dtype, moved=moved)
    stopped = _why_stop(seen, after, settings, moved=moved)
    return replace(seen, stopped=stopped) if stopped else after


def _with_momentum(seen: State, mean: Tensor, settings: Settings, dtype: torch.dtype, *, moved: bool) -> State:
    """One step of SGD with Nesterov momentum and lr 1 on the Newton-preconditioned gradient c − mean(c).

    The velocity is dropped where the inertia rose, and where a cluster moved: it is no direction from there.
    """
    if moved:
        return replace(seen, centroids=mean.to(dtype).double(), velocity=torch.zeros_like(mean))
    fell = _last_fall(seen.history)
    gradient = seen.centroids - mean
    velocity = seen.velocity * (settings.momentum if fell > 0 else 0.0) + gradient
    ends = abs(fell) < _SLOW or seen.changed == 0 or len(seen.history) >= settings.max_iter // 2
    target = mean if ends else seen.centroids - gradient - settings.momentum * velocity
    target = functional.normalize(target, dim=1) if settings.spherical else target
    return replace(seen, centroids=target.to(dtype).double(), velocity=velocity, plain=ends)


def _last_fall(history: tuple[float, ...]) -> float:
    """By which part of itself the last pass lowered the inertia; infinite after the first."""
    if len(history) == 1:
        return float("inf")
    before, now = history[-2:]
    return (before - now) / before if before > 0 else 0.0


def _why_stop(seen: State, after: State, settings: Settings, *, moved: bool) -> str:
    if _rests(seen, after) and not moved:
        return CONVERGED
    step = (after.centroids - seen.centroids).square().sum()
    if seen.plain and not moved and step <= settings.shift:
        return WITHIN_TOL
    return MAX_ITER if len(seen.history) > settings.max_iter else ""


def _rests(seen: State, after: State) -> bool:
    """Whether a plain step changed no label, or led nowhere (a resumed run has no last labels)."""
    if not seen.plain:
        return False
    first = len(seen.history) == 1
    return (seen.changed == 0 and not first) or torch.equal(seen.centroids, after.centroids)


def _means(
    passes: Passes, totals: Totals, centroids: Tensor, settings: Settings, dtype: torch.dtype
) -> tuple[Tensor, bool]:
    """The mean of every cluster; an empty one moves to a far point, and where there is none, stays."""
    sums, counts = totals.sums.clone(), totals.counts.clone()
    empty = (counts <= 0).nonzero().squeeze(1)
    moved = len(empty) > 0 and _refill(passes, sums, counts, empty, dtype)
    mean = torch.where(
        counts[:, None] > 0, sums / counts[:, None].clamp_min(torch.finfo(torch.float64).tiny), centroids
    )
    if settings.spherical:
        length = mean.norm(dim=1, keepdim=True)
        mean = torch.where(length > 0, mean / length, centroids)
    return mean, moved


def _refill(passes: Passes, sums: Tensor, counts: Tensor, empty: Tensor, dtype: torch.dtype) -> bool:
    """Give each empty cluster one of the farthest points, taken from the cluster that it was in.

    A point at its centroid but for rounding is not far: moving a cluster there would go on for ever.
    """
    far = passes.farthest(len(empty))
    rounding = 4 * torch.finfo(dtype).eps * far.points.norm(dim=1)
    far = Far(*(part[far.distances > rounding.square()] for part in far))
    to = empty[: len(far.labels)]
    weighted = far.points * far.weights[:, None]
    for sign, label in ((-1.0, far.labels), (1.0, to)):  # a few rows: one after the other, on every device alike
        for row, target in enumerate(label.tolist()):
            sums[target] += sign * weighted[row]
            counts[target] += sign * far.weights[row]
    return len(to) > 0
