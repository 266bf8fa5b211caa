"""Speed of structured marginals and best structures, forward, and forward with backward, against plain loops.

    python benchmarks/structure.py            # some minutes on two cores
    python benchmarks/structure.py --rounds 3

Chain: T = 128, 16 tags, batch 32. The rivals:
- "loop": the forward recursion as one writes it, `alpha = logsumexp(alpha[:, :, None] + s[:, t], 1)`, whose gradient,
  taken with `create_graph=True`, is the marginals;
- "loop, unbound": the same over `s.unbind(1)`, which spares autograd a full-size gradient for every step;
- torch-struct (`pip install torch-struct`), left out where it is not installed.

Trees: 40 words, batch 32, against torch-struct, and
- "loop" (projective): Eisner's recursion as one writes it, span after span;
- "determinant" (may cross): log det of the Laplacian by autograd, which is wrong once scores differ by a few tens.

Floors, printed beside each figure: the bytes that must be read and written, each once, and the operations that count
most. At 10 GB/s and 5 ns an exponential, chain marginals with their backward pass can't take less than 7 ms.
"""

from __future__ import annotations

import argparse
import warnings
from importlib.util import find_spec

import torch
from common import floor, race, save

from argrad import structure
from argrad.choices import chain, segmentation, tree

BATCH, LENGTH, TAGS, WORDS = 32, 128, 16, 40
NUMBERS = BATCH * (LENGTH - 1) * TAGS**2
SPLITS = BATCH * WORDS**3 // 2  # the terms of all sums in Eisner's recursion
ELIMINATIONS = 2 * BATCH * WORDS**3  # multiplications and additions of one inverse


def loop(s):
    alpha = torch.zeros_like(s[:, 0, 0])
    for t in range(s.shape[1]):
        alpha = torch.logsumexp(alpha.unsqueeze(-1) + s[:, t], 1)
    return torch.autograd.grad(alpha.logsumexp(-1).sum(), s, create_graph=True)[0]


def unbound(s):
    alpha = torch.zeros_like(s[:, 0, 0])
    for step in s.unbind(1):
        alpha = torch.logsumexp(alpha.unsqueeze(-1) + step, 1)
    return torch.autograd.grad(alpha.logsumexp(-1).sum(), s, create_graph=True)[0]


def viterbi(s):
    alpha, back = torch.zeros_like(s[:, 0, 0]), []
    for step in s.unbind(1):
        alpha, best = (alpha.unsqueeze(-1) + step).max(1)
        back.append(best)
    path = [alpha.argmax(-1, keepdim=True)]
    for best in reversed(back):
        path.append(best.gather(-1, path[-1]))
    return torch.cat(path[::-1], -1)


def chains(rounds):
    s = torch.randn(BATCH, LENGTH - 1, TAGS, TAGS, requires_grad=True)
    weight = torch.randn_like(s)
    rivals = {"argrad": chain.soft, "loop": loop, "loop, unbound": unbound}
    if find_spec("torch_struct"):
        import torch_struct  # noqa: PLC0415

        rivals["torch-struct"] = lambda x: torch_struct.LinearChainCRF(x.mT.contiguous()).marginals.mT
    for rival in rivals.values():
        torch.testing.assert_close(rival(s), chain.soft(s), rtol=1e-3, atol=1e-4)

    def both(marginals):
        return lambda: torch.autograd.grad((marginals(s) * weight).sum(), s)

    forward = {name: lambda rival=rival: rival(s) for name, rival in rivals.items()}
    yield from compare("chain marginals", forward, rounds, floor(2 * NUMBERS, NUMBERS, "exp"))
    backward = {name: both(rival) for name, rival in rivals.items()}
    yield from compare("chain marginals, backward too", backward, rounds, floor(4 * NUMBERS, NUMBERS, "exp"))
    detached = s.detach()
    best = {"argrad": lambda: structure.tags(chain.hard(detached)), "loop, unbound": lambda: viterbi(detached)}
    yield from compare("chain, best path", best, rounds, floor(2 * NUMBERS, NUMBERS, "max"))
    draw = {"argrad": lambda: chain.sample(detached, 1, None)}
    yield from compare("chain, one draw", draw, rounds, floor(2 * NUMBERS, NUMBERS, "exp"))


