"""What `argrad cluster` shows and writes."""

from __future__ import annotations

import csv
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from argrad.cluster.plots import plot_clusters, plot_scan
from argrad.cluster.saved import replace_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from torch import Tensor

    from argrad.cluster.solver import State

RESULT = ("clusters.png", "labels.csv", "centroids.csv", "summary.json")
SCAN = ("scan.png", "scan.csv", "scan.json")
_TOP = 10  # clusters shown on the screen


class Found(NamedTuple):
    """A clustering, and some of its points for the picture."""

    k: int
    state: State
    labels: Tensor
    points: Tensor
    shown: Tensor
    names: Sequence[str]
    metric: str
    scaling: tuple[Tensor, Tensor] | None

    @property
    def history(self) -> list[float]:
        """The inertia at every pass, in the metric's units."""
        return [value / (2 if self.metric == "cosine" else 1) for value in self.state.history]

    @property
    def sizes(self) -> Tensor:
        """Rows in each cluster."""
        return self.labels.cpu().bincount(minlength=self.k)

    @property
    def centroids(self) -> Tensor:
        """In the data's own units."""
        centroids = self.state.centroids.cpu()
        return centroids if self.scaling is None else centroids * self.scaling[1] + self.scaling[0]


@contextmanager
def progress(total: int, *, show: bool) -> Iterator[Callable[[float, str], None]]:
    """A bar on standard error, with the inertia and a word beside it; the yielded function advances it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not show) as bar:
        task = bar.add_task("seeding", total=total)
        yield lambda inertia, word: bar.update(task, advance=1, description=f"inertia {inertia:.6g}, {word}")


def tell(found: Found) -> None:
    """Show the result on the screen."""
    console = Console()
    passes = len(found.history)
    console.print(f"k = {found.k}: inertia {found.history[-1]:.8g} after {passes} passes ({found.state.stopped})")
    table = Table("cluster", "rows", "share", box=None, header_style="bold")
    order = found.sizes.sort(descending=True, stable=True).indices.tolist()
    for label in order[:_TOP]:
        size = int(found.sizes[label])
        table.add_row(str(label), str(size), f"{size / len(found.labels):.1%}")
    console.print(table)
    if len(order) > _TOP:
        console.print(f"… and {len(order) - _TOP} smaller ones")
    empty = int((found.sizes == 0).sum())
    if empty:
        console.print(f"{empty} of {found.k} clusters have no rows: the rows have fewer distinct values than that.")


def write_result(out: Path, found: Found, problem: dict[str, Any], ids: list[str] | None, *, plot: bool) -> None:
    """Write labels, centroids, the summary and the picture, each whole or not at all."""
    if plot:
        scaled = found.state.centroids.cpu()
        draw = (found.points, found.shown, scaled, found.sizes, found.history)
        replace_file(out / "clusters.png", lambda path: plot_clusters(path, *draw))
    labels = found.labels.cpu().tolist()
    rows = (
        zip(range(len(labels)), labels, strict=True)
        if ids is None
        else zip(range(len(labels)), ids, labels, strict=True)
    )
    _write_csv(out / "labels.csv", ["row", "label"] if ids is None else ["row", "id", "label"], rows)
    table = ([label, *row] for label, row in enumerate(found.centroids.tolist()))
    _write_csv(out / "centroids.csv", ["label", *found.names], table)
    summary = {
        **problem,
        "rows": len(labels),
        "inertia": found.history[-1],
        "inertia_by_pass": found.history,
        "stopped": found.state.stopped,
        "sizes": found.sizes.tolist(),
        "torch": torch.__version__,
    }
    _write_json(out / "summary.json", summary)


def write_scan(out: Path | None, results: Sequence[tuple[int, float, float, int]], *, plot: bool) -> None:
    """Show inertia and silhouette by k, and write them where a folder was named."""
    names = ("k", "inertia", "silhouette", "passes")
    best = max(results, key=lambda result: result[2])[0]
    table = Table(*names, box=None, header_style="bold")
    for k, inertia, value, passes in results:
        table.add_row(f"{k}{' *' if k == best else ''}", f"{inertia:.8g}", f"{value:.4f}", str(passes))
    Console().print(table)
    Console().print(f"* the largest silhouette: k = {best}")
    if out is None:
        return
    if plot:
        ks, inertias, values, _ = zip(*results, strict=True)
        replace_file(out / "scan.png", lambda path: plot_scan(path, ks, inertias, values))
    _write_csv(out / "scan.csv", list(names), results)
    _write_json(out / "scan.json", [dict(zip(names, result, strict=True)) for result in results])


def _write_csv(path: Path, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    def write(target: Path) -> None:
        with target.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(names)
            writer.writerows(rows)

    replace_file(path, write)


def _write_json(path: Path, value: Any) -> None:
    replace_file(path, lambda target: target.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8"))
