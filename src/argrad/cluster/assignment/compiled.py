"""The compiled loop: bounds across passes, a screen in codes or float32, float64 where it decides."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor

from argrad.cluster.assignment.build import load
from argrad.cluster.assignment.geometry import HEAD, LANES, neighbours, share_spared, unit_scale, wide_axes

if TYPE_CHECKING:
    from collections.abc import Callable

_DTYPES: Final = (torch.float32, torch.float64)
_CODED_DIMS: Final = 24  # below, turning sums of codes into scores costs more than codes save
_FEW: Final = 3000  # centroids × (dimensions + what the least score costs): up to here bounds cost more than they spare
_EPILOGUE_DIMS: Final = 5
_ABREAST: Final = 4  # of direct.c
_MANY: Final = 2**23
_HEAD_DIMS: Final = 192  # below, a head is too large a part of a point to be worth its own meeting
_LONG_DIMS: Final = 512  # from here on a head has twice as many dimensions
_TRIED: Final = 256  # points that tell how many groups of centroids heads may spare
_CHUNK_BYTES: Final = 2**18  # a chunk's screen stays in the L2 cache
_UNIT: Final = 2.0**-24
_FAR: Final = 1e12  # this many spreads from the centre, float32 squares of the screen are still far from overflow
_SAMPLE: Final = 2048  # points that tell where the centre is and how wide they spread: any answer is right
_CANCELS: Final = 1e-5  # inertia below this part of the points' spread is summed up point by point

_SIZES: Final = ("points", "centroids", "dims", "chunk", "groups", "blocks_per_group", "threads")
_SWITCHES: Final = ("points_are_double", "coded", "head")
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
    *("square", "row", "length", "norm", "axes", "total", "own"),
    *("code", "step", "lost", "start", "block", "about"),
    *("head_code", "head_step", "head_lost", "head_start", "head_block", "head_about"),
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

    Beside the points it keeps at most their size again: their codes in a half, and bounds for as many groups of
    centroids as fit in the other, with the heads. Without `keep` it is meant for one pass, and keeps no bounds.

    Attributes:
        few: centroids × dimensions, about, up to which no bounds are kept, and every point meets all centroids.
        many: points × centroids from which on it is worth finding axes for heads.
    """

    few = _FEW
    many = _MANY

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
        job.scale = unit_scale((sample - self._mean).abs().max(), x.dtype)
        self._arrays["centre"] = (self._mean * job.scale).float()
        job.coded = _library().argrad_code_bytes() > 0 and _CODED_DIMS <= job.dims <= 2**16
        self._row_bytes = _code_bytes(job.dims) if job.coded else job.dims * 4
        job.chunk = min(max(_CHUNK_BYTES // self._row_bytes // 64 * 64, 128), 1024)
        self._chunks = -(-job.points // job.chunk)
        self._arrays["square"], self._arrays["upper"] = torch.empty(job.points), torch.empty(job.points)
        self._arrays["total"] = torch.empty(self._chunks, dtype=torch.float64)
        self._run("argrad_describe_points")
        self._spread = sum(self._arrays["total"].tolist()) / job.scale**2
        self._reach = self._arrays["square"].max().sqrt().item()
        self._sample = sample

    def _describe_codes(self, centroids: Tensor) -> None:
        """Once centroids are known: codes of the points, and of their heads where these may spare many groups."""
        job, sample, self._sample = self._job, self._sample, None
        if sample is None or not job.coded:
            return
        self._arrays |= _codes("", job.points, self._row_bytes)
        self._run("argrad_describe_codes")
        if not self._keep or job.points * job.centroids < self.many:
            return
        axes = self._axes((sample - self._mean) * job.scale, (centroids - self._mean) * job.scale)
        if axes is None:
            return
        job.head = axes.shape[1]
        self._arrays["axes"] = axes.view(len(axes), -1, LANES).transpose(0, 1).contiguous()
        self._arrays |= _codes("head_", job.points, _code_bytes(job.head))
        self._run("argrad_describe_heads")

    @staticmethod
    def _axes(sample: Tensor, centroids: Tensor) -> Tensor | None:
        """The axes of the heads, where these spare more than they cost."""
        k, dims = centroids.shape
        head = HEAD if dims < _LONG_DIMS else 2 * HEAD
        if dims < _HEAD_DIMS or k < 8 * head:
            return None
        axes = wide_axes(sample, head)
        pays = share_spared(sample[:_TRIED], centroids, axes) > 2 * head / dims
        return axes if pays else None

    def accepts(self, centroids: Tensor) -> bool:
        """Whether no point and no centroid lies so far out that the screen would overflow."""
        far = (centroids - self._mean).abs().max() * self._job.scale
        return bool(far < _FAR) and self._reach < _FAR

    def assign(self, centroids: Tensor, previous: Tensor | None) -> tuple[Tensor, int]:
        """Labels of the nearest centroids (k, d) in float64, and how many differ from `previous`."""
        job, arrays = self._job, self._arrays
        few = len(centroids) * (job.dims + _EPILOGUE_DIMS) <= self.few
        known = previous is not None and previous is arrays.get("labels") and len(centroids) == job.centroids
        if few:
            self._lay_side_by_side(len(centroids))
        elif known and self._keep:
            self._lower_bounds(centroids)
        else:
            known = False  # no bounds to go on from
            self._group(centroids)
        arrays.pop("previous", None)
        if known:
            arrays["previous"] = arrays["labels"]
        self._centroids = arrays["c"] = centroids.contiguous()
        labels = arrays["labels"] = torch.empty(job.points, dtype=torch.int64)
        self._run("argrad_lay_direct" if few else "argrad_lay_centroids")
        self._run("argrad_assign_direct" if few else "argrad_assign")
        counted = known or previous is None
        return labels, int(arrays["total"].sum() if counted else (previous != labels).sum())

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
        self._describe_codes(centroids[order])
        blocks = -(-job.centroids // lanes)
        spare = (arrays["x"].element_size() * job.dims // 2 - _code_bytes(job.head)) // 4  # half of the data's size
        job.blocks_per_group = -(-blocks // max(min(blocks, spare), 1))
        job.groups = -(-blocks // job.blocks_per_group)
        blocks = job.groups * job.blocks_per_group
        arrays["place"] = torch.full((blocks * lanes,), -1, dtype=torch.int32)
        arrays["place"][: job.centroids] = order
        arrays["position"] = order.argsort().to(torch.int32)
        arrays["block"] = torch.empty(blocks * lanes * self._row_bytes, dtype=torch.uint8)
        self._make_room(blocks * lanes)
        arrays["about"] = torch.empty(blocks, 3)
        arrays["head_block"] = torch.empty(blocks * lanes * _code_bytes(job.head), dtype=torch.uint8)
        arrays["head_about"] = torch.empty(blocks, 3)
        if self._keep:
            arrays["bounds"] = torch.empty(self._chunks, job.groups, job.chunk)

    def _lay_side_by_side(self, k: int) -> None:
        """No order, no groups: every centroid meets every point."""
        job, arrays = self._job, self._arrays
        job.centroids = k
        lanes = -(-k // _ABREAST) * _ABREAST
        arrays["block"] = torch.empty(lanes, job.dims)
        arrays["about"] = torch.empty(3)
        self._make_room(lanes)

    def _make_room(self, lanes: int) -> None:
        job, arrays = self._job, self._arrays
        arrays["row"] = torch.empty(job.centroids, job.dims)
        arrays["length"] = torch.empty(job.centroids)
        arrays["norm"] = torch.empty(lanes)

    def _lower_bounds(self, centroids: Tensor) -> None:
        """How far centroids moved since the last pass, rounded up, and the farthest of each group."""
        job, arrays, last = self._job, self._arrays, self._centroids
        assert last is not None  # noqa: S101  (for the type checker: only later passes come here)
        moved = ((centroids - last) * job.scale).norm(dim=1)
        far = self._reach + max(((c - self._mean) * job.scale).norm(dim=1).max().item() for c in (centroids, last))
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


def _codes(prefix: str, points: int, row_bytes: int) -> dict[str, Tensor]:
    """What job.h calls Codes, of all points."""
    arrays = {name: torch.empty(points) for name in ("step", "lost")}
    arrays["code"] = torch.empty(points, row_bytes, dtype=torch.int8)
    if _library().argrad_code_bytes() == 1:
        arrays["start"] = torch.empty(points, dtype=torch.int32)
    return {prefix + name: array for name, array in arrays.items()}


def _code_bytes(dims: int) -> int:
    """Bytes of the codes of one point: whole words of 4."""
    return -(-dims * _library().argrad_code_bytes() // 4) * 4


def _pointer(tensor: Tensor | None) -> ctypes.c_void_p:
    return ctypes.c_void_p(None if tensor is None else tensor.data_ptr())


def _library() -> ctypes.CDLL:
    library = load().library
    assert library is not None  # noqa: S101  (for the type checker; `fits` was asked before)
    return library
