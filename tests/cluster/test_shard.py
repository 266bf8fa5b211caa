"""1, 2 and 3 processes end in the same centroids, bit for bit; a dead one ends the run with an error and a state."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

WORKER = Path(__file__).with_name("shard_worker.py")


def together(world, case, tmp_path):
    store = tmp_path / f"store-{world}-{case.strip('|')}"
    processes = [
        subprocess.Popen(
            [sys.executable, str(WORKER), str(rank), str(world), str(store), case], stdout=subprocess.PIPE, text=True
        )
        for rank in range(world)
    ]
    outputs = [process.communicate(timeout=240)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * world
    return [json.loads(output.splitlines()[-1]) for output in outputs]


@pytest.mark.parametrize("case", ["k-means||", "random", "empty"])
def test_any_number_of_processes_ends_in_the_same_centroids_bit_for_bit(case, tmp_path):
    runs = {world: together(world, case, tmp_path) for world in (1, 2, 3)}
    assert {found["centers"] for run in runs.values() for found in run} == {runs[1][0]["centers"]}
    for run in runs.values():
        assert [label for found in run for label in found["labels"]] == runs[1][0]["labels"]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_a_dead_process_ends_the_run_with_an_error_and_a_saved_state(tmp_path):
    points = torch.randn(3000, 4, generator=torch.Generator().manual_seed(0))
    np.save(tmp_path / "p.npy", points.numpy())
    command = "from argrad.cli import main; main()"
    dies = (
        "import os, argrad.cluster.shard as s; step = s.ShardPasses.step; passes = []\n"
        "def dead(self, c):\n"
        "    passes.append(1)\n"
        "    if len(passes) > 3: os._exit(1)\n"
        "    return step(self, c)\n"
        "s.ShardPasses.step = dead\n"
    )
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "OMP_NUM_THREADS": "1"}
    out = tmp_path / "out"
    arguments = ["cluster", str(tmp_path / "p.npy"), "-k", "25", "--out", str(out), "--timeout", "60"]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", (dies if rank == 1 else "") + command, *arguments],
            env=os.environ | shared | {"RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    began = time.monotonic()
    _, error = processes[0].communicate(timeout=240)
    processes[1].communicate(timeout=30)
    assert processes[0].returncode == 1
    assert "argrad cluster:" in error
    assert "--resume" in error
    assert time.monotonic() - began < 200
    with np.load(out / "state.npz", allow_pickle=False) as state:
        assert state["centroids"].shape == (25, 4)
        assert len(state["history"]) == 3
    assert not (out / "labels.csv").exists()
    resumed = subprocess.run([sys.executable, "-c", command, *arguments, "--resume"], check=False, capture_output=True)
    assert resumed.returncode == 0
    assert (out / "labels.csv").exists()
