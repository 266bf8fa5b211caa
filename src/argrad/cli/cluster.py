"""`argrad cluster DATA -k 20`: k-means from the command line."""

from __future__ import annotations

import os
import re
import sys
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003  (cyclopts reads the annotations)
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

from cyclopts import Parameter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argrad.cli.cluster_job import Job

_LOST, _REFUSED, _INTERRUPTED = 1, 2, 130  # exit codes


@Parameter(name="*")
@dataclass(frozen=True)
class Options:
    """How to cluster.

    Attributes:
        clusters: The number of clusters, or a range to scan: 2:30, or 2:30:4 for every fourth.
        columns: The columns to use, by name; all but the weights if not given. Those of an array are 0, 1, ….
        weights: The column that holds the rows' weights.
        ids: The column that names the rows in labels.csv, beside their number from 0.
        scale: Give every column mean 0 and variance 1 first. Centroids are written in the data's own units.
        metric: Euclidean distance, or cosine.
        init: How to begin.
        momentum: In [0, 1); 0 is Lloyd's algorithm.
        max_iter: The most steps.
        seed: The same seed gives the same result.
        device: cpu, cuda, …
        memory: Data of at most so many gigabytes are read into memory; larger ones are read anew in each pass.
        batch_size: Rows held at once where data are read anew.
        out: A folder for labels.csv, centroids.csv, summary.json and the run's state, state.npz.
        plot: Draw clusters.png there; with a range of k, scan.png.
        resume: Go on from the state in that folder.
        overwrite: Let an earlier result in that folder go; otherwise the run is refused.
        timeout: Under torchrun: seconds to wait for another process before giving up.
    """

    clusters: Annotated[str, Parameter(name=["--clusters", "-k"])]
    columns: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None
    weights: str | None = None
    ids: Annotated[str | None, Parameter(name="--id")] = None
    scale: bool = False
    metric: Literal["euclidean", "cosine"] = "euclidean"
    init: Literal["k-means||", "k-means++", "random"] = "k-means||"
    momentum: float = 0.8
    max_iter: int = 300
    seed: int = 0
    device: str = "cpu"
    memory: float = 4.0
    batch_size: int | None = None
    out: Path | None = None
    plot: bool = False
    resume: bool = False
    overwrite: bool = False
    timeout: float = 300.0


def cluster(*data: Path, options: Options) -> None:
    """Cluster the rows of files by k-means: exactly, from a CSV to several machines.

    Args:
        data: .csv and .tsv (a header or none), .npy, .npz, .parquet or .arrow; several files are one below the other.
        options: how.
    """
    try:
        _cluster(data, options)
    except (ValueError, OSError, ImportError) as error:
        _fail(error, _REFUSED)
    except RuntimeError as error:  # torch.distributed's, when another process is gone
        _fail(f"{error}{_go_on(options)}", _LOST)
    except KeyboardInterrupt:
        _fail(f"interrupted.{_go_on(options)}", _INTERRUPTED)


def _cluster(data: tuple[Path, ...], options: Options) -> None:
    ks = parse_clusters(options.clusters)
    # Imported here, since Ctrl-C may come meanwhile. NumPy comes first: torch would import it and swallow a Ctrl-C.
    import numpy  # noqa: F401, ICN001, PLC0415

    from argrad.cli.cluster_job import run, scan  # noqa: PLC0415

    job = _job(data, options)
    if options.resume:
        _require_state(options, ks)
    with _warnings_in_a_line():
        if len(ks) > 1:
            scan(job, ks)
        else:
            run(job, ks[0], resume=options.resume)


@contextmanager
def _warnings_in_a_line() -> Iterator[None]:
    """Show what the library warns of as the command's own words, once, by one process."""
    with warnings.catch_warnings():
        warnings.filterwarnings("default", module="argrad")
        warnings.showwarning = _say
        yield


def _say(message: Warning | str, *_: Any, **__: Any) -> None:
    if os.environ.get("RANK", "0") == "0":
        sys.stderr.write(f"argrad cluster: {message}\n")


def _require_state(options: Options, ks: list[int]) -> None:
    if len(ks) > 1:
        raise ValueError(
            f"--resume goes on with one number of clusters; a range keeps no state. Got {options.clusters}."
        )
    if not _has_state(options):
        raise ValueError(f"--resume: there is no state of an earlier run in {options.out}.")


def _fail(message: object, code: int) -> NoReturn:
    sys.stderr.write(f"argrad cluster: {message}\n")
    sys.exit(code)


def _go_on(options: Options) -> str:
    saved = f"\nThe state after the last pass is in {options.out}: go on with --resume."
    return saved if _has_state(options) else ""


def _has_state(options: Options) -> bool:
    return options.out is not None and (options.out / "state.npz").exists()


def parse_clusters(text: str) -> list[int]:
    """Turn "20" into [20], and "2:30" or "2:30:4" into the range with its end."""
    match = re.fullmatch(r"(\d+)(?::(\d+)(?::(\d+))?)?", text.strip())
    first, last, step = (int(part) if part else None for part in match.groups()) if match else (0, None, None)
    if not first or (last is not None and last < first) or step == 0:
        raise ValueError(f"-k: expected a number above 0, or a range like 2:30 or 2:30:4. Got {text!r}.")
    return list(range(first, (last or first) + 1, step or 1))


def _job(data: tuple[Path, ...], options: Options) -> Job:
    from argrad.cli.cluster_job import Job  # noqa: PLC0415  (imports torch)
    from argrad.cli.names import require_device  # noqa: PLC0415

    if not data:
        raise ValueError("expected at least one file of data: argrad cluster DATA -k 20.")
    if (options.plot or options.resume) and options.out is None:
        raise ValueError("--plot and --resume need --out, the folder of the result.")
    if not 0 <= options.momentum < 1:
        raise ValueError(f"--momentum: expected a number in [0, 1). Got {options.momentum}.")
    if not options.memory >= 0:  # NaN is none either
        raise ValueError(f"--memory: expected a number of gigabytes, at least 0. Got {options.memory}.")
    for name, count in (("--max-iter", options.max_iter), ("--batch-size", options.batch_size)):
        if count is not None and count < 1:
            raise ValueError(f"{name}: expected a number above 0. Got {count}.")
    require_device(options.device)
    names = ("columns", "weights", "ids", "scale", "metric", "init", "momentum", "max_iter", "seed", "device")
    kept = {
        name: getattr(options, name) for name in (*names, "memory", "batch_size", "out", "plot", "overwrite", "timeout")
    }
    return Job(data, **kept)
