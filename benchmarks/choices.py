"""Speed and memory of argmax, draws, selection and entmax: forward and backward, eager float32, against their peers.

    python benchmarks/choices.py            # about two minutes on two cores
    python benchmarks/choices.py --compile  # argrad eager against argrad compiled

Peers: `torch.nn.functional.gumbel_softmax(hard=True)`, the `reinmax` and the `entmax` packages (group `bench`; a peer
that is not installed is left out), and for `select` the straight-through one-hot times the table.

Floor, beside each figure: the numbers that must be read and written (scores, result, the gradient that comes in and the
one that goes out), and the operations. A draw and an entmax take four numbers for each score; ST-Gumbel draws one more
number and takes two logarithms. `select` reads the table for the gradient of the scores and writes the table's own.
"""

from __future__ import annotations

import argparse
from functools import partial
from importlib.util import find_spec

import torch
from common import floor, race, save
from torch.nn.functional import gumbel_softmax

import argrad
from argrad.comparison.meter import peak_bytes

SHAPES = [(64, 32768), (128, 1000), (16384, 64)]
ENTMAX_SHAPES = [(4096, 512), (64, 32768)]
ROWS, OPTIONS, WIDTH = 64, 32768, 512
SELECTION = f"{ROWS} rows of {OPTIONS} × {WIDTH}"


def both_ways(function, *leaves, weight=None):
    """Return a call that runs the function and its backward pass, from gradients of None."""

    def call():
        for leaf in leaves:
            leaf.grad = None
        out = function(*leaves)
        out.backward(weight)

    return call


def draw_rivals():
    rivals = {
        "gumbel_softmax(hard)": partial(gumbel_softmax, hard=True),
        "argrad StraightThrough": argrad.sample,
        "argrad ReinMax": partial(argrad.sample, grad=argrad.ReinMax()),
        "argrad ST-Gumbel": partial(argrad.sample, grad=argrad.StraightThrough(noise=argrad.Gumbel())),
        "argrad argmax": argrad.argmax,
    }
    if find_spec("reinmax"):
        from reinmax import reinmax  # noqa: PLC0415

        rivals["reinmax package"] = lambda s: reinmax(s, 1.0)[0]
    return rivals


def draws(rows, device):
    for shape in SHAPES:
        scores = torch.randn(shape, device=device, requires_grad=True)
        weight = torch.randn(shape, device=device)
        calls = {name: both_ways(f, scores, weight=weight) for name, f in draw_rivals().items()}
        add(rows, "draw", shape, calls, "gumbel_softmax(hard)", scores)


def table_and_scores(device):
    table = torch.randn(OPTIONS, WIDTH, device=device, requires_grad=True)
    scores = torch.randn(ROWS, OPTIONS, device=device, requires_grad=True)
    return table, scores, torch.randn(ROWS, WIDTH, device=device)


def selections(rows, device):
    table, scores, weight = table_and_scores(device)

    def straight_through(table, scores):
        soft = scores.softmax(-1)
        hard = torch.zeros_like(soft).scatter(-1, scores.argmax(-1, keepdim=True), 1)
        return (hard - soft.detach() + soft) @ table

    functions = {
        "one-hot straight-through × table": straight_through,
        "gumbel_softmax(hard) × table": lambda table, scores: gumbel_softmax(scores, hard=True) @ table,
        "argrad select": partial(argrad.select, shared=True),
        "argrad select, sampled": partial(argrad.select, shared=True, sample=True),
    }
    calls = {name: both_ways(f, table, scores, weight=weight) for name, f in functions.items()}
    add(rows, "select", SELECTION, calls, "one-hot straight-through × table", scores)
    sampled = {name: calls[name] for name in calls if "gumbel" in name or "sampled" in name}
    add(rows, "select, sampled", SELECTION, sampled, "gumbel_softmax(hard) × table", scores)


def sparse(rows, device):
    if not find_spec("entmax"):
        print("entmax is not installed: left out")
        return
    import entmax  # noqa: PLC0415

    for shape in ENTMAX_SHAPES:
        scores = torch.randn(shape, device=device, requires_grad=True)
        weight = torch.randn(shape, device=device)
        for name in ("sparsemax", "entmax15"):
            rivals = {f"entmax package {name}": getattr(entmax, name), f"argrad {name}": getattr(argrad, name)}
            calls = {label: both_ways(partial(f, dim=-1), scores, weight=weight) for label, f in rivals.items()}
            add(rows, name, shape, calls, f"entmax package {name}", scores)


def compiled(rows, device):
    for shape in SHAPES:
        scores = torch.randn(shape, device=device, requires_grad=True)
        for name, function in {"scores × 2": lambda s: s * 2, **draw_rivals()}.items():  # the first: a call's own cost
            if name.startswith(("argrad", "scores")):
                add_compiled(rows, shape, name, function, scores, weight=torch.randn(shape, device=device))
    table, scores, weight = table_and_scores(device)
    for name, sample in {"argrad select": False, "argrad select, sampled": True}.items():
        function = partial(argrad.select, shared=True, sample=sample)
        add_compiled(rows, SELECTION, name, function, table, scores, weight=weight)
    for shape in ENTMAX_SHAPES:
        scores = torch.randn(shape, device=device, requires_grad=True)
        for function in (argrad.sparsemax, argrad.entmax15):
            weight = torch.randn(shape, device=device)
            add_compiled(rows, shape, f"argrad {function.__name__}", function, scores, weight=weight)


def add_compiled(rows, shape, name, function, *leaves, weight):
    torch.compiler.reset()  # or a second shape would be compiled for any shape
    pair = {f"{name}, eager": function, f"{name}, compiled": torch.compile(function, fullgraph=True)}
    calls = {label: both_ways(f, *leaves, weight=weight) for label, f in pair.items()}
    add(rows, "compile", shape, calls, f"{name}, eager", leaves[-1], memory=False)  # no mode sees into it


def add(rows, what, shape, calls, reference, scores, *, memory=True):
    times = race(calls, seconds=3 if memory else 8)  # compiled and eager are close
    for name, call in calls.items():
        peak = peak_bytes(call, scores.device) if memory else None
        rows.append(
            {
                "what": what,
                "shape": shape if isinstance(shape, str) else " × ".join(map(str, shape)),
                "who": name,
                "ms": times[name],
                "floor": least(what, name, scores.numel()),
                "times faster": times[reference] / times[name],
                "peak memory / scores": None if peak is None else peak / (scores.numel() * scores.element_size()),
            }
        )


def least(what, name, count):
    if "select" in what or "select" in name:
        return floor(2 * OPTIONS * WIDTH + 2 * ROWS * OPTIONS, ROWS * OPTIONS * WIDTH, "multiply-add")
    if "entmax" in name or "sparsemax" in name:
        return floor(4 * count, count, "comparison")
    return floor(4 * count, 3 * count, "exp, log") if "ST-Gumbel" in name else floor(4 * count, count, "exp")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--compile", action="store_true", help="argrad eager against argrad compiled")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.manual_seed(0)
    rows = []
    for part in [compiled] if options.compile else [draws, selections, sparse]:
        part(rows, options.device)
    save("choices-compiled" if options.compile else "choices", rows)


if __name__ == "__main__":
    main()
