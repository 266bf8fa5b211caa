""".csv, .tsv, .parquet and .arrow, through polars."""

from __future__ import annotations

import csv
import warnings
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch

from argrad.cluster.files.table import refuse_bad, require_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import polars as pl
    from torch import Tensor

_SAMPLE = 200  # rows by which a column of a .csv is taken for text


def read_table(path: Path) -> FrameTable:
    """Open a file that polars reads."""
    if path.suffix in (".csv", ".tsv"):
        return CsvTable(path)
    polars = _polars()
    frame = polars.scan_parquet(path) if path.suffix == ".parquet" else polars.scan_ipc(path)
    return FrameTable(path, frame)


class FrameTable:
    """A file of named, typed columns."""

    def __init__(self, path: Path, frame: pl.LazyFrame) -> None:
        self.path = path
        self._frame = frame
        try:
            schema = frame.collect_schema()
        except (OSError, _polars().exceptions.PolarsError) as error:
            raise ValueError(f"{path}: expected a {path.suffix} file. {error}") from error
        self.names = tuple(schema.names())
        self._text = tuple(n for n, kind in schema.items() if not (kind.is_numeric() or kind == _polars().Boolean))
        singles = (_polars().Float32, _polars().Float16)
        self.dtype = torch.float32 if all(kind in singles for kind in schema.dtypes()) else torch.float64

    @cached_property
    def rows(self) -> int:
        """How many rows the file has."""
        return int(self._frame.select(_polars().len()).collect().item())

    def read(self, columns: Sequence[str], first: int, last: int, step: int) -> Iterator[tuple[int, Tensor]]:
        """A few rows at a time, missing values as NaN."""
        try:
            yield from self._read(columns, first, last, step)
        except _polars().exceptions.PolarsError as error:
            raise ValueError(f"{self.path}: expected a {self.path.suffix} file. {error}") from error

    def _read(self, columns: Sequence[str], first: int, last: int, step: int) -> Iterator[tuple[int, Tensor]]:
        polars = _polars()
        kind = polars.Float32 if self.dtype == torch.float32 else polars.Float64
        wanted = self._frame.select(polars.col(list(columns)).cast(kind)).slice(first, last - first)
        row = first
        for frame in wanted.collect_batches(chunk_size=step, maintain_order=True):
            for part in frame.iter_slices(step):
                yield row, part.fill_null(float("nan")).to_torch().reshape(len(part), len(columns))
                row += len(part)

    def text(self, column: str) -> list[str]:
        """A column as it reads."""
        require_columns(self, [column])
        return self._frame.select(_polars().col(column).cast(_polars().String)).collect().to_series().to_list()

    def place(self, row: int, column: str | None) -> str:
        """A row, counted from 0, and a column."""
        return f"{self.path}, row {row} (counted from 0), column {column!r}"

    def require_numbers(self, columns: Sequence[str]) -> None:
        """The columns must exist and hold numbers."""
        require_columns(self, columns)
        text = [name for name in columns if name in self._text]
        if text:
            names = ", ".join(repr(name) for name in text)
            raise ValueError(
                f"{self.path}: expected numbers, got text in column {names}. "
                "Name the columns to use (--columns), or the one that names the rows (--id), or drop these."
            )

    def require_finite(self, values: Tensor, row: int, columns: Sequence[str]) -> None:
        """Every value must be finite."""
        refuse_bad(self, values, row, columns)


