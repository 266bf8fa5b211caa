"""How well points sit in their clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch

from argrad._checks import require

if TYPE_CHECKING:
    from torch import Tensor

_CHUNK_NUMBERS: Final = 2**21


@torch.no_grad()
def silhouette(points: Tensor, labels: Tensor) -> float:
    """The mean silhouette: 1 where clusters are tight and apart, 0 where they touch, below 0 where points are amiss.

        s_i = (b_i − a_i) / max(a_i, b_i);   a_i the mean distance to the others of one's own cluster, b_i the least
        mean distance to another cluster; s_i = 0 for a point alone

    Args:
        points: (N, d).
        labels: (N,), at least two different ones.

    Returns:
        A number in [−1, 1].

    Raises:
        ValueError: if there is one cluster only.

    Wrong when N is large: it measures N² distances, a chunk at a time. Take a few thousand points.

    Source: P. J. Rousseeuw, *Silhouettes: a graphical aid to the interpretation and validation of cluster
    analysis*, 1987.

    >>> round(silhouette(torch.tensor([[0.0], [1.0], [10.0], [11.0]]), torch.tensor([0, 0, 1, 1])), 4)
    0.8997
    """
    own, sizes = torch.unique(labels, return_inverse=True, return_counts=True)[1:]
    require(len(sizes) > 1, "labels", "silhouette", "of at least two clusters", labels)
    x, k = points.double(), len(sizes)
    member = torch.zeros(len(x), k, dtype=x.dtype, device=x.device).scatter_(1, own[:, None], 1)
    step = max(1, _CHUNK_NUMBERS // len(x))
    return float(torch.cat([_part(x, member, sizes, own, i, i + step) for i in range(0, len(x), step)]).mean())


def _part(x: Tensor, member: Tensor, sizes: Tensor, own: Tensor, first: int, last: int) -> Tensor:
    mine = own[first:last, None]
    sums = torch.cdist(x[first:last], x) @ member
    others = (sizes[mine] - 1).clamp_min(1)
    within = sums.gather(1, mine) / others
    between = (sums / sizes).scatter(1, mine, torch.inf).amin(1, keepdim=True)
    value = (between - within) / torch.maximum(within, between)
    return torch.where((sizes[mine] > 1) & value.isfinite(), value, 0).squeeze(1)
