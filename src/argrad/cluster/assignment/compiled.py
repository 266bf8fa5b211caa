"""The compiled loop: bounds across passes, a screen in int8 or float32, float64 where it decides."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor

from argrad.cluster.assignment.build import load

if TYPE_CHECKING:
    from collections.abc import Callable

_LANES: Final = 16
_DTYPES: Final = (torch.float32, torch.float64)
_INT8_DIMS: Final = 24  # below, turning sums of codes into scores costs more than int8 saves
_CHUNK_BYTES: Final = 2**18  # a chunk's screen stays in the L2 cache
_UNIT: Final = 2.0**-24
_FAR: Final = 1e12  # centroids beyond this many spreads would overflow the screen's float32 squares

_SIZES: Final = ("points", "centroids", "dims", "chunk", "groups", "blocks_per_group", "threads")
_SWITCHES: Final = ("points_are_double", "int8", "keep_bounds")
_ARRAYS: Final = (
    *("x", "c", "mean", "place", "position", "previous", "labels", "own", "bounds", "drift", "square", "code"),
    *("step", "lost", "start", "block", "norm", "about", "inertia", "weights"),
)


class _Job(ctypes.Structure):
    """`Job` of job.h, field by field."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in (*_SIZES, *_SWITCHES)),
        ("scale", ctypes.c_double),
        *((name, ctypes.c_void_p) for name in _ARRAYS),
    )


def fits(points: Tensor) -> bool:
    """Whether the compiled loop can take these points: on the CPU, in float32 or float64, and compiled at all."""
    return points.device.type == "cpu" and points.dtype in _DTYPES and load().library is not None


