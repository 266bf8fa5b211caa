"""The loops that find nearest centroids, each forced where it would not run by itself, and what they are checked by."""

import pytest
import torch

from argrad.cluster.assignment.build import load
from argrad.cluster.assignment.compiled import CompiledLoop
from argrad.cluster.assignment.geometry import HEAD, wide_axes
from argrad.cluster.assignment.plain import PlainLoop


class Bounds(CompiledLoop):
    """Bounds even where they do not pay."""

    few = 0


class Direct(CompiledLoop):
    """No bounds even where they would pay."""

    few = 2**60


class Heads(Bounds):
    """Heads wherever points are coded."""

    many = 0

    @staticmethod
    def _axes(sample, centroids):
        del centroids
        return wide_axes(sample, HEAD) if sample.shape[1] >= HEAD else None


has_library = pytest.mark.skipif(load().library is None, reason=load().reason)
loops = pytest.mark.parametrize(
    "loop",
    [
        *(pytest.param(loop, marks=has_library, id=loop.__name__) for loop in (Bounds, Direct, Heads)),
        pytest.param(PlainLoop, id="plain"),
    ],
)


def brute_force(points, centroids):
    """argmin of Σ(x − c)² in float64; `argmin` takes the first of equals."""
    parts = [((p[:, None] - centroids.double()) ** 2).sum(2) for p in points.double().split(64)]
    squared = torch.cat(parts)
    return squared.argmin(1), squared.amin(1)


def clustered(size, dims, offset=0.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    centres = 2 * torch.randn(20, dims, generator=generator)
    x = centres[torch.randint(20, (size,), generator=generator)] + torch.randn(size, dims, generator=generator)
    return (x.double() + offset).float()


def lloyd(loop, points, centroids, passes):
    """Labels, changes and centroids of every pass, by one loop."""
    loop, labels = loop(points, None), None
    for _ in range(passes):
        labels, changed = loop.assign(centroids.double(), labels)
        yield labels, changed, centroids, loop
        sums, counts = torch.zeros(centroids.shape, dtype=torch.float64), torch.zeros(len(centroids)).double()
        loop.add(sums, counts, changes_only=False)
        full = counts[:, None] > 0
        centroids = torch.where(full, sums / counts.clamp(min=1)[:, None] + loop.mean, centroids.double())
