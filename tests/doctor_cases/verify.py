"""Run the programs of this folder and measure the truth that their headers state.

    python tests/doctor_cases/verify.py [-v] [FILE or FOLDER …]

Starved is measured at every `Optimizer.step` (in a program without optimiser, after every backward): a
parameter that has no gradient, or one of exact zeros, each time. A dead term is measured by rewriting the
program so that both sides of every `+`, `-`, `+=` and the items of every `sum(…)` are looked at: a scalar
that needs no gradient, or whose gradient to every leaf is exactly zero, each time that it is added.
"""

# ruff: noqa: T201

import argparse
import ast
import contextlib
import inspect
import io
import re
import sys
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import torch
from terms import Terms, term_probe
from torch import nn
from torch.optim import optimizer as optimizers

HERE = Path(__file__).resolve().parent
HEADER = re.compile(r"# STARVED:(.*)\n(?:# DEAD:(.*)\n)?")
MARK = re.compile(r"#! (\w+)$")
MARKS = {"harmful", "harmless", "partial", "offpath", "dead"}
REAL_BACKWARD = torch.Tensor.backward


@dataclass(frozen=True)
class Truth:
    """What a program's header and marks say."""

    starved: frozenset[str]
    dead: tuple[frozenset[int], ...]  # per dead term: the lines at which it may be reported
    marks: dict[int, str]
    vanishing: frozenset[str] = frozenset()


@dataclass
class Watch:
    """What was measured over a run."""

    stepped: bool = False
    steps: int = 0
    flows: dict[int, bool] = field(default_factory=dict)  # id of a leaf -> ever a gradient that is not 0
    largest: dict[int, float] = field(default_factory=dict)  # id of a leaf -> largest entry of any gradient
    optimised: set[int] = field(default_factory=set)
    names: dict[int, dict[str, None]] = field(default_factory=dict)  # id -> its paths, best first
    keep: list = field(default_factory=list)  # so that ids stay unique
    terms: dict[tuple[int, int], bool] = field(default_factory=dict)  # (line, place in it) -> ever alive


def read_truth(source):
    """Parse the header and the marks of a program."""
    header = HEADER.match(source)
    if header is None:
        raise ValueError("the first line must be `# STARVED: names…`")
    lines = source.splitlines()
    marks = {n: found[1] for n, line in enumerate(lines, 1) if (found := MARK.search(line.rstrip()))}
    dead = tuple(frozenset(map(int, term.split("|"))) for term in (header[2] or "").split())
    faint = re.match(r"# VANISHING:(.*)", lines[1]) if len(lines) > 1 else None
    return Truth(frozenset(header[1].split()), dead, marks, frozenset(faint[1].split() if faint else ()))


def children(value):
    """The (step of the path, value) pairs below a value of the script."""
    if isinstance(value, nn.Module):
        extra = {k: v for k, v in vars(value).items() if not k.startswith("_")}
        named = [*value.named_parameters(recurse=False), *value.named_children(), *extra.items()]
        return [(f".{k}", v) for k, v in named]
    if isinstance(value, (list, tuple)):
        return [(f"[{i}]", v) for i, v in enumerate(value)]
    if isinstance(value, dict):
        return [(f"[{k!r}]", v) for k, v in value.items() if isinstance(k, str)]
    if getattr(type(value), "__module__", None) == "__main__":
        return [(f".{k}", v) for k, v in getattr(value, "__dict__", {}).items()]
    return []


def name_leaves(watch, variables):
    """Walk a frame's variables breadth first and note every path to a trainable leaf."""
    queue = [(k, v) for k, v in variables.items() if not k.startswith("__")]
    seen, depth = set(), 0
    while queue and depth < 12:
        following = []
        for path, value in queue:
            if isinstance(value, torch.Tensor):
                if value.is_leaf and value.requires_grad:
                    watch.names.setdefault(id(value), {})[path] = None
                    watch.keep.append(value)
            elif id(value) not in seen:
                seen.add(id(value))
                following += [(path + step, below) for step, below in children(value)]
        queue, depth = following, depth + 1


def name_from_frames(watch, filename):
    """Name leaves from the script's live frames, the outermost first."""
    frame, variables = inspect.currentframe(), []
    while frame is not None:
        if frame.f_code.co_filename == filename:
            variables.append(frame.f_locals)
        frame = frame.f_back
    for found in reversed(variables):
        name_leaves(watch, found)


def note(watch, leaf, grad):
    alive = grad is not None and bool((grad.to_dense() if grad.is_sparse else grad).count_nonzero())
    watch.flows[id(leaf)] = watch.flows.get(id(leaf), False) or alive
    size = float(grad.to_dense().abs().max()) if alive else 0.0
    watch.largest[id(leaf)] = max(size, watch.largest.get(id(leaf), 0.0))
    watch.keep.append(leaf)


