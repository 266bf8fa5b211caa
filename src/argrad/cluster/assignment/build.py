"""Compiles the loop on first use, where a C compiler is found, and keeps it in the user's cache."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

_SOURCES = ("job.h", "distance.h", "lanes.h", "screen.h", "scratch.h", "threads.c", "layout.c", "nearest.c", "direct.c", "sums.c")
_FLAGS = ("-std=gnu11", "-O3", "-fno-tree-pre", "-fPIC", "-shared", "-pthread", "-Wno-psabi")
_TIMEOUT_SECONDS = 120


@dataclass(frozen=True)
class Loop:
    """The compiled library, or None, and one line that says why."""

    library: ctypes.CDLL | None
    reason: str


@cache
def load() -> Loop:
    """Find the compiled loop in the cache or compile it. Whatever fails, the answer is a reason, never an error."""
    if os.environ.get("ARGRAD_COMPILE", "1") == "0":
        return Loop(None, "plain PyTorch, since ARGRAD_COMPILE=0 is set")
    if sys.platform == "win32":
        return Loop(None, "plain PyTorch, since the compiled loop needs POSIX threads")
    try:
        path, origin = find_or_compile()
        return Loop(ctypes.CDLL(str(path)), f"compiled loop, {origin}")
    except (OSError, subprocess.SubprocessError) as error:
        return Loop(None, f"plain PyTorch, since the loop could not be compiled: {error}")


def find_or_compile() -> tuple[Path, str]:
    """The library's file and its origin. It is built aside and moved into place whole, so racers cannot clash."""
    folder = resources.files(__name__.rpartition(".")[0])
    sources = {name: folder.joinpath(name).read_text("utf-8") for name in _SOURCES}
    path = _cache_directory() / f"nearest-{_fingerprint(sources)}.so"
    if path.exists():
        return path, f"from {path}"
    compiler = next(filter(None, map(shutil.which, (os.environ.get("CC") or "cc", "gcc", "clang"))), None)
    if compiler is None:
        raise FileNotFoundError("no C compiler (cc, gcc, clang) on the PATH")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        built = _compile(compiler, sources, Path(folder))
        built.replace(path)
    return path, f"built by {compiler}"


def _compile(compiler: str, sources: dict[str, str], folder: Path) -> Path:
    for name, text in sources.items():
        (folder / name).write_text(text, "utf-8")
    units = [name for name in sources if name.endswith(".c")]
    for native in ("-march=native", "-mcpu=native", None):
        flags = (*_FLAGS, native) if native else _FLAGS
        command = [compiler, *flags, *units, "-o", "loop.so", "-lm"]
        run = subprocess.run(  # noqa: S603  (a compiler from the PATH, on sources from this package)
            command, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False
        )
        if run.returncode == 0:
            return folder / "loop.so"
    raise OSError(f"{compiler} says: {run.stderr.strip()[:500]}")


def _fingerprint(sources: dict[str, str]) -> str:
    """The sources and the processor: `-march=native` code must not be run on another one that shares the cache."""
    text = "\0".join((*sources.values(), *_FLAGS, platform.machine(), _processor()))
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return f"{platform.processor()} {platform.node()}"
    return "".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features", "CPU part"))}))


def _cache_directory() -> Path:
    """`$XDG_CACHE_HOME/argrad`, or its like; a private temporary folder where the home cannot be written."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111  (never raises)
    folder = Path(home) / "argrad"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return private_folder()
    return folder if os.access(folder, os.W_OK) else private_folder()


@cache
def private_folder() -> Path:
    """A folder of this process alone, for a user whose cache cannot be written."""
    return Path(tempfile.mkdtemp(prefix="argrad-"))
