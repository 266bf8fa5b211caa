""".npy by memory map, .npz from memory."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
import torch

from argrad.cluster.files.table import refuse_bad, require_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from torch import Tensor


class ArrayTable:
    """A matrix in a NumPy file; its columns are called "0", "1", …. Nothing in it is ever executed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._array = _matrix(path)
        self.rows, columns = self._array.shape
        self.names = tuple(str(i) for i in range(columns))
        self.dtype = torch.from_numpy(np.zeros(0, _readable(self._array.dtype))).dtype

    def read(self, columns: Sequence[str], first: int, last: int, step: int) -> Iterator[tuple[int, Tensor]]:
        """A few rows at a time."""
        index = [int(column) for column in columns]
        every = index == list(range(len(self.names)))
        for row in range(first, last, step):
            part = self._array[row : min(row + step, last)]
            values = np.array(part if every else part[:, index], dtype=_readable(part.dtype))
            yield row, torch.from_numpy(values)

    def text(self, column: str) -> list[str]:
        """A column as text."""
        require_columns(self, [column])
        return [str(value) for value in self._array[:, int(column)]]

    def place(self, row: int, column: str | None) -> str:
        """A row and a column, counted from 0."""
        return f"{self.path}, row {row}, column {column} (counted from 0)"

    def require_numbers(self, columns: Sequence[str]) -> None:
        """The columns must exist."""
        require_columns(self, columns)

    def require_finite(self, values: Tensor, row: int, columns: Sequence[str]) -> None:
        """Every value must be finite."""
        refuse_bad(self, values, row, columns)


def _matrix(path: Path) -> np.ndarray:
    try:
        with path.open("rb") as file:  # NumPy leaves a damaged archive open
            loaded = (
                np.load(path, mmap_mode="r", allow_pickle=False)
                if path.suffix == ".npy"
                else np.load(file, allow_pickle=False)
            )
            arrays = {path.name: loaded} if isinstance(loaded, np.ndarray) else dict(loaded)
    except (ValueError, OSError, EOFError, BadZipFile) as error:
        raise ValueError(f"{path}: expected a NumPy file of numbers. {error}") from error
    matrices = [array for array in arrays.values() if array.ndim == 2]  # noqa: PLR2004 (a matrix)
    shapes = ", ".join(f"{name}: {array.dtype} {array.shape}" for name, array in arrays.items()) or "no array"
    if len(matrices) != 1:
        raise ValueError(f"{path}: expected one matrix (points, dimensions). Got {shapes}.")
    if matrices[0].dtype.kind not in "fiub":
        raise ValueError(f"{path}: expected real numbers. Got {shapes}.")
    return matrices[0]


def _readable(dtype: np.dtype) -> np.dtype:
    """float16, float32 and float64 stay; integers and the rest become float64."""
    small = dtype.kind == "f" and dtype.itemsize <= 8  # noqa: PLR2004 (bytes of a float64)
    return dtype.newbyteorder("=") if small else np.dtype(np.float64)
