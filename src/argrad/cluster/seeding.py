"""Where k-means begins: greedy k-means++, k-means||, random points."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import torch

from argrad._checks import require, require_count
from argrad.cluster.assignment import nearest
from argrad.cluster.assignment.geometry import unit_scale
from argrad.cluster.hashing import uniform
from argrad.cluster.rows import Memory

if TYPE_CHECKING:
    from torch import Tensor

    from argrad.cluster.rows import Rows

_CHUNK: Final = 2**16  # rows of a chunk of candidate distances
ROUNDS: Final = 5
OVERSAMPLING: Final = 1.0
INITS: Final = ("k-means||", "k-means++", "random")


def seed_centroids(rows: Rows, init: str, k: int, seed: int) -> Tensor:
    """Begin by one of the three ways, (k, d) in the rows' dtype."""
    if init == "k-means||":
        return kmeans_parallel(rows, k, seed)
    if init == "random":
        return random_points(rows, k, seed)
    require(isinstance(rows, Memory), "init", "KMeans", "'k-means||' or 'random' unless the points are in memory", init)
    assert isinstance(rows, Memory)  # noqa: S101  (for the type checker; checked above)
    return kmeans_plus_plus(rows.points.to(rows.dtype), k, seed, rows.weights)


def random_points(rows: Rows, k: int, seed: int) -> Tensor:
    """Draw k different rows, each next one with probability proportional to its weight.

    The k least of −log(u_i) / w_i, where u_i is a hash of the seed and the row's index: the same rows whatever the size
    of a batch and however the rows are spread over processes.

    Args:
        rows: the points.
        k: how many.
        seed: of the hash.

    Returns:
        (min(k, N), d), the first drawn first; rows of weight 0 come last.

    Source: P. S. Efraimidis and P. G. Spirakis, *Weighted random sampling with a reservoir*, 2006.
    """
    best = torch.empty(0, rows.dimensions + 1, dtype=torch.float64, device=rows.device)
    for batch in rows.batches():
        keys = -uniform(seed, 0, batch.first, len(batch.points), rows.device).log() / batch.weights
        least = keys.sort(stable=True).indices[:k]
        best = _least(torch.cat([best, torch.cat([keys[least, None], batch.points[least].double()], 1)]), k)
    return _least(rows.gather(best), k)[:, 1:].to(rows.dtype)


def kmeans_plus_plus(
    points: Tensor, k: int, seed: int, weights: Tensor | None = None, trials: int | None = None
) -> Tensor:
    """Greedy k-means++: each next centroid is the best of a few points drawn ∝ w · distance² to the nearest so far.

    All candidates of a step meet all points in one matrix product. The best is the one that leaves the least inertia.

    Args:
        points: (N, d), floating point.
        k: how many.
        seed: of the draws.
        weights: (N,), or None for 1 each; points of weight 0 are not drawn.
        trials: candidates of a step, ⌊2 + ln k⌋ if None.

    Returns:
        (k, d), rows of `points`. Once every distinct point is drawn, further draws repeat them.

    Raises:
        ValueError: if there are fewer points than k.

    Wrong when N·k·d is large: it makes ⌊2 + ln k⌋ + 1 times the distances of a pass of Lloyd's; see
    `kmeans_parallel`.

    Source: D. Arthur and S. Vassilvitskii, *k-means++: the advantages of careful seeding*, 2007; greedy as in their
    conclusion.
    """
    rows = f"with points of shape {tuple(points.shape)}"
    require_count(k, "k", "kmeans_plus_plus", 1, len(points), context=rows)
    trials = trials or 2 + int(math.log(k))
    generator = torch.Generator().manual_seed(seed % 2**63)
    w = torch.ones(len(points), device=points.device).double() if weights is None else weights.double()
    scale = unit_scale(points.abs().max(), points.dtype)  # no square is too large or too small for the dtype
    x = (points * scale).sub_((points.mean(0, dtype=torch.float64) * scale).to(points.dtype))
    norms = x.square().sum(1)
    chosen = [_draw(w, 1, generator)]
    closest = _distances(x, norms, chosen[0])[0]
    for _ in range(1, k):
        mass = w * closest
        candidates = _draw(mass if bool(mass.sum() > 0) else w, trials, generator)
        best = candidates[_potentials(x, norms, candidates, closest, w).argmin()].unsqueeze(0)
        closest = torch.minimum(closest, _distances(x, norms, best)[0])
        chosen.append(best)
    return points[torch.cat(chosen)]


