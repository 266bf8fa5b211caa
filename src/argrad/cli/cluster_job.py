"""The work behind `argrad cluster`: open the data, run or go on, hand over to the output."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import distributed

from argrad._checks import require
from argrad.cli.cluster_output import Found, progress, tell, write_result, write_scan
from argrad.cluster import Files, Shard
from argrad.cluster.files import open_table
from argrad.cluster.files.table import require_columns
from argrad.cluster.rows import Memory, column_moments
from argrad.cluster.saved import load_state, save_state
from argrad.cluster.seeding import seed_centroids
from argrad.cluster.silhouette import silhouette
from argrad.cluster.solver import MAX_ITER, Settings, State, solve, start

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from torch import Tensor

    from argrad.cluster.rows import Rows

_SAMPLE: Final = 4000  # rows in a picture, and in a silhouette


@dataclass(frozen=True)
class Job:
    """What the command line asked for; see `argrad.cli.cluster.Options`."""

    data: tuple[Path, ...]
    columns: Sequence[str] | None
    weights: str | None
    ids: str | None
    scale: bool
    metric: str
    init: str
    momentum: float
    max_iter: int
    seed: int
    device: str
    memory: float
    batch_size: int | None
    out: Path | None
    plot: bool
    timeout: float

    @property
    def settings(self) -> Settings:
        """How to step."""
        return Settings(self.max_iter, 0.0, self.momentum, spherical=self.metric == "cosine")

    def problem(self, k: int) -> dict[str, Any]:
        """What a saved state belongs to."""
        names = ("columns", "weights", "scale", "metric", "init", "momentum", "seed")
        files = [[str(path), path.stat().st_size] for path in self.data]
        return {"k": k, "data": files, **{name: getattr(self, name) for name in names}}


def run(job: Job, k: int, *, resume: bool) -> None:
    """Cluster into k, saving the state after every pass; write the result."""
    with _processes(job) as (rank, world):
        files = _open(job, (rank, world))
        _make_folder(job.out if rank == 0 else None)
        rows, scaling = _rows(job, files, world)
        state = _begin(job, rows, k, resume=resume)
        passes = rows.passes()
        with progress(job.max_iter, show=rank == 0) as report:
            state = solve(passes, state, job.settings, rows.dtype, _each(job, k, rank, report))
        if not len(passes.labels) or resume:
            passes.step(state.centroids)  # a run that had already stopped made no pass
        labels = rows.gather(passes.labels)
        points, shown = sample(rows, passes.labels)
        if rank == 0:
            found = Found(k, state, labels, points, shown, files.names, job.metric, scaling)
            if job.out is not None:  # before the screen: `| head` may close it
                write_result(job.out, found, job.problem(k), files.text(job.ids) if job.ids else None, plot=job.plot)
            tell(found)


def scan(job: Job, ks: Sequence[int]) -> None:
    """Cluster into each number of clusters; write inertia and silhouette of each."""
    with _processes(job) as (_rank, world):
        require(world == 1, "-k", "argrad cluster", "one number under torchrun", f"{ks[0]}:{ks[-1]}")
        files = _open(job, (0, 1))
        most = f"at most {files.count}, the number of rows"
        require(ks[-1] <= files.count, "-k", "argrad cluster", most, f"{ks[0]}:{ks[-1]}")
        _make_folder(job.out)
        rows, _ = _rows(job, files, 1)
        results = []
        with progress(len(ks), show=True) as report:
            for k in ks:
                passes = rows.passes()
                state = solve(passes, _begin(job, rows, k, resume=False), job.settings, rows.dtype)
                points, labels = sample(rows, passes.labels)
                value = silhouette(points, labels) if len(labels.unique()) > 1 else 0.0
                inertia = state.history[-1] / (2 if job.metric == "cosine" else 1)
                results.append((k, inertia, value, len(state.history)))
                report(inertia, f"k = {k}, silhouette {value:.3f}")
    write_scan(job.out, results, plot=job.plot)


def sample(rows: Rows, labels: Tensor, most: int = _SAMPLE) -> tuple[Tensor, Tensor]:
    """Evenly spread rows of this process, with their labels, on the CPU."""
    every = max(1, -(-len(labels) // most))
    low = next(rows.batches()).first
    parts = [(b.points[(-(b.first - low)) % every :: every], b.first - low, len(b.points)) for b in rows.batches()]
    shown = [labels[first : first + count][(-first) % every :: every] for _, first, count in parts]
    return torch.cat([part[0] for part in parts]).cpu(), torch.cat(shown).cpu()


def _make_folder(path: Path | None) -> None:
    """Make the folder now: better than to learn after the work that it cannot be."""
    if path is None:
        return
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"--out {path} cannot be made: {error.strerror}.") from error


def _open(job: Job, part: tuple[int, int]) -> Files:
    points = None if job.ids is None else _points(job, job.ids)
    return Files(job.data, job.columns or points, job.weights, job.batch_size, part=part)


def _points(job: Job, ids: str) -> list[str]:
    """Leave the column of the rows' names, which must be there, out of the points."""
    table = open_table(job.data[0])
    require_columns(table, [ids])
    return [name for name in table.names if name not in (ids, job.weights)]


def _rows(job: Job, files: Files, world: int) -> tuple[Rows, tuple[Tensor, Tensor] | None]:
    """Scaled, in memory if they fit, normalised if cosine, and one with those of other processes; and the scaling."""
    if job.scale:
        mean, variance = column_moments(Shard(files) if world > 1 else files)
        files = files.scaled(mean, variance.sqrt())
    size = torch.empty(0, dtype=files.dtype).element_size()
    small = files.count * files.dimensions * size <= job.memory * 1e9
    rows: Rows = _load(files, job) if small else files
    rows = rows.normalised() if job.metric == "cosine" else rows
    return Shard(rows) if world > 1 else rows, files.scaling


def _load(files: Files, job: Job) -> Memory:
    batches = list(files.batches())
    weights = torch.cat([batch.weights for batch in batches]).to(job.device) if job.weights else None
    return Memory(torch.cat([batch.points for batch in batches]).to(job.device), weights)


def _begin(job: Job, rows: Rows, k: int, *, resume: bool) -> State:
    if resume:
        assert job.out is not None  # noqa: S101  (for the type checker; checked at the door)
        state = load_state(job.out / "state.npz", job.problem(k), rows.device)
        more = state.stopped == MAX_ITER and len(state.history) <= job.max_iter
        return replace(state, stopped="", history=state.history[:-1]) if more else state
    seeds = seed_centroids(rows, job.init, k, job.seed)
    require(len(seeds) == k, "-k", "argrad cluster", f"at most {len(seeds)}, the number of rows", k)
    return start(seeds, job.settings)


def _each(job: Job, k: int, rank: int, report: Any) -> Any:
    """After each pass: save the state (the first process does), and show it."""
    problem = job.problem(k)

    def on_pass(state: State) -> None:
        if job.out is not None and rank == 0:
            save_state(job.out / "state.npz", state, problem)
        report(state.history[-1] / (2 if job.metric == "cosine" else 1), f"{state.changed} labels changed")

    return on_pass


@contextmanager
def _processes(job: Job) -> Iterator[tuple[int, int]]:
    """This process's rank and how many there are; under torchrun, joined into a group."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield 0, 1
        return
    backend = "nccl" if job.device.startswith("cuda") else "gloo"
    distributed.init_process_group(backend, timeout=timedelta(seconds=job.timeout))
    try:
        yield distributed.get_rank(), distributed.get_world_size()
    finally:
        distributed.destroy_process_group()
