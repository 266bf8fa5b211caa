"""The tree as a choice."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from argrad._checks import in_transform, require, require_scores
from argrad.choices._gibbs import (
    Recursion,
    derivative,
    finite,
    indicate,
    lift,
    log_prob,
    require_enumerable,
    require_event,
    require_lengths,
    spread,
    unmask,
)
from argrad.choices.simplex import sparsemax
from argrad.choices.tree import arborescence, determinant, eisner, elimination
from argrad.core import Choice

if TYPE_CHECKING:
    from collections.abc import Callable

_DIMS = 2
_BEARABLE = {torch.float32: 1e-6, torch.float64: 1e-9}  # a bound on the error of a marginal; errors are far below


def arcs(scores: Tensor, root: Tensor | None = None, lengths: Tensor | None = None) -> Tensor:
    """Put the scores of root arcs on the diagonal, and hang the padding where it changes nothing.

    Formula: s[m, m] = root[m]. A word past the end hangs from the word before it at score 0, and heads no other.

    Args:
        scores: (*batch, n, n), [m, h] for word h as the head of word m; −inf is a mask.
        root: (*batch, n), for m as a root; None: the diagonal has it already.
        lengths: (*batch,) integers in [1, n]; None: all are n.

    Raises:
        TypeError, ValueError: shapes or lengths that do not fit.

    >>> import torch
    >>> from argrad.choices.tree import arcs
    >>> arcs(torch.zeros(3, 3), torch.ones(3), torch.tensor(2))
    tensor([[1., 0., -inf],
            [0., 1., -inf],
            [-inf, 0., -inf]])
    """
    require_event(scores, "arcs", _DIMS)
    n = scores.shape[-1]
    if root is not None:
        require_scores(root, "arcs", None, name="root")
        require(root.shape == scores.shape[:-1], "root", "arcs", f"of shape {tuple(scores.shape[:-1])}", root)
        scores = torch.where(torch.eye(n, dtype=torch.bool, device=scores.device), root.unsqueeze(-1), scores)
    if lengths is None:
        return scores
    require_lengths(lengths, scores.shape[:-2], n, "arcs")
    place = torch.arange(n, device=scores.device)
    past = place >= lengths.unsqueeze(-1)
    before = place.unsqueeze(-1) == place + 1
    padding = torch.where(before, 0, torch.full_like(scores, -torch.inf))
    return torch.where(past.unsqueeze(-1), padding, scores.masked_fill(past.unsqueeze(-2), -torch.inf))


def heads(vertex: Tensor) -> Tensor:
    """Give the heads as integers, in the way of treebanks: 0 is the root, 1 the first word.

    (*batch, n, n) → (*batch, n).

    >>> import torch
    >>> from argrad.choices.tree import heads, tree
    >>> heads(tree().hard(torch.tensor([[0.0, 9.0, 0.0], [0.0, 1.0, 0.0], [0.0, 5.0, 2.0]])))
    tensor([2, 0, 2])
    """
    head = vertex.argmax(-1)
    return torch.where(head == torch.arange(vertex.shape[-1], device=vertex.device), 0, head + 1)


def log_partition(scores: Tensor, *, projective: bool = False, single_root: bool = True) -> Tensor:
    """Give log Z = log Σ_y exp⟨y, s⟩ over all trees: (*batch, n, n) → (*batch,). Its gradient is the marginals.

    Raises:
        TypeError, ValueError: scores of the wrong type or shape, with NaN or +inf, or without a possible tree.

    >>> import torch
    >>> from argrad.choices.tree import log_partition
    >>> log_partition(torch.zeros(4, 4)).exp()  # Cayley: 4 words, any of 4 as the root, 4² trees each
    tensor(64.)
    """
    return _made(projective, single_root)[1](scores)


def tree(*, projective: bool = False, single_root: bool = True) -> Choice:
    """Choose a dependency tree over n words.

    Formula: y*(s) = argmax over trees y of Σ_m s[m, head(m)]; the law is p(y) ∝ exp⟨y, s⟩.

    Args:
        projective: whether arcs may not cross. True: Eisner's recursion. False: Chu–Liu–Edmonds for the best tree (in
            float64), and the matrix-tree theorem for the law: by a determinant where that is good to rounding, else,
            and under transforms, by elimination in log space.
        single_root: whether exactly one word hangs from the root, or at least one.

    Its scores are (*batch, n, n), [m, h] for word h as the head of word m and [m, m] for m as a root; see `arcs`.

    Raises (when used):
        TypeError, ValueError: scores of the wrong type or shape, with NaN or +inf, or without a possible tree.

    Wrong when: `project` is taken for the nearest point of the trees' polytope: it is that of SPIGOT's authors, a
    larger one, where each word has one head and cycles are not excluded: row by row a projection onto the simplex.
    Ties are broken by a fixed rule at each step of the algorithm, not in the order of a dictionary.
    Draws of trees that need not be projective take n eliminations of O(n³).

    Source: Eisner 1996; Chu & Liu 1965; Edmonds 1967; Koo, Globerson, Carreras & Collins 2007; Peng, Thomson & Smith
    2018 (the relaxed set).

    >>> import torch
    >>> from argrad.choices.tree import tree
    >>> tree().soft(torch.zeros(2, 2))
    tensor([[0.5000, 0.5000],
            [0.5000, 0.5000]])
    """
    return _made(projective, single_root)[0]


@cache
def _made(projective: bool, single_root: bool) -> tuple[Choice, Callable[[Tensor], Tensor]]:
    functions = {
        "name": f"the choice of a {'projective ' if projective else ''}tree",
        "project": sparsemax,
        "enumerate": partial(_enumerate, projective=projective, single_root=single_root),
    }
    if projective:
        recursion = Recursion(partial(eisner.value, single_root=single_root), "tree", _DIMS, _square)
        return recursion.choice(**functions), recursion.log_partition
    law = _Law(single_root)
    hard = partial(_best, single_root=single_root)
    choice = Choice(
        hard=hard,
        event_dims=_DIMS,
        soft=law.soft,
        soft_is_mean=True,
        sample=law.sample,
        log_prob=partial(log_prob, log_partition=law.log_partition, event_dims=_DIMS),
        lift=partial(lift, hard=hard, event_dims=_DIMS),
        **functions,
    )
    return choice, law.log_partition


@dataclass(frozen=True)
class _Law:
    """The law over trees that need not be projective: methods, which can be pickled."""

    single_root: bool

    def log_partition(self, scores: Tensor) -> Tensor:
        _square(scores)
        quick = partial(determinant.log_total, single_root=self.single_root)
        return unmask(_bearable(quick, self._sure, finite(scores)), "tree")

    def soft(self, scores: Tensor) -> Tensor:
        _square(scores)
        quick = partial(determinant.marginals, single_root=self.single_root)
        return _bearable(quick, partial(derivative, self._sure, of="tree"), finite(scores))

    def sample(self, scores: Tensor, samples: int, generator: torch.Generator | None) -> Tensor:
        s = finite(scores.detach()).expand(samples, *scores.shape)
        return elimination.sample(s, self.soft, generator).to(scores.dtype)

    def _sure(self, s: Tensor) -> Tensor:
        return elimination.log_total(s, single_root=self.single_root)


def _bearable(quick: Callable[[Tensor], tuple[Tensor, Tensor]], sure: Callable[[Tensor], Tensor], s: Tensor) -> Tensor:
    """Take the quick way in the rows of the batch in which its error is that of rounding, the sure way in others."""
    if in_transform() or s.is_meta:
        return sure(s)
    value, error = quick(s)
    good = error < _BEARABLE[s.dtype]
    if good.all():
        return value
    if not good.any():
        return sure(s)
    every = torch.zeros_like(value).index_put((good,), quick(s[good])[0])
    return every.index_put((~good,), sure(s[~good]))


def _square(scores: Tensor) -> None:
    require_event(scores, "tree", _DIMS)


def _best(scores: Tensor, single_root: bool) -> Tensor:
    require_event(scores, "tree", _DIMS)
    s = finite(scores.detach())
    rows = s.reshape(s.shape[:-2].numel(), *s.shape[-2:])
    head, possible = arborescence.best_heads(rows, single_root=single_root)
    total = torch.where(possible, rows.gather(-1, head.unsqueeze(-1)).sum((-2, -1)), -torch.inf)
    unmask(total.view(s.shape[:-2]), "tree")
    return indicate(head.view(s.shape[:-1]), scores.detach())


def _enumerate(scores: Tensor, projective: bool, single_root: bool) -> Tensor:
    _square(scores)
    n = scores.shape[-1]
    require_enumerable(n**n, "tree")
    head = torch.cartesian_prod(*[torch.arange(n, device=scores.device)] * n).view(-1, n)
    word = torch.arange(n, device=scores.device)
    top = head
    for _ in range(n):
        top = head.gather(-1, top)
    reaches_root = (head.gather(-1, top) == top).all(-1)
    roots = (head == word).sum(-1)
    keep = reaches_root & ((roots == 1) if single_root else (roots > 0))
    if projective:
        keep = keep & ~_crossing(torch.where(head == word, -1, head), word)
    return spread(indicate(head[keep], scores.new_zeros(int(keep.sum()), n, n)), scores, _DIMS)


def _crossing(head: Tensor, word: Tensor) -> Tensor:
    """Whether any two arcs cross, with the root to the left of all words: (N, n) → (N,)."""
    low, high = torch.minimum(head, word), torch.maximum(head, word)
    first, second = (low.unsqueeze(-1), high.unsqueeze(-1)), (low.unsqueeze(-2), high.unsqueeze(-2))
    crossed = (first[0] < second[0]) & (second[0] < first[1]) & (first[1] < second[1])
    return crossed.any(-1).any(-1)