def kmeans_parallel(rows: Rows, k: int, seed: int, rounds: int = ROUNDS, oversampling: float = OVERSAMPLING) -> Tensor:
    """k-means||: a few rounds that draw about oversampling · k points each, reduced to k by greedy k-means++.

    In a round, point i is drawn with probability oversampling · k · w_i d_i² / Σ_j w_j d_j², where d_i is its distance
    to the nearest point drawn so far; then every drawn point is weighted by the points nearest to it. Draws are hashes
    of the seed and the row's index, so that any batch size and any number of processes draw the same.

    Args:
        rows: the points.
        k: how many.
        seed: of the draws.
        rounds: how many.
        oversampling: points drawn a round, in units of k.

    Returns:
        (min(k, N), d) in the rows' dtype.

    Source: B. Bahmani, B. Moseley, A. Vattani, R. Kumar and S. Vassilvitskii, *Scalable k-means++*, 2012, algorithm 2
    (there with rounds of the order of the logarithm of the first potential).
    """
    candidates = random_points(rows, 1, seed)
    distances = [torch.full((len(b.points),), torch.inf, device=rows.device).double() for b in rows.batches()]
    labels = [torch.zeros(len(d), dtype=torch.int64, device=rows.device) for d in distances]
    new = candidates
    for draw in range(1, rounds + 1):
        potential = _approach(rows, new, len(candidates) - len(new), distances, labels)
        if potential == 0:
            break
        scale = oversampling * k / potential
        picked = [
            batch.points[uniform(seed, draw, batch.first, len(d), rows.device) < scale * batch.weights * d]
            for batch, d in zip(rows.batches(), distances, strict=True)
        ]
        new = rows.gather(torch.cat(picked))
        candidates = torch.cat([candidates, new])
    _approach(rows, new, len(candidates) - len(new), distances, labels)
    if len(candidates) < k:
        return _top_up(rows, candidates, k, seed)
    return kmeans_plus_plus(candidates, k, seed, _weigh(rows, labels, len(candidates)))


def _approach(rows: Rows, new: Tensor, first: int, distances: list[Tensor], labels: list[Tensor]) -> float:
    """Update each point's nearest candidate by the new ones, in place; the potential Σ w d²."""
    potential = torch.zeros((), dtype=torch.float64, device=rows.device)
    for batch, distance, label in zip(rows.batches(), distances, labels, strict=True):
        if len(new):
            index, squared = nearest(batch.points, new)
            closer = squared < distance
            label[closer] = index[closer] + first
            torch.minimum(distance, squared, out=distance)
        potential += batch.weights @ distance
    return float(rows.total(potential))


def _weigh(rows: Rows, labels: list[Tensor], count: int) -> Tensor:
    weight = torch.zeros(count, dtype=torch.float64, device=rows.device)
    for batch, label in zip(rows.batches(), labels, strict=True):
        weight += torch.bincount(label, batch.weights, minlength=count)
    return rows.total(weight)


def _top_up(rows: Rows, candidates: Tensor, k: int, seed: int) -> Tensor:
    """Fewer candidates than centroids (few rows, or few that differ): random rows for the rest, if there are k."""
    others = random_points(rows, k, seed)
    return others if len(others) < k else torch.cat([candidates, others])[:k]


def _draw(mass: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Indices drawn with probability ∝ mass: the inverse of the cumulative sum."""
    cumulative = mass.double().cumsum(0)
    at = torch.rand(count, generator=generator, dtype=torch.float64).to(mass.device) * cumulative[-1]
    return torch.searchsorted(cumulative, at, right=True).clamp_max(len(mass) - 1)


def _distances(x: Tensor, norms: Tensor, index: Tensor) -> Tensor:
    """Squared distances (m, N) to the points of an index; what is below rounding is 0, so that no point repeats."""
    at = norms[index, None]
    squared = torch.addmm(norms[None], x[index], x.T, alpha=-2).add_(at)
    floor = 8 * torch.finfo(x.dtype).eps * (norms + at)
    return torch.where(squared > floor, squared, 0)


def _potentials(x: Tensor, norms: Tensor, candidates: Tensor, closest: Tensor, weights: Tensor) -> Tensor:
    """The inertia (m,) that each candidate would leave, in memory that does not grow with m × N."""
    total = torch.zeros(len(candidates), dtype=torch.float64, device=x.device)
    at = norms[candidates, None]
    for first in range(0, len(x), _CHUNK):
        part = slice(first, first + _CHUNK)
        squared = torch.addmm(norms[None, part], x[candidates], x[part].T, alpha=-2).add_(at).clamp_min_(0)
        total += torch.minimum(squared, closest[None, part]).double() @ weights[part]
    return total


def _least(keyed: Tensor, k: int) -> Tensor:
    return keyed[keyed[:, 0].sort(stable=True).indices[:k]]
