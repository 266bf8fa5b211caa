"""Speed of soft ranks, soft sorting and k-subset marginals, forward and backward, against their peers.

    python benchmarks/order.py            # about two minutes on two cores

Peers: the `torchsort` package (C++ for the isotonic regression; it has to be compiled where it is installed,
and is left
out where it is not; its half precision is tried in a process of its own, for ten seconds), `torch.sort`, and for the
marginals the recursion over the options one by one, in the log domain, differentiated by autograd.

Floor of a soft rank with its backward on a B × n tensor: scores and gradient in, ranks and gradient out, and the
comparisons of one sort, n log₂ n a row; `torch.sort` is given as the floor that a user would think of. Floor of the
marginals: up and down a tree of polynomials, 3·n·k multiplications and additions a row, and as many again for each
derivative. Both are printed beside each figure.
"""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from importlib.util import find_spec
from math import log2

import torch
from common import floor, race, save

import argrad

SHAPES = [(128, 1000), (64, 32768)]
PATIENCE = 10


def sorting(shape, dtype):
    rows, n = shape
    return floor(4 * rows * n, rows * n * log2(n), "comparisons", dtype.itemsize)


def both_ways(function, leaf, weight):
    def call():
        leaf.grad = None
        function(leaf).backward(weight)

    return call


def order_rivals():
    rivals = {
        "argrad soft_rank": argrad.soft_rank,
        "argrad rank (hard forward)": argrad.rank,
        "argrad soft_sort": argrad.soft_sort,
        "torch.sort": lambda s: s.sort(-1).values,
    }
    if find_spec("torchsort"):
        import torchsort  # noqa: PLC0415

        rivals |= {"torchsort soft_rank": torchsort.soft_rank, "torchsort soft_sort": torchsort.soft_sort}
    return rivals


def agree():
    """Check that the peer computes the same values and gradients."""
    import torchsort  # noqa: PLC0415

    scores, weight = (3 * torch.randn(4, 200)).requires_grad_(), torch.randn(4, 200)
    kl = partial(torchsort.soft_rank, regularization="kl")
    pairs = [
        (argrad.soft_rank, torchsort.soft_rank),
        (argrad.soft_sort, torchsort.soft_sort),
        (argrad.entropic_rank, kl),
    ]
    for mine, theirs in pairs:
        values = mine(scores), theirs(scores)
        torch.testing.assert_close(*values, rtol=1e-4, atol=1e-4)
        slopes = [torch.autograd.grad((value * weight).sum(), scores)[0] for value in values]
        torch.testing.assert_close(*slopes, rtol=1e-4, atol=1e-4)


def orders(rows):
    for shape in SHAPES:
        for dtype in (torch.float32, torch.float16):
            scores = torch.randn(shape).to(dtype).requires_grad_()
            weight = torch.randn(shape).to(dtype)
            rivals = {
                name: f
                for name, f in order_rivals().items()
                if dtype == torch.float32 or not name.startswith("torchsort")
            }
            times = race({name: both_ways(f, scores, weight) for name, f in rivals.items()}, rounds=7)
            half = dtype == torch.float16
            for name, ms in times.items():
                peer = f"torchsort {name.split()[-1]}" if "soft" in name else "torchsort soft_rank"
                ratio = times[peer] / ms if peer in times else None
                rows.append(row(name, shape, dtype, ms, ratio, sorting(shape, dtype)))
            if half and find_spec("torchsort"):
                rows.append(
                    row("torchsort soft_rank", shape, dtype, half_in_torchsort(shape), None, sorting(shape, dtype))
                )


def half_in_torchsort(shape):
    """Time one call in a process that may hang: milliseconds, or infinity."""
    code = f"""
import time, torch, torchsort
scores = torch.randn{shape}.half()
start = time.perf_counter()
torchsort.soft_rank(scores)
print(1e3 * (time.perf_counter() - start))
"""
    try:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return float("inf")
    return float(done.stdout) if done.returncode == 0 else float("nan")


def row(what, shape, dtype, ms, ratio, least):
    return {
        "what": what,
        "shape": " × ".join(map(str, shape)),
        "dtype": str(dtype).removeprefix("torch."),
        "ms": ms,
        "peer / argrad": ratio,
        "floor": least,
    }


def by_recursion(scores, k):
    """Marginals of k-subsets as the derivative of log e_k, by the recursion over the options one by one."""
    s = scores if scores.requires_grad else scores.detach().requires_grad_()
    counts = torch.full((*s.shape[:-1], k + 1), -1e30)
    counts[..., 0] = 0
    with torch.enable_grad():
        for one in s.unbind(-1):
            counts = torch.cat(
                [counts[..., :1], torch.logaddexp(counts[..., 1:], counts[..., :-1] + one[..., None])], -1
            )
        return torch.autograd.grad(counts[..., k].sum(), s, create_graph=scores.requires_grad)[0]


def subsets(rows, shape=(128, 1000), k=10):
    choice = argrad.k_subset(k)
    scores, weight = torch.randn(shape), torch.randn(shape)
    leaf = scores.clone().requires_grad_()
    worst = (choice.soft(scores.double()) - by_recursion(scores.double(), k)).abs().max().item()
    print(f"largest difference from the recursion, float64: {worst:.2g}")
    tree = 3 * scores.numel() * k
    tasks = {
        "marginals": (partial(choice.soft, scores), partial(by_recursion, scores, k), 2, tree),
        "marginals and their backward": (
            both_ways(choice.soft, leaf, weight),
            both_ways(partial(by_recursion, k=k), leaf, weight),
            4,
            3 * tree,  # the tree, and its value and derivative along the gradient
        ),
    }
    for task, (mine, loop, passes, operations) in tasks.items():
        least = floor(passes * scores.numel(), operations, "multiply-add")
        times = race({"argrad": mine, "recursion": loop}, rounds=5)
        for name, ms in times.items():
            ratio = times["recursion"] / ms if name == "argrad" else None
            rows.append(row(f"{name}: {k}-subset {task}", shape, torch.float32, ms, ratio, least))


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    if find_spec("torchsort"):
        agree()
    rows = []
    orders(rows)
    subsets(rows)
    save("order", rows)


if __name__ == "__main__":
    main()
