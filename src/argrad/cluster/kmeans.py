"""KMeans, with scikit-learn's interface."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from argrad._checks import require, require_count
from argrad.cluster.assignment import nearest
from argrad.cluster.contract import EstimatorContract
from argrad.cluster.inputs import as_points, as_weights, seed_of, warn_of_fewer
from argrad.cluster.loss import require_metric
from argrad.cluster.rows import Batch, Memory, Rows, column_moments
from argrad.cluster.seeding import INITS, seed_centroids
from argrad.cluster.solver import Settings, State, solve, start

_MACQUEEN: Final = "one step of MacQueen"


class KMeans(EstimatorContract):
    """k-means by gradient descent on the centroids: Newton's step, which is Lloyd's, with guarded Nesterov momentum.

        minimise  Σ_i w_i |x_i − c_{a(i)}|²   over centroids c,   a(i) = argmin_j |x_i − c_j|²

    NumPy in, NumPy out; tensors in, tensors out on their device. Labels are exact: those of a float64 brute force, ties
    to the lowest index. Sums are float64. A seeded fit repeats bit for bit. An empty cluster moves to the farthest
    point.

    Args:
        n_clusters: k.
        init: "k-means||" (a few rounds over the data), "k-means++" (greedy), "random" (k different rows), an array of
            centroids (k, d), or a function (X, n_clusters, random_state) → array.
        n_init: fits from different seeds, of which the least inertia wins; "auto" is 10 for "random" or a function, and
            1 otherwise.
        max_iter: the most steps of a fit.
        tol: stop when Σ_k |step_k|² ≤ tol · the mean variance of the columns; 0 runs until no label changes.
        momentum: in [0, 1); 0 is Lloyd's algorithm. It is dropped whenever the inertia rises, and ends with plain
            steps.
        metric: "euclidean", or "cosine": unit vectors, inertia Σ w (1 − cos), centroids of norm 1.
        batch_size: rows that seeding and files hold at once. It bounds memory; the result does not depend on it.
        random_state: None, an int, a NumPy RandomState or Generator, or a torch.Generator.

    Attributes:
        cluster_centers_: (k, d).
        labels_: (N,), the nearest of `cluster_centers_` for each point of `fit`.
        inertia_: the loss at `cluster_centers_`.
        n_iter_: steps made.
        n_features_in_: d.
        history_: the inertia at every pass.
        stopped_: why the fit stopped.

    Raises:
        ValueError, TypeError: if parameters or data do not fit, at `fit`; NaN and infinity by row and column.

    Warns:
        ConvergenceWarning: if the points have fewer distinct values than clusters.

    Wrong when clusters differ much in size or spread, or columns in scale (scale them first): inertia prefers equal
    balls. The minimum found is local. Beyond 1e150, and below 1e-150, float64 does not hold the squares.

    Source: S. Lloyd 1982 (the step); L. Bottou and Y. Bengio 1994 (it is Newton's); Y. Nesterov 1983 and
    B. O'Donoghue and E. Candès 2015 (momentum and its restart); B. Bahmani et al. 2012 (k-means||).

    >>> import numpy as np
    >>> km = KMeans(2, random_state=0).fit(np.array([[0.0], [1.0], [10.0], [11.0]]))
    >>> sorted(km.cluster_centers_.ravel().tolist()), km.inertia_, km.stopped_
    ([0.5, 10.5], 1.0, 'no label changed')
    """

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: str | Any = "k-means||",
        n_init: int | str = "auto",
        max_iter: int = 300,
        tol: float = 0.0,
        momentum: float = 0.8,
        metric: str = "euclidean",
        batch_size: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.momentum = momentum
        self.metric = metric
        self.batch_size = batch_size
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> KMeans:  # noqa: ARG002 (scikit-learn's)
        """Find the centroids of X: a tensor, an array, a data frame, or `Rows` (see `Files` and `Shard`)."""
        self._check_parameters()
        rows = self._rows(X, sample_weight, least=self.n_clusters)
        best: tuple[State, Tensor] | None = None
        seed = seed_of(self.random_state)
        for run in range(self._runs()):
            found = self._fit_once(rows, X, seed + run)
            if best is None or found[0].history[-1] < best[0].history[-1]:
                best = found
        assert best is not None  # noqa: S101  (for the type checker: n_init is at least 1)
        self._remember_features(X, rows.dimensions)
        self._keep(best[0], best[1], rows, like=X)
        vars(self).pop("_counts", None)  # of batches before
        return self

    def fit_predict(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:
        """Fit X and return its labels."""
        return self.fit(X, y, sample_weight).labels_

    def fit_transform(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:
        """Fit X and return its distances to the centroids."""
        return self.fit(X, y, sample_weight).transform(X)

    def predict(self, X: Any) -> Any:
        """The label (N,) of the nearest centroid."""
        return self._like(self._labelled(X, "predict")[0], X, index=True)

    def transform(self, X: Any) -> Any:
        """The distance (N, k) to every centroid; 1 − cos for the cosine metric."""
        points = self._points(X, "transform")
        exact = points.double()
        if self.metric == "cosine":
            distance = 1 - exact @ self._centers(points).T
        else:
            distance = torch.cdist(exact, self._centers(points), compute_mode="donot_use_mm_for_euclid_dist")
        return self._like(distance.to(points.dtype), X)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:  # noqa: ARG002 (scikit-learn's)
        """Minus the inertia of X at the centroids."""
        if isinstance(X, Rows):  # which bring their weights, and those of other processes
            self._require_fitted("score")
            rows = self._rows(X, sample_weight)
            inertia = rows.passes().step(self._centers(rows)).inertia
            return -inertia / 2 if self.metric == "cosine" else -inertia
        distances = self._labelled(X, "score")[1]
        weights = None if sample_weight is None else as_weights(sample_weight, distances, "KMeans.score")
        return -float(distances.sum() if weights is None else distances @ weights)

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> KMeans:  # noqa: ARG002 (sklearn's)
        """One step of MacQueen on a batch: centroid k moves by 1 / n_k, where n_k counts all its points so far.

        The first batch also seeds, so it must have at least n_clusters rows. `labels_` and `inertia_` are the batch's.
        """
        self._check_parameters()
        first = not hasattr(self, "cluster_centers_")
        rows = self._rows(X, sample_weight, least=self.n_clusters if first else 1)
        if first:
            self._remember_features(X, rows.dimensions)
            centers = self._seeded(rows, X, seed_of(self.random_state))
        else:
            self._check_features(X, torch.empty(0, rows.dimensions), "partial_fit")
            centers = self._centers(rows)
        if not hasattr(self, "_counts"):
            self._counts, self.n_iter_ = centers.new_zeros(len(centers)).double(), 0
        done = rows.passes().step(centers)
        self._counts = self._counts.to(done.counts) + done.counts
        share = 1 / self._counts.clamp_min(torch.finfo(torch.float64).tiny)[:, None]
        moved = centers.double() + (done.sums - done.counts[:, None] * centers.double()) * share
        settings = self._settings(rows)
        state = start(moved.to(rows.dtype), settings)
        passes = rows.passes()
        seen = replace(state, history=(passes.step(state.centroids).inertia,), stopped=_MACQUEEN)
        steps = self.n_iter_ + 1
        self._keep(seen, passes.labels, rows, like=X)
        self.n_iter_ = steps
        return self

    def _fit_once(self, rows: Rows, X: Any, seed: int) -> tuple[State, Tensor]:
        settings = self._settings(rows)
        passes = rows.passes()
        state = solve(passes, start(self._seeded(rows, X, seed), settings), settings, rows.dtype)
        return state, passes.labels

    def _seeded(self, rows: Rows, X: Any, seed: int) -> Tensor:
        if isinstance(self.init, str):
            seeds = seed_centroids(rows, self.init, self.n_clusters, seed)
            few = f"an int in [1, {len(seeds)}], as there are {len(seeds)} rows"
            require(len(seeds) == self.n_clusters, "n_clusters", "KMeans", few, self.n_clusters)
            return seeds
        given = self.init
        if callable(given):
            numpy = not isinstance(X, Tensor)
            rng = np.random.RandomState(seed % 2**32) if numpy else torch.Generator().manual_seed(seed % 2**63)
            given = given(X, self.n_clusters, random_state=rng)
        centers = as_points(given, "KMeans.init").to(rows.device, rows.dtype)
        shape = (self.n_clusters, rows.dimensions)
        require(tuple(centers.shape) == shape, "init", "KMeans", f"of shape {shape}", centers)
        return centers

    def _keep(self, state: State, labels: Tensor, rows: Rows, like: Any) -> None:
        self.cluster_centers_ = self._like(state.centroids.to(rows.dtype), like)
        self.labels_ = self._like(labels, like, index=True)
        scale = 0.5 if self.metric == "cosine" else 1.0  # |x − c|² = 2 − 2 cos between unit vectors
        self.history_ = [scale * inertia for inertia in state.history]
        self.inertia_ = self.history_[-1]
        self.n_iter_ = min(len(state.history), self.max_iter)
        self.stopped_ = state.stopped
        if state.stopped == _MACQUEEN:
            return  # a batch need not have points of every cluster
        found = rows.total(torch.zeros(len(state.centroids), device=labels.device).index_fill_(0, labels.unique(), 1.0))
        warn_of_fewer(int((found > 0).sum()), self.n_clusters)

    def _rows(self, X: Any, sample_weight: Any, *, least: int = 1) -> Rows:
        if isinstance(X, Rows):
            require(sample_weight is None, "sample_weight", "KMeans", "None: such rows bring theirs", sample_weight)
            rows = X
        else:
            points = as_points(X, "KMeans")
            rows = Memory(points, as_weights(sample_weight, points, "KMeans"))
            few = f"an int in [1, {len(points)}]: n_samples={len(points)} should be >= n_clusters={least}"
            require(len(points) >= least, "n_clusters", "KMeans", few, least)
        rows = rows.batched(self.batch_size) if self.batch_size else rows
        return rows.normalised() if self.metric == "cosine" else rows

    def _points(self, X: Any, method: str) -> Tensor:
        self._require_fitted(method)
        points = as_points(X, f"KMeans.{method}")
        self._check_features(X, points, method)
        return Memory(points).normalised().points if self.metric == "cosine" else points

    def _labelled(self, X: Any, method: str) -> tuple[Tensor, Tensor]:
        """Labels and losses (N,) of X."""
        if not isinstance(X, Rows):
            points = self._points(X, method)
            labels, squared = nearest(points, self._centers(points))
        else:
            self._require_fitted(method)
            parts = [nearest(batch.points, self._centers(batch)) for batch in self._rows(X, None).batches()]
            labels, squared = (torch.cat(part) for part in zip(*parts, strict=True))
        return labels, squared / 2 if self.metric == "cosine" else squared

    def _centers(self, points: Tensor | Rows | Batch) -> Tensor:
        device = points.points.device if isinstance(points, Batch) else points.device
        return torch.as_tensor(self.cluster_centers_).to(device).double()

    def _settings(self, rows: Rows) -> Settings:
        shift = self.tol * float(column_moments(rows)[1].mean()) if self.tol else 0.0
        return Settings(self.max_iter, shift, self.momentum, spherical=self.metric == "cosine")

    def _runs(self) -> int:
        if isinstance(self.n_init, str):
            drawn = callable(self.init) or (isinstance(self.init, str) and self.init == "random")
            return 10 if drawn else 1
        return 1 if not (isinstance(self.init, str) or callable(self.init)) else int(self.n_init)

    def _check_parameters(self) -> None:
        for name in ("n_clusters", "max_iter"):
            value = getattr(self, name)
            require_count(int(value) if isinstance(value, np.integer) else value, name, "KMeans")
        if not (isinstance(self.n_init, str) and self.n_init == "auto"):
            require_count(self.n_init, "n_init", "KMeans")
        if self.batch_size is not None:
            require_count(self.batch_size, "batch_size", "KMeans")
        if isinstance(self.init, str):
            known = "'k-means||', 'k-means++', 'random', an array or a function"
            require(self.init in INITS, "init", "KMeans", known, self.init)
        require_metric(self.metric, "KMeans")
        require(_number(self.tol) and self.tol >= 0, "tol", "KMeans", "a number not below 0", self.tol)
        momentum = _number(self.momentum) and 0 <= self.momentum < 1
        require(momentum, "momentum", "KMeans", "a number in [0, 1)", self.momentum)

    @staticmethod
    def _like(value: Tensor, like: Any, *, index: bool = False) -> Any:
        """NumPy for whoever came with NumPy; labels as int32, as scikit-learn's are."""
        if isinstance(like, Tensor | Rows):
            return value
        array = value.cpu().numpy()
        return array.astype(np.int32) if index else array


def _number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)