class CompiledLoop:
    """Passes over the same points (N, d) by the compiled loop.

    Beside the points it keeps at most their size again: their codes, and bounds for as many groups of centroids as
    fit in a half of it.
    """

    def __init__(self, points: Tensor, weights: Tensor | None) -> None:
        self._arrays: dict[str, Tensor] = {"x": points.contiguous()}
        if weights is not None:
            self._arrays["weights"] = weights.contiguous()
        self._job = _Job(points=points.shape[0], dims=points.shape[1])
        self._job.points_are_double = points.dtype == torch.float64
        self._centroids: Tensor | None = None
        self._describe_points()

    def _describe_points(self) -> None:
        x, job = self._arrays["x"], self._job
        mean = x.mean(0, dtype=torch.float64)
        reach = max((x.amax(0) - mean).max().item(), (mean - x.amin(0)).max().item()) if len(x) else 0.0
        job.scale = 2.0 ** -torch.tensor(reach, dtype=torch.float64).frexp().exponent.item() if reach > 0 else 1.0
        job.int8 = bool(_library().argrad_has_int8()) and _INT8_DIMS <= job.dims <= 2**16
        row = job.dims * (1 if job.int8 else 4)
        job.chunk = min(max(_CHUNK_BYTES // row // 64 * 64, 128), 1024)
        quads = -(-job.dims // 4) * 4
        empty = {"square": ((job.points,), torch.float32)}
        if job.int8:
            empty |= dict.fromkeys(("step", "lost"), ((job.points,), torch.float32))
            empty |= {"start": ((job.points,), torch.int32), "code": ((job.points, quads), torch.int8)}
        self._arrays |= {name: torch.empty(shape, dtype=dtype) for name, (shape, dtype) in empty.items()}
        self._arrays["mean"] = mean
        self._run(_library().argrad_describe_points)
        self._reach = self._arrays["square"].max().sqrt().item() if len(x) else 0.0

    def accepts(self, centroids: Tensor) -> bool:
        """Whether no centroid lies so far out that the screen would overflow."""
        if not len(self._arrays["x"]):
            return False
        far = (centroids - self._arrays["mean"]).abs().max() * self._job.scale
        return bool(far < _FAR)

    def assign(self, centroids: Tensor, previous: Tensor | None) -> tuple[Tensor, Tensor, float, int]:
        """Labels, squared distances to the own centroid, their weighted sum, and the number of labels changed."""
        job, arrays = self._job, self._arrays
        if self._centroids is None or previous is None:
            self._group(centroids)
            previous = torch.full((job.points,), -1)
        self._lower_bounds(centroids)
        self._centroids = arrays["c"] = centroids.contiguous()
        arrays["previous"] = previous
        arrays["labels"] = torch.empty(job.points, dtype=torch.int64)
        arrays["own"] = torch.empty(job.points, dtype=torch.float64)
        arrays["inertia"] = torch.empty(-(-job.points // job.chunk), 2, dtype=torch.float64)
        self._run(_library().argrad_lay_centroids)
        self._run(_library().argrad_assign)
        inertia, changed = arrays["inertia"].cumsum(0)[-1].tolist()
        return arrays["labels"], arrays["own"], inertia, int(changed)

    def add(self, sums: Tensor, counts: Tensor, *, changes_only: bool) -> None:
        """Add the points of every label to `sums` (k, d) and `counts` (k,); or only what the last pass changed."""
        self._run(_library().argrad_sums, _pointer(sums), _pointer(counts), ctypes.c_int64(changes_only))

    def _group(self, centroids: Tensor) -> None:
        """Lay neighbouring centroids side by side, 16 a block, and as many blocks a group as the memory asks."""
        job, arrays = self._job, self._arrays
        job.centroids = len(centroids)
        order = neighbours(centroids)
        blocks = -(-job.centroids // _LANES)
        spare = arrays["x"].element_size() * job.dims // 8  # half of the data's size, in float32
        job.blocks_per_group = -(-blocks // max(min(blocks, spare), 1))
        job.groups = -(-blocks // job.blocks_per_group)
        blocks = job.groups * job.blocks_per_group
        arrays["place"] = torch.full((blocks * _LANES,), -1, dtype=torch.int32)
        arrays["place"][: job.centroids] = order.to(torch.int32)
        arrays["position"] = order.argsort().to(torch.int32)
        width = -(-job.dims // 4) * 4
        arrays["block"] = torch.empty(blocks * _LANES * width, dtype=torch.uint8 if job.int8 else torch.float32)
        arrays["norm"] = torch.empty(blocks * _LANES)
        arrays["about"] = torch.empty(blocks, 4)
        chunks = -(-job.points // job.chunk)
        arrays["bounds"] = torch.full((chunks, job.groups, job.chunk), -torch.inf)
        job.keep_bounds = True
        self._centroids = None

    def _lower_bounds(self, centroids: Tensor) -> None:
        """How far a centroid of each group moved since the last pass, rounded up: bounds fall by that."""
        job = self._job
        drift = torch.zeros(len(self._arrays["place"]), dtype=torch.float64)
        if self._centroids is not None:
            moved = (centroids - self._centroids).norm(dim=1) * job.scale
            far = self._reach + (centroids - self._arrays["mean"]).norm(dim=1).max().item() * job.scale
            drift[self._arrays["position"].long()] = torch.where(moved > 0, moved * (1 + 1e-6) + 8 * _UNIT * far, 0)
        self._arrays["drift"] = drift.view(job.groups, -1).amax(1).float()

    def _run(self, function: Callable[..., int], *more: Any) -> None:
        job = self._job
        job.threads = torch.get_num_threads()
        for name in _ARRAYS:
            setattr(job, name, _pointer(self._arrays.get(name)))
        if function(ctypes.byref(job), *more):
            raise MemoryError("The compiled k-means loop could not get the memory of its threads.")


def neighbours(centroids: Tensor) -> Tensor:
    """An order of the centroids (k, d) in which near ones are near: halved again and again along the widest spread."""
    return torch.cat(_halve(centroids, torch.arange(len(centroids))))


def _halve(centroids: Tensor, index: Tensor) -> list[Tensor]:
    if len(index) <= _LANES:
        return [index]
    part = centroids[index] - centroids[index].mean(0)
    direction = part[part.square().sum(1).argmax()]
    for _ in range(4):  # power iteration: any direction is right, a wide one is better
        direction = torch.nn.functional.normalize(part.T @ (part @ direction), dim=0)
    index = index[(part @ direction).argsort(stable=True)]
    half = -(-len(index) // (2 * _LANES)) * _LANES
    return _halve(centroids, index[:half]) + _halve(centroids, index[half:])


def _pointer(tensor: Tensor | None) -> ctypes.c_void_p:
    return ctypes.c_void_p(None if tensor is None else tensor.data_ptr())


def _library() -> ctypes.CDLL:
    library = load().library
    assert library is not None  # noqa: S101  (for the type checker; `fits` was asked before)
    return library
