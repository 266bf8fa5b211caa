"""What `Files` asks of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import torch
    from torch import Tensor


class Table(Protocol):
    """Named columns of numbers, read a few rows at a time."""

    @property
    def path(self) -> Path:
        """The file."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        ...

    @property
    def rows(self) -> int:
        """How many rows there are."""
        ...

    @property
    def dtype(self) -> torch.dtype:
        """The numbers' dtype, as they are read."""
        ...

    def read(self, columns: Sequence[str], first: int, last: int, step: int) -> Iterator[tuple[int, Tensor]]:
        """Rows first … last − 1 of some columns, at most `step` at a time, each with the index of its first row."""
        ...

    def text(self, column: str) -> list[str]:
        """All rows of one column, as text."""
        ...

    def place(self, row: int, column: str | None) -> str:
        """Where a cell is, in the words of whoever opens the file."""
        ...

    def require_numbers(self, columns: Sequence[str]) -> None:
        """ValueError unless these columns exist and hold numbers."""
        ...

    def require_finite(self, values: Tensor, row: int, columns: Sequence[str]) -> None:
        """ValueError at the first value that is NaN, infinite or missing; `row` is the index of the first row."""
        ...


def require_columns(table: Table, columns: Sequence[str]) -> None:
    """ValueError at the first column that the file does not have."""
    if not columns:
        raise ValueError(f"{table.path}: expected at least one column of numbers.")
    for column in columns:
        if column not in table.names:
            raise ValueError(f"{table.path}: expected a column {column!r}; there are {', '.join(table.names[:20])}.")


def refuse_bad(table: Table, values: Tensor, row: int, columns: Sequence[str]) -> None:
    """ValueError at the first value that is not finite."""
    bad = (~values.isfinite()).nonzero()
    if len(bad):
        at, column = bad[0].tolist()
        value = values[at, column].item()
        got = "an empty cell or NaN" if value != value else "an infinite number"  # noqa: PLR0124 (NaN is not itself)
        raise ValueError(f"{table.place(row + at, columns[column])}: expected a finite number, got {got}.")
