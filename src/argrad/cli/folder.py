"""The folder of a result: made before the work begins, and never over an earlier result unless that is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def require_free(path: Path, names: Sequence[str], *, overwrite: bool, ways: str = "") -> None:
    """Refuse a folder in which an earlier run left files of these names, unless they may go.

    Args:
        path: the folder, which need not be there.
        names: what the run may write there.
        overwrite: whether what is there may go.
        ways: what else the user could do.

    Raises:
        ValueError: by their names, with what the user can do.
    """
    there = [name for name in names if (path / name).exists()]
    if there and not overwrite:
        left = ", ".join(there)
        msg = (
            f"--out {path} holds an earlier result ({left}). Name another folder, or replace it with --overwrite{ways}."
        )
        raise ValueError(msg)


def make_folder(path: Path, names: Sequence[str]) -> None:
    """Make the folder, without what an earlier run left of these names: files of two runs never lie side by side.

    Raises:
        ValueError: it cannot be made, and why: better known now than after the work.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"--out {path} cannot be made: {error.strerror}."
        raise ValueError(msg) from error
    for name in names:
        (path / name).unlink(missing_ok=True)
