"""The k-means loss for any PyTorch optimiser, and the preconditioner that turns its gradient into Lloyd's step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from argrad._checks import reads_values, require
from argrad._precision import full_precision
from argrad.cluster.assignment import nearest

if TYPE_CHECKING:
    from torch import Tensor

_METRICS = ("euclidean", "cosine")
_SMALL = 2**19  # differences that a mini-batch may hold at once: 4 MB


def kmeans_loss(
    points: Tensor,
    centroids: Tensor,
    weights: Tensor | None = None,
    *,
    metric: str = "euclidean",
    labels: Tensor | None = None,
) -> Tensor:
    """The summed squared distance of every point to its nearest centroid: the inertia, with a gradient.

        L(c) = Σ_i w_i |x_i − c_{a(i)}|²,   a(i) = argmin_j |x_i − c_j|²   (metric="cosine": 1 − cos for |·|²)

    The assignment a is a constant for autograd, and that loses nothing: L is continuous and piecewise quadratic, and
    its pieces meet where two distances are equal. With n_k = Σ_{a(i)=k} w_i, ∂L/∂c_k = 2 n_k (c_k − mean_k) and the
    Hessian of c_k is 2 n_k I. A centroid without points gets the gradient 0. Points get a gradient too.

    Args:
        points: (*batch, N, d), floating point; half precision computes in float32.
        centroids: (*batch, k, d).
        weights: (*batch, N), or None for 1 each.
        metric: "euclidean" or "cosine".
        labels: (*batch, N) int64, the assignment if it is known (see `assign`); None finds it.

    Returns:
        The loss of each problem, shape (*batch,), in the points' full precision.

    Raises:
        ValueError, TypeError: if shapes or dtypes do not fit.

    Wrong when it is minimised with one small learning rate for all: the centroids of large clusters move faster by n_k,
    take the points of the others, and one may end with nearly all. See `newton_`. A minimum of it is a local one.

    Source: L. Bottou and Y. Bengio, *Convergence properties of the k-means algorithms*, 1994.

    >>> points = torch.tensor([[0.0], [2.0], [9.0]])
    >>> centroids = torch.tensor([[0.0], [10.0]], requires_grad=True)
    >>> loss = kmeans_loss(points, centroids)
    >>> loss.item()
    5.0
    >>> torch.autograd.grad(loss, centroids)[0].flatten().tolist()  # 2 n_k (c_k − mean_k): 4 (0 − 1), 2 (10 − 9)
    [-4.0, 2.0]
    """
    _require_problem(points, centroids, weights, metric, "kmeans_loss")
    if labels is None:
        labels = assign(points, centroids, metric=metric)
    x, c = full_precision(points), full_precision(centroids)
    own = torch.take_along_dim(c, labels.unsqueeze(-1), -2)
    if metric == "cosine":
        distance = 1 - (functional.normalize(x, dim=-1) * functional.normalize(own, dim=-1)).sum(-1)
    else:
        distance = (x - own).square().sum(-1)
    return (distance if weights is None else distance * weights).sum(-1)


@torch.no_grad()
def assign(points: Tensor, centroids: Tensor, *, metric: str = "euclidean") -> Tensor:
    """The index of the nearest centroid of every point; ties go to the lowest index.

        a(i) = argmin_j |x_i − c_j|²   (metric="cosine": argmax_j cos(x_i, c_j))

    Args:
        points: (*batch, N, d), floating point.
        centroids: (*batch, k, d).
        metric: "euclidean" or "cosine".

    Returns:
        (*batch, N) int64.

    Raises:
        ValueError, TypeError: if shapes or dtypes do not fit.

    Wrong when distances differ by less than rounding: one problem in eager mode is decided in float64 by `nearest`, in
    memory that does not grow with N × k; batches, `vmap` and `compile` use one matrix product in the points' precision.

    Source: S. Lloyd, *Least squares quantization in PCM*, IEEE Transactions on Information Theory 28 (1982).

    >>> assign(torch.tensor([[0.0], [5.0], [9.0]]), torch.tensor([[0.0], [10.0]]))
    tensor([0, 0, 1])
    """
    _require_problem(points, centroids, None, metric, "assign")
    x, c = full_precision(points.detach()), full_precision(centroids.detach())
    if metric == "cosine":
        x, c = functional.normalize(x, dim=-1), functional.normalize(c, dim=-1)
    if x.ndim == 2 and reads_values(x):  # noqa: PLR2004 (a matrix)
        return _assign_exactly(x, c)
    middle = c.mean(-2, keepdim=True)  # |c|² − 2 x·c cancels where both are far from the origin
    x, c = x - middle, c - middle
    return (c.square().sum(-1).unsqueeze(-2) - 2 * x @ c.mT).min(-1).indices


def _assign_exactly(x: Tensor, c: Tensor) -> Tensor:
    """In float64: a mini-batch at once, as preparing the compiled loop would take longer."""
    if len(x) * c.numel() > _SMALL:
        return nearest(x, c)[0]
    return (x.double().unsqueeze(1) - c.double()).square().sum(-1).min(1).indices


@torch.no_grad()
def newton_(centroids: Tensor, counts: Tensor) -> None:
    """Divide the gradient of centroid k by 2 n_k, in place: between `loss.backward()` and `optimizer.step()`.

        c_k.grad ← c_k.grad / (2 n_k)   (0 where n_k = 0)

    2 n_k is the exact, diagonal Hessian of `kmeans_loss`. One step of SGD with lr=1 is then one step of Lloyd's
    algorithm; with momentum it overtakes Lloyd's; and with the *running* count of the points seen so far, a step on a
    mini-batch is MacQueen's. Any other optimiser runs on the preconditioned gradient as well.

    Args:
        centroids: (*batch, k, d), a leaf with a gradient.
        counts: (*batch, k), points (or their weight) per centroid: `assign(points, centroids).bincount(minlength=k)`.

    Raises:
        ValueError: if there is no gradient or shapes do not fit.

    Wrong when the loss was divided by N or by the batch (multiply `counts` by the same factor), or for the cosine
    metric, whose Hessian this is not.

    Source: L. Bottou and Y. Bengio, *Convergence properties of the k-means algorithms*, 1994 (Newton's step, and the
    on-line one).

    >>> points = torch.tensor([[0.0], [2.0], [9.0]])
    >>> centroids = torch.tensor([[0.0], [10.0], [99.0]], requires_grad=True)
    >>> labels = assign(points, centroids)
    >>> kmeans_loss(points, centroids, labels=labels).backward()
    >>> newton_(centroids, labels.bincount(minlength=3))
    >>> torch.optim.SGD([centroids], lr=1.0).step()
    >>> centroids.flatten().tolist()  # the means; the third centroid has no points and stays
    [1.0, 9.0, 99.0]
    """
    grad = centroids.grad
    require(grad is not None, "centroids", "newton_", "a leaf with a gradient, after loss.backward()", centroids)
    assert grad is not None  # noqa: S101  (for the type checker; checked above)
    shape = f"with centroids of shape {tuple(centroids.shape)}"
    require(counts.shape == centroids.shape[:-1], "counts", "newton_", "one number a centroid", counts, context=shape)
    curvature = 2 * counts.unsqueeze(-1).to(grad.dtype)
    grad.copy_(torch.where(curvature > 0, grad / curvature, 0))


def require_metric(metric: object, of: str) -> None:
    """A metric is one of the two words."""
    require(metric in _METRICS, "metric", of, "'euclidean' or 'cosine'", metric)


def _require_problem(points: Tensor, centroids: Tensor, weights: Tensor | None, metric: str, of: str) -> None:
    require_metric(metric, of)
    for name, value in (("points", points), ("centroids", centroids)):
        floating = isinstance(value, torch.Tensor) and value.is_floating_point()
        require(floating, name, of, "a floating-point tensor", value, error=TypeError)
        require(value.ndim > 1, name, of, "a matrix or a batch of them", value)
    shape = f"with points of shape {tuple(points.shape)}"
    fits = points.shape[:-2] == centroids.shape[:-2] and points.shape[-1] == centroids.shape[-1]
    like = f"of shape {(*points.shape[:-2], 'k', points.shape[-1])}".replace("'k'", "k")
    require(fits, "centroids", of, like, centroids, context=shape)
    require(centroids.shape[-2] > 0, "centroids", of, "of at least one row", centroids)
    if weights is not None:
        require(weights.shape == points.shape[:-1], "weights", of, f"of shape {tuple(points.shape[:-1])}", weights)


__all__ = ["assign", "kmeans_loss", "newton_", "require_metric"]
