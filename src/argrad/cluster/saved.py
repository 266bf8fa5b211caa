"""A run's state in a file: written whole or not at all, read without executing anything."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zipfile import BadZipFile

import numpy as np
import torch

from argrad.cluster.solver import State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


STATE: Final = "state.npz"  # the file's name in the folder of a result


def save_state(path: str | Path, state: State, problem: Mapping[str, Any]) -> None:
    """Write a run's state, and what it is a run of.

    Args:
        path: of the .npz file, replaced in one step: a reader finds the old or the new state, never half of one.
        state: after a pass.
        problem: what must be the same when the run goes on: data, k, momentum and so on, as JSON can hold it.
    """
    about = {"problem": dict(problem), "plain": state.plain, "changed": state.changed, "stopped": state.stopped}

    def write(target: Path) -> None:
        with target.open("wb") as file:
            np.savez(
                file,
                centroids=state.centroids.cpu().numpy(),
                velocity=state.velocity.cpu().numpy(),
                history=np.array(state.history),
                about=np.array(json.dumps(about)),
            )

    replace_file(Path(path), write)


def load_state(path: str | Path, problem: Mapping[str, Any], device: torch.device | str = "cpu") -> State:
    """Read a state that `save_state` wrote for the same problem.

    Raises:
        ValueError: if the file is no saved state, or one of another problem: by what differs.
    """
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as saved:
            centroids, velocity = (torch.from_numpy(saved[name]).to(device) for name in ("centroids", "velocity"))
            history, about = tuple(saved["history"].tolist()), json.loads(str(saved["about"]))
        before, rest = about["problem"], {name: about[name] for name in ("plain", "changed", "stopped")}
    except (ValueError, KeyError, TypeError, OSError, EOFError, BadZipFile) as error:
        raise ValueError(f"{path}: expected a state that `argrad cluster` saved. {error}") from error
    wanted = json.loads(json.dumps(dict(problem)))
    for name in wanted.keys() | before.keys():
        was, now = before.get(name), wanted.get(name)
        if was != now:
            raise ValueError(f"{path}: the saved run had {name} = {was!r}, this one has {now!r}.")
    return State(centroids, velocity, history=history, **rest)


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path`, then put it in `path`'s place in one step."""
    beside = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        write(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
