"""Points in files, larger than memory: .npy by memory map, .csv, .parquet and .arrow in chunks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from argrad._checks import require
from argrad.cluster.files.arrays import ArrayTable
from argrad.cluster.files.passes import FilePasses
from argrad.cluster.files.tables import read_table
from argrad.cluster.inputs import require_finite
from argrad.cluster.rows import Batch, batch_rows, centroid_dtype, unit_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from argrad.cluster.files.table import Table

_ARRAYS = (".npy", ".npz")
_TABLES = (".csv", ".tsv", ".parquet", ".arrow", ".feather", ".ipc")


@dataclass(frozen=True)
class Files:
    """Rows of one or several files, one below the other, read a batch at a time.

    Args:
        paths: .npy and .npz (a matrix), .csv and .tsv (a header or none), .parquet, .arrow.
        columns: the columns that are the points; None takes all but the weights. An array's are "0", "1", ….
        weights: the column that holds the rows' weights.
        batch_size: rows held at once; None is 4 million numbers' worth. The result does not depend on it.
        scaling: (mean, deviation) of each column, (d,) each: points are (x − mean) / deviation.
        part: (i, n): read only the i-th of n equal parts of the rows, as one of n processes does.

    Raises:
        FileNotFoundError, ValueError: if a file is missing, of an unknown kind, has text where numbers are expected, or
            other columns than the first, by file, line and column; or if no file has rows.

    Wrong when the data fit in memory: each pass reads the files anew.

    >>> import numpy as np, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "points.npy"
    >>> np.save(path, np.array([[0.0], [1.0], [10.0], [11.0]]))
    >>> from argrad.cluster import KMeans
    >>> KMeans(2, random_state=0).fit(Files([path])).inertia_
    1.0
    """

    paths: Sequence[str | Path]
    columns: Sequence[str] | None = None
    weights: str | None = None
    batch_size: int | None = None
    scaling: tuple[Tensor, Tensor] | None = None
    part: tuple[int, int] = (0, 1)
    unit: bool = field(default=False, repr=False)
    _tables: tuple[Table, ...] = field(default=(), repr=False, compare=False)

    def __post_init__(self) -> None:
        require(len(self.paths) > 0, "paths", "Files", "at least one path", self.paths)
        tables = self._tables or tuple(open_table(Path(path)) for path in self.paths)
        for table in tables[1:]:
            if table.names != tables[0].names:
                raise ValueError(f"{table.path} has other columns than {tables[0].path}: {_few(table.names)}.")
        if not any(table.rows for table in tables):
            raise ValueError(f"{_few([str(path) for path in self.paths])}: expected rows of numbers, got none.")
        object.__setattr__(self, "_tables", tables)
        twice = [name for name, count in Counter(self._used()).items() if count > 1]
        if twice:
            raise ValueError(f"Expected each column once, among the points or as the weights. Got {twice[0]!r} twice.")
        for table in tables:
            table.require_numbers(self._used())

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns that are the points."""
        if self.columns is not None:
            return tuple(self.columns)
        return tuple(name for name in self._tables[0].names if name != self.weights)

    @property
    def dimensions(self) -> int:
        """The number of columns."""
        return len(self.names)

    @property
    def dtype(self) -> torch.dtype:
        """The centroids' dtype."""
        kinds = {centroid_dtype(table.dtype) for table in self._tables}
        return torch.float64 if torch.float64 in kinds else torch.float32

    @property
    def device(self) -> torch.device:
        """Files are read into the CPU's memory."""
        return torch.device("cpu")

    @property
    def count(self) -> int:
        """How many rows this process reads."""
        low, high = self._range()
        return high - low

    def text(self, column: str) -> list[str]:
        """A column of all rows as it reads in the files: their names."""
        return [cell for table in self._tables for cell in table.text(column)]

    def scaled(self, mean: Tensor, deviation: Tensor) -> Files:
        """The same rows, each column less its mean and divided by its deviation (1 where that is 0)."""
        return replace(self, scaling=(mean, torch.where(deviation > 0, deviation, 1)))

    def normalised(self) -> Files:
        """The same rows, each divided by its norm."""
        return replace(self, unit=True)

    def batched(self, rows: int) -> Files:
        """The same rows, so many at a time."""
        return replace(self, batch_size=rows)

    def batches(self) -> Iterator[Batch]:
        """All rows of this process's part, in order."""
        step = self.batch_size or batch_rows(self.dimensions)
        low, high = self._range()
        before = 0
        for table in self._tables:
            first, last = max(low - before, 0), min(high - before, table.rows)
            if first < last:
                for row, values in table.read(self._used(), first, last, step):
                    yield self._batch(table, row, values, before + row - low)
            before += table.rows

    def passes(self) -> FilePasses:
        """Passes over these rows."""
        return FilePasses(self)

    def total(self, value: Tensor) -> Tensor:
        """One process: the value."""
        return value

    def gather(self, value: Tensor) -> Tensor:
        """One process: the rows."""
        return value

    def _batch(self, table: Table, row: int, values: Tensor, first: int) -> Batch:
        points = values[:, : self.dimensions].to(self.dtype)
        if self.scaling is not None:
            points = ((points.double() - self.scaling[0]) / self.scaling[1]).to(self.dtype)
        weights = values[:, self.dimensions].double() if self.weights else points.new_ones(len(points)).double()
        if not bool(values.sum(dtype=torch.float64).isfinite()):
            table.require_finite(values, row, self._used())
        low = int(weights.argmin())
        if weights[low] < 0:
            raise ValueError(
                f"{table.place(row + low, self.weights)}: expected a weight not below 0, got {weights[low]}."
            )
        require_finite(points, "X", "Files", first=row)
        return Batch(unit_rows(points, row) if self.unit else points, weights, first)

    def _used(self) -> tuple[str, ...]:
        return (*self.names, *([self.weights] if self.weights else ()))

    def _range(self) -> tuple[int, int]:
        rows, (i, n) = sum(table.rows for table in self._tables), self.part
        return rows * i // n, rows * (i + 1) // n


def open_table(path: Path) -> Table:
    """Open one file by its ending."""
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file.")
    if path.suffix in _ARRAYS:
        return ArrayTable(path)
    if path.suffix in _TABLES:
        return read_table(path)
    raise ValueError(f"{path}: expected a file that ends in one of {', '.join((*_ARRAYS, *_TABLES))}.")


def _few(names: Sequence[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
