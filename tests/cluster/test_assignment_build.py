"""The compiled loop installs itself, or steps aside with a reason."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

SCRIPT = """
import torch
from argrad.cluster.assignment import backend, nearest
print(backend())
print(nearest(torch.tensor([[0.0], [4.0]]), torch.tensor([[5.0], [1.0]]))[0].tolist())
"""

has_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler on the PATH")


def run(**environment):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@has_compiler
def test_it_is_compiled_once_and_then_found(tmp_path):
    first = run(XDG_CACHE_HOME=str(tmp_path))
    again = run(XDG_CACHE_HOME=str(tmp_path))
    assert first[0].startswith("compiled loop, built by")
    assert again[0].startswith("compiled loop, from")
    assert first[1] == again[1] == "[1, 0]"
    assert len(list((tmp_path / "argrad").iterdir())) == 1  # no leavings


@has_compiler
def test_processes_that_start_at_once_do_not_disturb_each_other(tmp_path):
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    racers = [
        subprocess.Popen([sys.executable, "-c", SCRIPT], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for racer in racers:
        out, _ = racer.communicate()
        assert out.startswith("compiled loop")
        assert out.endswith("[1, 0]\n")


def test_without_a_compiler_plain_pytorch_runs(tmp_path):
    said, labels = run(XDG_CACHE_HOME=str(tmp_path), PATH=str(tmp_path), CC="")
    assert (
        said
        == "plain PyTorch, since the loop could not be compiled: no C compiler (cc, gcc, clang) on the PATH"
    )
    assert labels == "[1, 0]"


def test_a_compiler_that_fails_is_quoted(tmp_path):
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\necho no such target >&2\nexit 1\n")
    broken.chmod(0o755)
    said, labels = run(XDG_CACHE_HOME=str(tmp_path), CC=str(broken))
    assert said.startswith("plain PyTorch, since the loop could not be compiled:")
    assert said.endswith("says: no such target")
    assert labels == "[1, 0]"


@has_compiler
def test_a_damaged_file_in_the_cache_falls_back(tmp_path):
    run(XDG_CACHE_HOME=str(tmp_path))
    (built,) = (tmp_path / "argrad").iterdir()
    built.write_bytes(b"not a library")
    said, labels = run(XDG_CACHE_HOME=str(tmp_path))
    assert said.startswith("plain PyTorch, since")
    assert labels == "[1, 0]"


def test_it_can_be_switched_off():
    assert run(ARGRAD_COMPILE="0")[0] == "plain PyTorch, since ARGRAD_COMPILE=0 is set"


@has_compiler
def test_a_home_that_cannot_be_written_costs_a_temporary_folder(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    said, labels = run(XDG_CACHE_HOME=str(blocked), TMPDIR=str(tmp_path))
    assert said.startswith("compiled loop, built by")
    assert labels == "[1, 0]"
