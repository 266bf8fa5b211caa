"""The compiled loop installs itself, or steps aside with a reason."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from argrad.cluster.assignment import backend, build, nearest

has_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler on the PATH")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of its own, and nothing remembered from before or left for after."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    build.load.cache_clear()
    yield tmp_path / "cache" / "argrad"
    build.load.cache_clear()


@pytest.fixture
def quick_compiler(tmp_path, monkeypatch):
    """A compiler in name: it hands out what the real one made before, and counts its calls."""
    made, _ = build.find_or_compile()
    calls = tmp_path / "calls"
    script = tmp_path / "quick-cc"
    script.write_text(f'#!/bin/sh\necho "$@" >> {calls}\nsleep 0.1\ncp {made} loop.so\n')
    script.chmod(0o755)
    monkeypatch.setenv("CC", str(script))
    return calls


def labels():
    return nearest(torch.tensor([[0.0], [4.0]]), torch.tensor([[5.0], [1.0]]))[0].tolist()


@has_compiler
def test_a_real_compiler_builds_it_with_its_sources_alone(cache):
    assert backend().startswith("compiled loop, built by")
    assert labels() == [1, 0]
    assert len(list(cache.iterdir())) == 1  # no leavings
    build.load.cache_clear()
    assert backend() == f"compiled loop, from {next(cache.iterdir())}"


@has_compiler
def test_builders_that_start_at_once_do_not_disturb_each_other(quick_compiler, cache):
    with ThreadPoolExecutor(4) as pool:
        paths = {path for path, _ in pool.map(lambda _: build.find_or_compile(), range(4))}
    assert paths == set(cache.iterdir())
    assert len(quick_compiler.read_text().splitlines()) > 1  # or they did not race
    assert backend().startswith("compiled loop, from")
    assert labels() == [1, 0]


def test_without_a_compiler_plain_pytorch_runs(cache, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    assert (
        backend() == "plain PyTorch, since the loop could not be compiled: no C compiler (cc, gcc, clang) on the PATH"
    )
    assert labels() == [1, 0]
    assert not cache.is_file()


@pytest.mark.usefixtures("cache")
def test_a_compiler_that_fails_is_quoted(monkeypatch, tmp_path):
    broken = tmp_path / "broken-cc"
    broken.write_text("#!/bin/sh\necho no such target >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CC", str(broken))
    assert backend().startswith("plain PyTorch, since the loop could not be compiled:")
    assert backend().endswith("says: no such target")
    assert labels() == [1, 0]


@has_compiler
def test_a_damaged_file_in_the_cache_is_not_run(quick_compiler, cache):
    path, _ = build.find_or_compile()
    path.write_bytes(b"not a library")
    assert backend().startswith("plain PyTorch, since")
    assert labels() == [1, 0]
    assert quick_compiler.exists()
    assert path.parent == cache


@pytest.mark.usefixtures("cache")
def test_it_can_be_switched_off(monkeypatch):
    monkeypatch.setenv("ARGRAD_COMPILE", "0")
    assert backend() == "plain PyTorch, since ARGRAD_COMPILE=0 is set"
    assert labels() == [1, 0]


@has_compiler
@pytest.mark.usefixtures("quick_compiler", "cache")
def test_a_home_that_cannot_be_written_costs_a_temporary_folder(monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    build.private_folder.cache_clear()
    assert backend().startswith("compiled loop, built by")
    assert labels() == [1, 0]
    build.private_folder.cache_clear()
