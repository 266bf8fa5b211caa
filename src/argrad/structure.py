"""Distributions over structures: paths, trees, segmentations, matchings, with exact marginals, best, draws and entropy.

For those who want the law itself, p(y) ∝ exp⟨y, s⟩. For a structure inside a network, with one of the estimators, take
the choice from `argrad.choices` and `argrad.pick`, `argrad.draw` or `argrad.expect`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from argrad import choices
from argrad._checks import require, require_count
from argrad.choices._gibbs import inner
from argrad.choices.chain import edges, nodes, tags
from argrad.choices.chain import log_partition as _chain_total
from argrad.choices.matching import log_partition as _matching_total
from argrad.choices.matching import pairs
from argrad.choices.segmentation import coverage, labels, segments, starts
from argrad.choices.segmentation import log_partition as _segmentation_total
from argrad.choices.tree import arcs, heads
from argrad.choices.tree import log_partition as _tree_total

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import Tensor

    from argrad.core import Choice

__all__ = [
    "Structure",
    "arcs",
    "chain",
    "coverage",
    "edges",
    "heads",
    "labels",
    "matching",
    "nodes",
    "pairs",
    "segmentation",
    "segments",
    "starts",
    "tags",
    "tree",
]


@dataclass(frozen=True, eq=False)
class Structure:
    """The Gibbs law p(y) ∝ exp⟨y, s⟩ over the vertices y of a structured choice.

    Attributes:
        choice: what is chosen.
        scores: s, (*batch, *event); −inf is a mask.
        normaliser: scores → log Z.

    All but `best` and the draws are differentiable in the scores, any number of times. Nothing is kept between calls.
    """

    choice: Choice
    scores: Tensor
    normaliser: Callable[[Tensor], Tensor]

    @property
    def log_partition(self) -> Tensor:
        """Log Z = log Σ_y exp⟨y, s⟩: (*batch,)."""
        return self.normaliser(self.scores)

    @property
    def marginals(self) -> Tensor:
        """E[y], the probability of every part, which is the gradient of log Z: (*batch, *event)."""
        return self.choice.soft(self.scores)

    @property
    def best(self) -> Tensor:
        """The most probable vertex: (*batch, *event)."""
        return self.choice.hard(self.scores)

    @property
    def entropy(self) -> Tensor:
        """−E[log p(y)] = log Z − ⟨E[y], s⟩, in nats: (*batch,).

        Wrong when: scores are so large that this difference loses its digits: its error is about 1e-7·|log Z| in
        float32.
        """
        return self.log_partition - inner(self.scores, self.marginals, self.choice.event_dims)

    def log_prob(self, vertex: Tensor) -> Tensor:
        """Log p(vertex) = ⟨vertex, s⟩ − log Z; −inf for a masked one: (…, *batch, *event) → (…, *batch).

        Raises:
            ValueError: a vertex of another event shape.

        Wrong when: the tensor is no vertex: it is believed.
        """
        event = self.scores.shape[self.scores.ndim - self.choice.event_dims :]
        fits = vertex.shape[vertex.ndim - self.choice.event_dims :] == event
        require(fits, "vertex", "log_prob", f"of an event shape {tuple(event)}", vertex)
        return self.choice.log_prob(self.scores, vertex)

    def sample(self, samples: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw vertices, independent and exact: (samples, *batch, *event).

        Raises:
            ValueError, TypeError: samples below 1.
        """
        require_count(samples, "samples", "sample")
        return self.choice.sample(self.scores, samples, generator)


def chain(unary: Tensor, transition: Tensor, lengths: Tensor | None = None) -> Structure:
    """Give the law over paths of tags: a linear-chain conditional random field.

    Formula: p(x) ∝ exp(Σ_t unary[t, x_t] + Σ_t transition[x_t, x_{t+1}]).

    Args:
        unary: (*batch, T, C); −inf is a mask.
        transition: (C, C) from row to column, or (*batch, T−1, C, C).
        lengths: (*batch,) integers in [1, T].

    Returns:
        A `Structure` on edges, (*batch, T−1, C, C). `nodes` gives the tags' marginals (or one-hot rows) of edges,
        `tags` the integers. Past the end of a shorter sequence the last tag repeats.

    Raises:
        TypeError, ValueError: shapes or lengths that do not fit.

    Wrong when: tags depend on more than their neighbours given the scores.

    Source: Lafferty, McCallum & Pereira 2001; Rabiner 1989 (Viterbi, forward–backward).

    >>> import torch
    >>> from argrad import structure
    >>> law = structure.chain(torch.tensor([[0.0, 1.0], [0.0, 0.0], [2.0, 0.0]]), 3 * torch.eye(2))
    >>> structure.tags(law.best)
    tensor([0, 0, 0])
    >>> structure.nodes(law.marginals)[:, 0]
    tensor([0.6137, 0.6905, 0.7691])
    """
    return Structure(choices.chain, edges(unary, transition, lengths), _chain_total)


