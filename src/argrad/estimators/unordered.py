"""Sampling without replacement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from argrad._checks import require, require_count
from argrad._precision import finest
from argrad.core import Estimator
from argrad.estimators.exact import all_vertices, cost_dims, joint_log_prob, kept
from argrad.noise import Gumbel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

    from argrad.core import Choice


@dataclass(frozen=True)
class UnorderedSet(Estimator):
    """Vertices drawn without replacement, weighed so that the mean is exact: for peaked laws and dear costs.

    Formula:
        E[f] = E_S[Σ_{y ∈ S} p(y) R(S, y) f(y)], S the first K of a draw without replacement, with the
        leave-one-out ratio R(S, y) = p^{without y}(S∖y)/p(S); the gradient is Σ_{y ∈ S} ∂p(y) R(S, y) f(y).

    Args:
        samples: K, at least 2; the cost is evaluated on K distinct vertices. 2^K sums are formed, so K ≤ 12.

    Raises:
        ValueError, TypeError: samples out of [2, 12].

    Wrong when: the choice has more vertices than fit in memory: it ranks all of them (only the cost is spared).

    Source: Kool, van Hoof & Welling 2020, "Estimating gradients for discrete random variables by sampling without
    replacement", the estimator without a baseline.

    >>> import torch, argrad
    >>> scores = torch.zeros(5, requires_grad=True)
    >>> argrad.expect(lambda y: y[..., 1], scores, grad=argrad.UnorderedSet(samples=3)).backward()
    """

    samples: int = 4

    def __post_init__(self) -> None:
        require_count(self.samples, "samples", "UnorderedSet", low=2, high=12)

    @property
    def needs(self) -> Mapping[str, tuple[str, ...]]:
        """The law and all vertices."""
        return {"expect": ("enumerate", "log_prob")}

    @property
    def bias(self) -> str:
        """None."""
        return "unbiased"

    def expect(
        self,
        choice: Choice,
        cost: Callable[..., Tensor],
        scores: tuple[Tensor, ...],
        generator: torch.Generator | None,
    ) -> Tensor:
        """Give the weighed sum over the set, with its gradient."""
        dims = cost_dims(choice, cost, scores)
        every = all_vertices(choice, scores, dims, "UnorderedSet")
        log_p = joint_log_prob(choice, scores, every, dims + 1)
        require(
            self.samples <= len(log_p),
            "samples",
            "UnorderedSet",
            f"at most the number of vertices, {len(log_p)}",
            self.samples,
        )
        index = (log_p.detach() + Gumbel()(log_p, generator)).topk(self.samples, dim=0).indices
        drawn = log_p.gather(0, index)
        costs = kept(cost(*(_take(y, index) for y in every)), drawn)
        weight = drawn.exp() * _leave_one_out_ratio(log_p.detach(), index)
        return (weight.to(costs.dtype) * costs).sum(0)


def _take(vertices: Tensor, index: Tensor) -> Tensor:
    """Take, for each cost by itself, the states of that index: (states, *costs, *rest) → (k, *costs, *rest)."""
    rest = vertices.shape[index.ndim :]
    return vertices.gather(0, index.view(*index.shape, *[1] * len(rest)).expand(*index.shape, *rest))


@torch.no_grad()
def _leave_one_out_ratio(log_p: Tensor, index: Tensor) -> Tensor:
    """Give R(S, y) = p^{without y}(S∖y)/p(S) for each y in S: (states, *costs), (k, *costs) → (k, *costs).

    p(A drawn first, in any order) = Σ_{i ∈ A} p(A∖i drawn first)·p_i/(mass left), by dynamic programming over the
    2^k subsets of S; row y < k has y out of the domain, row k has the full one. Masses left are sums of what
    is left, never 1 minus what is gone, so that peaked laws keep their digits.
    """
    k = len(index)
    fine = finest(log_p)
    p = log_p.to(fine).exp().clamp_min(torch.finfo(fine).tiny ** 0.9)
    inside = p.gather(0, index)
    rest = p.scatter(0, index, 0).sum(0)
    subsets = torch.arange(2**k, device=p.device)
    member = (subsets[:, None] >> torch.arange(k, device=p.device)) & 1  # (2^k, k)
    gone = torch.cat([torch.eye(k, device=p.device), torch.zeros(1, k, device=p.device)])  # (k + 1, k)
    absent = ((1 - member) * (1 - gone[:, None])).to(p)  # what is neither drawn nor out of the domain
    left = torch.einsum("ysk,k...->ys...", absent, inside) + rest
    chance = torch.zeros_like(left)
    chance[:, 0] = 1
    for size in range(1, k + 1):
        layer = [subset for subset in range(2**k) if subset.bit_count() == size]
        for i in range(k):
            having = [subset for subset in layer if subset >> i & 1]
            before = [subset ^ (1 << i) for subset in having]
            chance[:, having] += chance[:, before] * inside[i] / left[:, before]
    full = 2**k - 1
    return chance[range(k), [full - (1 << i) for i in range(k)]] / chance[k, full]
