"""One of several processes that cluster together; prints what it found as JSON."""

import hashlib
import json
import sys

import torch
from torch import distributed

from argrad.cluster import KMeans, Shard
from argrad.cluster.rows import Memory


def main(rank: int, world: int, store: str, case: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=world)
    points = torch.randn(900, 5, generator=torch.Generator().manual_seed(0))
    points = points * (torch.arange(900) % 7)[:, None]
    low, high = 900 * rank // world, 900 * (rank + 1) // world
    start = points[:12].clone()
    start[5:] = 1e4  # seven empty clusters
    init = start if case == "empty" else case
    model = KMeans(12, init=init, n_init=1, random_state=0).fit(Shard(Memory(points[low:high])))
    centers = hashlib.sha256(model.cluster_centers_.numpy().tobytes()).hexdigest()
    sys.stdout.write(
        json.dumps({"centers": centers, "labels": model.labels_.tolist(), "stopped": model.stopped_}) + "\n"
    )
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4])