def tree(
    scores: Tensor,
    root: Tensor | None = None,
    lengths: Tensor | None = None,
    *,
    projective: bool = False,
    single_root: bool = True,
) -> Structure:
    """Give the law over dependency trees.

    Formula: p(y) ∝ exp(Σ_m scores[m, head(m)]), with root[m] where m hangs from the root.

    Args:
        scores: (*batch, n, n), [m, h] for word h as the head of word m; −inf is a mask.
        root: (*batch, n); None: the diagonal of the scores.
        lengths: (*batch,) integers in [1, n].
        projective: whether arcs may not cross.
        single_root: whether exactly one word hangs from the root, or at least one.

    Returns:
        A `Structure` on (*batch, n, n); `heads` gives the integers, 0 for the root.

    Raises:
        TypeError, ValueError: shapes or lengths that do not fit.

    Wrong when: arcs depend on other arcs given the scores.

    Source: see `argrad.choices.tree`.

    >>> import torch
    >>> from argrad import structure
    >>> structure.tree(torch.zeros(3, 3)).log_partition.exp()  # Cayley: 3 roots, 3 trees each
    tensor(9.)
    """
    total = partial(_tree_total, projective=projective, single_root=single_root)
    return Structure(choices.tree(projective=projective, single_root=single_root), arcs(scores, root, lengths), total)


def segmentation(content: Tensor, transition: Tensor | None = None, lengths: Tensor | None = None) -> Structure:
    """Give the law over cuts of a sequence into labelled segments: a semi-Markov conditional random field.

    Formula: p(segments) ∝ exp(Σ content[start, width − 1, label] + Σ transition[label, next label]).

    Args:
        content: (*batch, T, K, C); −inf is a mask.
        transition: (C, C), or None for 0.
        lengths: (*batch,) integers in [1, T].

    Returns:
        A `Structure` on (*batch, T, K, C, C); `labels`, `starts` and `coverage` read it.

    Raises:
        TypeError, ValueError: shapes or lengths that do not fit.

    Wrong when: segments longer than K are needed: there are none.

    Source: Sarawagi & Cohen 2004.

    >>> import torch
    >>> from argrad import structure
    >>> structure.segmentation(torch.zeros(4, 2, 1)).log_partition.exp()  # 4 = sums of ones and twos: Fibonacci
    tensor(5.)
    """
    return Structure(choices.segmentation, segments(content, transition, lengths), _segmentation_total)


def matching(scores: Tensor, lengths: Tensor | None = None) -> Structure:
    """Give the law over perfect matchings of n rows with n columns.

    Formula: p(y) ∝ exp(Σ_i scores[i, column(i)]); log Z is the logarithm of a permanent.

    Args:
        scores: (*batch, n, n); −inf is a mask.
        lengths: (*batch,) integers in [1, n]: only so many rows and columns are matched, each of those past the end
            with itself.

    Returns:
        A `Structure` on (*batch, n, n). `best` is scipy's assignment and takes any n; all else takes n ≤ 12.

    Raises:
        ImportError: `best` without scipy.
        TypeError, ValueError: shapes or lengths that do not fit; when used, more than 12 rows, no possible matching.

    Wrong when: n is large: no exact algorithm is fast (Valiant 1979). Relax it by `Perturbed` or Sinkhorn then.

    Source: Held & Karp 1962 (the dynamic program over sets); Valiant 1979.

    >>> import torch
    >>> from argrad import structure
    >>> structure.matching(torch.zeros(5, 5)).log_partition.exp()
    tensor(120.0000)
    """
    return Structure(choices.matching, pairs(scores, lengths), _matching_total)
