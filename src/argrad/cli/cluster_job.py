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
from argrad.cli.cluster_output import RESULT, SCAN, Found, progress, tell, write_result, write_scan
from argrad.cli.folder import make_folder, require_free
from argrad.cluster import Files, Shard
from argrad.cluster.files import open_table
from argrad.cluster.files.table import require_columns
from argrad.cluster.rows import Memory, column_moments
from argrad.cluster.saved import STATE, load_state, save_state
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
    overwrite: bool
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
    if not resume:
        _require_free(job, (*RESULT, STATE))  # by all processes alike, before they wait for each other
    with _processes(job) as (rank, world):
        files = _open(job, (rank, world))
        _require_rows(files, k, k)
        if rank == 0 and job.out is not None:
            make_folder(job.out, () if resume else (*RESULT, STATE))
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
    _require_free(job, SCAN)
    with _processes(job) as (_rank, world):
        require(world == 1, "-k", "argrad cluster", "one number under torchrun", f"{ks[0]}:{ks[-1]}")
        files = _open(job, (0, 1))
        _require_rows(files, ks[-1], f"{ks[0]}:{ks[-1]}")
        if job.out is not None:
            make_folder(job.out, SCAN)
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


def _require_free(job: Job, names: Sequence[str]) -> None:
    if job.out is None:
        return
    for path in job.data:
        if path.name in names and path.resolve().parent == job.out.resolve():
            raise ValueError(f"--out {job.out} would overwrite {path}, which is read. Name another folder.")
    going_on = ", or go on with --resume" if STATE in names and (job.out / STATE).exists() else ""
    require_free(job.out, names, overwrite=job.overwrite, ways=going_on)


def _require_rows(files: Files, k: int, got: object) -> None:
    """As many rows as clusters, in all processes together."""
    rows = replace(files, part=(0, 1)).count
    require(k <= rows, "-k", "argrad cluster", f"at most {rows}, the number of rows", got)


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
        state = load_state(job.out / STATE, job.problem(k), rows.device)
        more = state.stopped == MAX_ITER and len(state.history) <= job.max_iter
        return replace(state, stopped="", history=state.history[:-1]) if more else state
    return start(seed_centroids(rows, job.init, k, job.seed), job.settings)


def _each(job: Job, k: int, rank: int, report: Any) -> Any:
    """After each pass: save the state (the first process does), and show it."""
    problem = job.problem(k)

    def on_pass(state: State) -> None:
        if job.out is not None and rank == 0:
            save_state(job.out / STATE, state, problem)
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
