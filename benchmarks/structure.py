"""Speed of structured marginals and best structures, forward, and forward with backward, against plain loops.

    python benchmarks/structure.py            # some minutes on two cores
    python benchmarks/structure.py --rounds 3

Chain: T = 128, 16 tags, batch 32. The rivals:
- "loop": the forward recursion as one writes it, `alpha = logsumexp(alpha[:, :, None] + s[:, t], 1)`, whose gradient,
  taken with `create_graph=True`, is the marginals;
- "loop, unbound": the same over `s.unbind(1)`, which spares autograd a full-size gradient for every step;
- torch-struct (`pip install torch-struct`), left out where it is not installed.

Floor of the marginals with their backward pass: read s and the gradient, write marginals and the result, 16 bytes a
number, and one exponential a number in each of the filter and the smoother: 2 · 32 · 127 · 256 exponentials.
"""

from __future__ import annotations

import argparse
import warnings
from importlib.util import find_spec

import torch
from common import race, save

from argrad import structure
from argrad.choices import chain, segmentation, tree


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
    s = torch.randn(32, 127, 16, 16, requires_grad=True)
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
    yield from compare("chain marginals", forward, rounds)
    yield from compare("chain marginals, backward too", {name: both(rival) for name, rival in rivals.items()}, rounds)
    detached = s.detach()
    best = {"argrad": lambda: structure.tags(chain.hard(detached)), "loop, unbound": lambda: viterbi(detached)}
    yield from compare("chain, best path", best, rounds)
    yield from compare("chain, one draw", {"argrad": lambda: chain.sample(detached, 1, None)}, rounds)


def determinant(scores):
    """Give marginals by the determinant: fast, and wrong once scores differ by more than a few tens."""
    weight = scores.exp()
    laplacian = weight.sum(-1).diag_embed() - weight + weight.diagonal(dim1=-2, dim2=-1).diag_embed()
    return torch.autograd.grad(torch.logdet(laplacian).sum(), scores, create_graph=True)[0]


def trees(rounds):
    s = torch.randn(32, 25, 25, requires_grad=True)
    weight = torch.randn_like(s)
    many = tree(single_root=False)
    rivals = {"argrad": many.soft, "determinant": determinant}
    both = {name: lambda f=f: torch.autograd.grad((f(s) * weight).sum(), s) for name, f in rivals.items()}
    yield from compare("tree marginals (25 words), backward too", both, rounds)
    flat = s.detach()
    for name, choice in (("tree", tree()), ("projective tree", tree(projective=True))):
        yield from compare(f"{name}, best (25 words)", {"argrad": lambda choice=choice: choice.hard(flat)}, rounds)
    projective = tree(projective=True)
    call = {"argrad": lambda: torch.autograd.grad((projective.soft(s) * weight).sum(), s)}
    yield from compare("projective tree marginals (25 words), backward too", call, rounds)
    cut = torch.randn(32, 64, 8, 4, 4)
    yield from compare("segmentation marginals (64, 8, 4)", {"argrad": lambda: segmentation.soft(cut)}, rounds)


def compare(task, rivals, rounds):
    times = race(rivals, rounds)
    for name, milliseconds in times.items():
        yield {"task": task, "by": name, "ms": milliseconds, "argrad is faster by": milliseconds / times["argrad"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    warnings.filterwarnings("ignore", module="torch_struct")
    torch.manual_seed(0)
    save("structure", [*chains(rounds), *trees(rounds)])


if __name__ == "__main__":
    main()
