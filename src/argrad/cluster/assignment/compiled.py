"""The compiled loop: bounds across passes, a screen in codes or float32, float64 where it decides."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor

from argrad.cluster.assignment.build import load

if TYPE_CHECKING:
    from collections.abc import Callable

_DTYPES: Final = (torch.float32, torch.float64)
_CODED_DIMS: Final = 24  # below, turning sums of codes into scores costs more than codes save
_CHUNK_BYTES: Final = 2**18  # a chunk's screen stays in the L2 cache
_UNIT: Final = 2.0**-24
_FAR: Final = 1e12  # this many spreads from the centre, float32 squares of the screen are still far from overflow
_SAMPLE: Final = 4096  # points that tell where the centre is and how wide they spread: any answer is right
_CANCELS: Final = 1e-5  # inertia below this part of the points' spread is summed up point by point

_SIZES: Final = ("points", "centroids", "dims", "chunk", "groups", "blocks_per_group", "threads")
_SWITCHES: Final = ("points_are_double", "coded")
_ARRAYS: Final = (
    *(
        "x",
        "c",
        "mean",
        "centre",
        "weights",
        "place",
        "position",
        "previous",
        "labels",
        "upper",
        "bounds",
        "moved",
        "drift",
    ),
    *("square", "code", "step", "lost", "start", "row", "length", "block", "norm", "about", "total", "own"),
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
    return points.device.type == "cpu" and points.dtype in _DTYPES and points.numel() > 0 and load().library is not None


class CompiledLoop:
    """Passes over the same points (N, d) by the compiled loop.

    Beside the points it keeps at most their size again: their codes, and bounds for as many groups of centroids as
    fit in a half of it. Without `keep` it is meant for one pass, and keeps no bounds.
    """

    def __init__(self, points: Tensor, weights: Tensor | None, *, keep: bool = True) -> None:
        self._arrays: dict[str, Tensor] = {"x": points.contiguous()}
        if weights is not None:
            self._arrays["weights"] = weights.contiguous()
        self._job = _Job(points=points.shape[0], dims=points.shape[1])
        self._job.points_are_double = points.dtype == torch.float64
        self._keep = keep
        self._centroids: Tensor | None = None
        self._describe_points()

    def _describe_points(self) -> None:
        x, job = self._arrays["x"], self._job
        sample = x[:: -(-len(x) // _SAMPLE)].double()
        self._mean = self._arrays["mean"] = sample.mean(0).float().double()
        self._arrays["centre"] = self._mean.float()
        reach = (sample - self._mean).abs().max()
        job.scale = 2.0 ** -float(reach.frexp().exponent) if 0 < reach < torch.inf else 1.0
        code_bytes = _library().argrad_code_bytes()
        job.coded = code_bytes > 0 and _CODED_DIMS <= job.dims <= 2**16
        self._row_bytes = -(-job.dims * code_bytes // 4) * 4 if job.coded else job.dims * 4
        job.chunk = min(max(_CHUNK_BYTES // self._row_bytes // 64 * 64, 128), 1024)
        self._chunks = -(-job.points // job.chunk)
        numbers = {"square": ((job.points,), torch.float32), "upper": ((job.points,), torch.float32)}
        if job.coded:
            numbers |= dict.fromkeys(("step", "lost"), ((job.points,), torch.float32))
            numbers |= {"code": ((job.points, self._row_bytes), torch.int8)}
        if job.coded and code_bytes == 1:
            numbers |= {"start": ((job.points,), torch.int32)}
        self._arrays |= {name: torch.empty(shape, dtype=dtype) for name, (shape, dtype) in numbers.items()}
        self._arrays["total"] = torch.empty(self._chunks, dtype=torch.float64)
        self._run("argrad_describe_points")
        self._spread = sum(self._arrays["total"].tolist()) / job.scale**2
        self._reach = self._arrays["square"].max().sqrt().item()

    def accepts(self, centroids: Tensor) -> bool:
        """Whether no point and no centroid lies so far out that the screen would overflow."""
        far = (centroids - self._mean).abs().max() * self._job.scale
        return bool(far < _FAR) and self._reach < _FAR

    def assign(self, centroids: Tensor, previous: Tensor | None) -> tuple[Tensor, int]:
        """Labels of the nearest centroids (k, d) in float64, and how many differ from `previous`."""
        job, arrays = self._job, self._arrays
        goes_on = self._keep and previous is not None and previous is arrays.get("labels")
        if goes_on:
            self._lower_bounds(centroids)
            arrays["previous"] = previous
        else:
            self._group(centroids)
            arrays.pop("previous", None)
        self._centroids = arrays["c"] = centroids.contiguous()
        arrays["labels"] = torch.empty(job.points, dtype=torch.int64)
        self._run("argrad_lay_centroids")
        self._run("argrad_assign")
        changed = arrays["total"].sum() if goes_on or previous is None else (previous != arrays["labels"]).sum()
        return arrays["labels"], int(changed)

    def distances(self) -> Tensor:
        """Squared distances (N,) to the own centroid of the last pass, in float64."""
        own = self._arrays["own"] = torch.empty(self._job.points, dtype=torch.float64)
        self._run("argrad_distances")
        del self._arrays["own"]
        return own

    def add(self, sums: Tensor, counts: Tensor, *, changes_only: bool) -> None:
        """Add the points of every label, less `mean`, to `sums` (k, d) and `counts` (k,), or the last changes."""
        self._run("argrad_sums", _pointer(sums), _pointer(counts), ctypes.c_int64(changes_only))

    @property
    def mean(self) -> Tensor:
        """What `add` takes off the points, so that an offset costs the sums no bits."""
        return self._mean

    def inertia(self, sums: Tensor, counts: Tensor) -> float:
        """Σ weight · |x − own centroid|², from the sums where that loses no digits, else point by point."""
        centres = self._arrays["c"] - self._mean
        value = self._spread + (counts @ centres.square().sum(1) - 2 * (centres * sums).sum()).item()
        if value > _CANCELS * self._spread:
            return value
        weights = self._arrays.get("weights")
        return float(self.distances().sum() if weights is None else self.distances() @ weights)

    def _group(self, centroids: Tensor) -> None:
        """Lay neighbouring centroids side by side in blocks, and as many blocks in a group as the memory asks."""
        job, arrays = self._job, self._arrays
        lanes = _library().argrad_block()
        job.centroids = len(centroids)
        order = neighbours(centroids, lanes)
        blocks = -(-job.centroids // lanes)
        spare = arrays["x"].element_size() * job.dims // 8  # half of the data's size, in float32
        job.blocks_per_group = -(-blocks // max(min(blocks, spare), 1))
        job.groups = -(-blocks // job.blocks_per_group)
        blocks = job.groups * job.blocks_per_group
        arrays["place"] = torch.full((blocks * lanes,), -1, dtype=torch.int32)
        arrays["place"][: job.centroids] = order
        arrays["position"] = order.argsort().to(torch.int32)
        arrays["block"] = torch.empty(blocks * lanes * self._row_bytes, dtype=torch.uint8)
        arrays["row"] = torch.empty(job.centroids, job.dims)
        arrays["length"] = torch.empty(job.centroids)
        arrays["norm"] = torch.empty(blocks * lanes)
        arrays["about"] = torch.empty(blocks, 3)
        if self._keep:
            arrays["bounds"] = torch.empty(self._chunks, job.groups, job.chunk)

    def _lower_bounds(self, centroids: Tensor) -> None:
        """How far centroids moved since the last pass, rounded up, and the farthest of each group."""
        job, arrays, last = self._job, self._arrays, self._centroids
        assert last is not None  # noqa: S101  (for the type checker: only later passes come here)
        moved = (centroids - last).norm(dim=1) * job.scale
        far = self._reach + max((c - self._mean).norm(dim=1).max().item() for c in (centroids, last)) * job.scale
        moved = torch.where(moved > 0, moved * (1 + 1e-6) + 8 * _UNIT * far, 0).float()
        drift = torch.zeros(len(arrays["place"]))
        drift[arrays["position"].long()] = moved
        arrays["moved"], arrays["drift"] = moved, drift.view(job.groups, -1).amax(1)

    def _run(self, function: str, *more: Any) -> None:
        job = self._job
        job.threads = torch.get_num_threads()
        for name in _ARRAYS:
            setattr(job, name, _pointer(self._arrays.get(name)))
        call: Callable[..., int] = getattr(_library(), function)
        if call(ctypes.byref(job), *more):
            raise MemoryError("The compiled k-means loop could not get the memory of its threads.")


def neighbours(centroids: Tensor, lanes: int) -> Tensor:
    """An order of the centroids (k, d) in which near ones are near: halved again and again along a wide spread."""
    return torch.cat(_halve(centroids.float(), torch.arange(len(centroids)), lanes))


def _halve(centroids: Tensor, index: Tensor, lanes: int) -> list[Tensor]:
    if len(index) <= lanes:
        return [index]
    part = centroids[index] - centroids[index].mean(0)
    direction = part[part.square().sum(1).argmax()]
    for _ in range(2):  # power iteration: any direction is right, a wide one is better
        direction = torch.nn.functional.normalize(part.T @ (part @ direction), dim=0)
    index = index[(part @ direction).argsort(stable=True)]
    half = -(-len(index) // (2 * lanes)) * lanes
    return _halve(centroids, index[:half], lanes) + _halve(centroids, index[half:], lanes)


def _pointer(tensor: Tensor | None) -> ctypes.c_void_p:
    return ctypes.c_void_p(None if tensor is None else tensor.data_ptr())


def _library() -> ctypes.CDLL:
    library = load().library
    assert library is not None  # noqa: S101  (for the type checker; `fits` was asked before)
    return library