@contextlib.contextmanager
def watching(watch, filename):
    """Note gradients at every optimiser step and, for programs without one, at every backward."""

    def at_step(optimizer, *_):
        watch.stepped = True
        for leaf in (p for group in optimizer.param_groups for p in group["params"] if p.requires_grad):
            watch.optimised.add(id(leaf))
            note(watch, leaf, leaf.grad)
        name_from_frames(watch, filename)

    def before(optimizer, *rest):
        watch.steps += 1
        at_step(optimizer, *rest)

    def backward(tensor, *args, **kwargs):
        REAL_BACKWARD(tensor, *args, **kwargs)
        name_from_frames(watch, filename)
        for leaf in {id(t): t for t in watch.keep}.values() if not watch.stepped else ():
            note(watch, leaf, leaf.grad)

    pre = optimizers.register_optimizer_step_pre_hook(before)
    post = optimizers.register_optimizer_step_post_hook(at_step)  # LBFGS runs backward inside its step
    torch.Tensor.backward = backward
    try:
        yield
    finally:
        torch.Tensor.backward = REAL_BACKWARD
        pre.remove()
        post.remove()


def execute(code, space, watch):
    """Execute; a program that dies because its loss needs no gradient starves every leaf it has."""
    try:
        exec(code, space)  # noqa: S102
    except RuntimeError as error:
        if "does not require grad" not in str(error):
            raise
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == code.co_filename:
                name_leaves(watch, trace.tb_frame.f_locals)
            trace = trace.tb_next
    name_leaves(watch, {k: v for k, v in space.items() if k != "__term__"})


def run(path, source, *, probed):
    """Execute a program as `__main__`, watched; with `probed`, look at the terms of its sums."""
    watch = Watch()
    tree = ast.parse(source, str(path))
    space = {"__name__": "__main__", "__file__": str(path), "__term__": term_probe(watch.terms)}
    code = compile(Terms().visit(tree) if probed else tree, str(path), "exec")
    argv, sys.argv = sys.argv, [str(path)]
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), watching(watch, str(path)):
            warnings.simplefilter("ignore")
            execute(code, space, watch)
    finally:
        sys.argv = argv
        torch.set_grad_enabled(True)
        torch.set_default_dtype(torch.float32)
    return watch


def judge_starved(truth, watch):
    """Compare the header's names with the measured leaves."""
    judged = watch.optimised if watch.stepped else set(watch.names)
    starved = {i for i in judged if not watch.flows.get(i, False)}
    paths = {path: i for i, found in watch.names.items() for path in found}
    dotted = {re.sub(r"\[(\d+)\]", r".\1", path): i for path, i in paths.items()}
    claimed = {name: paths.get(name, dotted.get(name)) for name in truth.starved}
    wrong = [f"{name}: no such leaf" for name, i in claimed.items() if i is None]
    faint = {i for name, i in claimed.items() if name in truth.vanishing and 0 < watch.largest.get(i, 0) < 1e-6}
    wrong += [f"{name}: is exactly 0" for name in truth.vanishing if claimed.get(name) not in faint]
    starved |= faint
    wrong += [f"{name}: gets a gradient" for name, i in claimed.items() if i is not None and i not in starved]
    missing = starved - set(claimed.values())
    return wrong + [f"{next(iter(watch.names.get(i, ['?'])))}: starved, not in the header" for i in missing]


def judge_dead(truth, watch):
    """Compare the header's dead terms with the measured ones; the second list is for a human to judge."""
    dead = {line for (line, _), alive in watch.terms.items() if not alive}
    wrong = [f"dead term at {sorted(lines)}: not measured" for lines in truth.dead if not lines & dead]
    said = set().union(*truth.dead, {n for n, mark in truth.marks.items() if mark in ("dead", "harmful")})
    return wrong, sorted(dead - said)


def judge_marks(truth):
    """What must hold between the marks and the header."""
    wrong = [f"line {n}: unknown mark {mark}" for n, mark in truth.marks.items() if mark not in MARKS]
    if "harmful" in truth.marks.values() and not truth.starved:
        wrong.append("a harmful line, but nothing is starved")
    if "dead" in truth.marks.values() and not truth.dead:
        wrong.append("a dead line, but no `# DEAD:` header")
    return wrong


def verify(path):
    """Everything that is wrong with a program's stated truth, and lines that deserve a look."""
    source = path.read_text()
    truth = read_truth(source)
    start = time.process_time()
    watch = run(path, source, probed=False)
    took = time.process_time() - start
    wrong, look = judge_dead(truth, run(path, source, probed=True))
    wrong += judge_starved(truth, watch) + judge_marks(truth)
    if took > 2:
        wrong.append(f"takes {took:.1f} s")
    if watch.stepped and watch.steps < 3:
        wrong.append(f"only {watch.steps} optimiser steps")
    return wrong, look, took


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="*", type=Path, default=[HERE / "dev"])
    parser.add_argument("-v", "--verbose", action="store_true", help="also list the constant terms in sums")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.optim.Adam([torch.zeros(1, requires_grad=True)]).step()  # what torch imports late is not timed
    files = sorted(f for p in args.paths for f in (p.glob("*.py") if p.is_dir() else [p]))
    failed = 0
    for path in files:
        try:
            wrong, look, took = verify(path.resolve())
        except Exception as error:  # noqa: BLE001
            wrong, look, took = [f"{type(error).__name__}: {error}"], [], 0.0
        failed += bool(wrong)
        if wrong or args.verbose:
            print(f"{'FAIL' if wrong else 'ok  '} {path.name} {took:.2f}s", *wrong, sep="\n     ")
            if look and args.verbose:
                print(f"     constant terms at lines {look}")
    print(f"{len(files) - failed} of {len(files)} programs state the truth")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