def determinant(scores):
    """Give marginals by the determinant: fast, and wrong once scores differ by more than a few tens."""
    weight = scores.exp()
    laplacian = weight.sum(-1).diag_embed() - weight + weight.diagonal(dim1=-2, dim2=-1).diag_embed()
    return torch.autograd.grad(torch.logdet(laplacian).sum(), scores, create_graph=True)[0]


def eisner(s):
    n = s.shape[-1]
    zero = torch.zeros_like(s[:, 0, 0])
    right, left = ({(i, i): zero for i in range(n)} for _ in range(2))
    to_right, to_left = {}, {}
    for width in range(1, n):
        for i in range(n - width):
            j = i + width
            facing = total([right[i, k] + left[k + 1, j] for k in range(i, j)])
            to_right[i, j], to_left[i, j] = facing + s[:, j, i], facing + s[:, i, j]
            right[i, j] = total([to_right[i, k] + right[k, j] for k in range(i + 1, j + 1)])
            left[i, j] = total([left[i, k] + to_left[k, j] for k in range(i, j)])
    whole = total([left[0, k] + right[k, n - 1] + s[:, k, k] for k in range(n)])
    return torch.autograd.grad(whole.sum(), s, create_graph=True)[0]


def total(terms):
    return torch.stack(terms, -1).logsumexp(-1)


def tree_rivals(projective):
    rivals = {"argrad": tree(projective=projective).soft}
    if projective:
        rivals["loop"] = eisner
    if find_spec("torch_struct"):
        import torch_struct  # noqa: PLC0415

        law = torch_struct.DependencyCRF if projective else torch_struct.NonProjectiveDependencyCRF
        rivals["torch-struct"] = lambda x: law(x.mT.contiguous(), multiroot=False).marginals.mT
    return rivals


def trees(rounds):
    s = torch.randn(BATCH, WORDS, WORDS, requires_grad=True)
    weight, flat = torch.randn_like(s), s.detach()
    least = floor(4 * s.numel(), SPLITS, "exp"), floor(4 * s.numel(), ELIMINATIONS, "multiply-add")
    for name, projective, limit in (("projective tree", True, least[0]), ("tree", False, least[1])):
        rivals, choice = tree_rivals(projective), tree(projective=projective)
        for rival in rivals.values():
            torch.testing.assert_close(rival(s), choice.soft(s), rtol=1e-3, atol=1e-4)
        if not projective:
            rivals["determinant"] = determinant  # with any number of roots
        both = {n: lambda f=f: torch.autograd.grad((f(s) * weight).sum(), s) for n, f in rivals.items()}
        yield from compare(f"{name}, marginals and backward", both, rounds if projective else 3 * rounds, limit)
        best = {"argrad": lambda choice=choice: choice.hard(flat)}
        yield from compare(
            f"{name}, best", best, rounds, floor(2 * s.numel(), SPLITS if projective else s.numel(), "max")
        )
        draw = {"argrad": lambda choice=choice: choice.sample(flat, 1, None)}
        yield from compare(f"{name}, one draw", draw, rounds, limit)
    far = 1e4 * flat
    hard = {"argrad": lambda: tree().soft(far)}
    yield from compare("tree, marginals of scores of 1e4", hard, rounds, floor(2 * s.numel(), ELIMINATIONS // 2, "exp"))
    cut = torch.randn(BATCH, 64, 8, 4, 4)
    call = {"argrad": lambda: segmentation.soft(cut)}
    yield from compare("segmentation marginals (64, 8, 4)", call, rounds, floor(2 * cut.numel(), cut.numel(), "exp"))


def compare(task, rivals, rounds, least):
    times = race(rivals, rounds)
    for name, milliseconds in times.items():
        ratio = milliseconds / times["argrad"]
        yield {"task": task, "by": name, "ms": milliseconds, "argrad is faster by": ratio, "floor": least}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    warnings.filterwarnings("ignore", module="torch_struct")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    save("structure", [*chains(rounds), *trees(rounds)])


if __name__ == "__main__":
    main()