class CsvTable(FrameTable):
    """Comma, semicolon or tab separated; a first line that holds a word is the header.

    A column whose first value is no number is text; any later value that is no number is an error, by line.
    """

    def __init__(self, path: Path) -> None:
        polars = _polars()
        first = _first_line(path)
        separator = max(",;\t", key=first.count)
        cells = [cell.strip().strip('"') for cell in first.split(separator)]
        self._header = not all(_is_number(cell) for cell in cells if cell)
        self._options: dict[str, Any] = {"separator": separator, "has_header": self._header}
        try:
            sample = polars.read_csv(path, n_rows=_SAMPLE, infer_schema=False, **self._options)
        except polars.exceptions.PolarsError as error:
            _find_long(path, separator, len(cells))
            raise ValueError(f"{path}: expected lines of {separator!r}-separated values. {error}") from error
        names = sample.columns if self._header else [str(i) for i in range(sample.width)]
        if self._header:
            _tell_renamed(path, next(csv.reader([first], delimiter=separator)), names)
        columns = zip(names, sample.get_columns(), strict=True)
        kinds = {name: polars.String if _is_text(column) else polars.Float64 for name, column in columns}
        super().__init__(path, polars.scan_csv(path, schema=kinds, **self._options))

    @cached_property
    def rows(self) -> int:
        """How many rows the file has."""
        return int(self._strings().select(_polars().len()).collect().item())

    def read(self, columns: Sequence[str], first: int, last: int, step: int) -> Iterator[tuple[int, Tensor]]:
        """A few rows at a time; what is no number is an error that names its line."""
        try:
            yield from self._read(columns, first, last, step)
        except _polars().exceptions.PolarsError as error:
            with suppress(_polars().exceptions.PolarsError):  # bytes that are no text
                self._find_bad(columns, step)
            _find_long(self.path, self._options["separator"], len(self.names))
            raise ValueError(f"{self.path}: expected rows of numbers. {error}") from error

    def place(self, row: int, column: str | None) -> str:
        """The file's line, counted from 1, and the column."""
        return f"{self.path}, line {row + 1 + self._header}, column {column!r}"

    def require_finite(self, values: Tensor, row: int, columns: Sequence[str]) -> None:
        """Every value must be finite; a bad one is shown as it stands in the file."""
        self._find_bad(columns, len(values), row)
        super().require_finite(values, row, columns)

    def _strings(self) -> pl.LazyFrame:
        polars = _polars()
        kinds = dict.fromkeys(self.names, polars.String)
        return polars.scan_csv(self.path, schema=kinds, truncate_ragged_lines=True, **self._options)

    def _find_bad(self, columns: Sequence[str], step: int, row: int = 0) -> None:
        """Read the cells as text, and show the first that is no finite number."""
        polars = _polars()
        wanted = self._strings().select(polars.col(list(columns))).slice(row)
        for frame in wanted.collect_batches(chunk_size=max(step, _SAMPLE), maintain_order=True):
            numbers = frame.select(polars.all().str.strip_chars().cast(polars.Float64, strict=False).is_finite())
            bad = numbers.select(polars.any_horizontal(~polars.all().fill_null(value=False)).arg_true()).to_series()
            if len(bad):
                at = int(bad[0])
                name = next(name for name in columns if not numbers[name].fill_null(value=False)[at])
                cell = frame[name][at]
                got = "an empty cell" if cell in (None, "") else repr(cell)
                raise ValueError(f"{self.place(row + at, name)}: expected a finite number, got {got}.")
            row += len(frame)


def _tell_renamed(path: Path, header: Sequence[str], names: Sequence[str]) -> None:
    """Warn of columns that got other names than the header's, since an earlier one has that name."""
    pairs = enumerate(zip(header, names, strict=False))
    renamed = [f"{name!r} (column {i + 1})" for i, (cell, name) in pairs if cell != name and cell in header[:i]]
    if renamed:
        again = "the header repeats names of columns, so these are read as"
        warnings.warn(f"{path}, line 1: {again} {', '.join(renamed)}.", stacklevel=3)


def _find_long(path: Path, separator: str, width: int) -> None:
    """Show the first line of more cells than the first line has."""
    with _as_text(path), path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=separator)
        for cells in reader:
            if len(cells) > width:
                raise ValueError(f"{path}, line {reader.line_num}: expected {width} cells, got {len(cells)}.")


def _first_line(path: Path) -> str:
    with _as_text(path), path.open(encoding="utf-8-sig") as file:
        first = file.readline().strip("\r\n")
    if not first.strip():
        raise ValueError(f"{path}, line 1: expected a header or numbers, got an empty line.")
    return first


@contextmanager
def _as_text(path: Path) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected text in UTF-8. {error}") from error


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _is_text(column: pl.Series) -> bool:
    """Whether the first value that is there is no number."""
    present = column.drop_nulls()
    return len(present) > 0 and not _is_number(str(present[0]))


def _polars() -> Any:
    try:
        import polars as pl  # noqa: PLC0415  (an extra)
    except ImportError as error:
        raise ImportError("Tables are read by polars: pip install 'argrad[table]'.") from error
    return pl
