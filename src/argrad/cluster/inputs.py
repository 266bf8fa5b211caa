"""Arrays in: checked once, at the door, with the row and column of what is wrong."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from argrad._checks import reads_values, require

if TYPE_CHECKING:
    from collections.abc import Sequence


class ConvergenceWarning(UserWarning):
    """The result is finite and fits the data, but it is not what was asked for."""


def as_points(X: Any, of: str) -> Tensor:
    """A matrix of finite numbers as a tensor, without a copy where it can be.

    Args:
        X: a tensor, an array, a data frame, or nested sequences.
        of: whose parameter it is.

    Raises:
        TypeError, ValueError: if it is no matrix of real, finite numbers; NaN and infinity by row and column.
    """
    if not isinstance(X, Tensor):
        _refuse_sparse(X, of)
        X = _as_array(X, of)
    if X.is_complex():
        raise ValueError(f"Complex data not supported by {of}. Got a tensor of dtype {X.dtype}.")
    hint = "a matrix (points, dimensions): Reshape your data, with .reshape(-1, 1) if it has one feature"
    require(X.ndim == 2, "X", of, hint, X)  # noqa: PLR2004 (a matrix)
    shape = f"(shape={tuple(X.shape)})"
    if X.shape[0] == 0:
        raise ValueError(f"Found array with 0 sample(s) {shape} while a minimum of 1 is required by {of}.")
    if X.shape[1] == 0:
        raise ValueError(f"Found array with 0 feature(s) {shape} while a minimum of 1 is required by {of}.")
    points = X.detach() if X.is_floating_point() else X.detach().double()
    require_finite(points, "X", of)
    return points


def require_finite(values: Tensor, name: str, of: str, *, first: int = 0, where: str = "") -> None:
    """NaN and infinity are refused, by row (counted from `first`) and column."""
    if not (reads_values(values) or values.is_cuda) or bool(values.sum(dtype=torch.float64).isfinite()):
        return  # a sum of finite float64 terms that overflows is looked at entry by entry below
    bad = (~values.isfinite()).nonzero()
    if len(bad):
        at = tuple(bad[0].tolist())
        value = {"nan": "NaN", "inf": "inf", "-inf": "-inf"}[str(values[at].item())]
        place = f"row {at[0] + first}" + (f", column {at[1]}" if len(at) > 1 else "")
        raise ValueError(
            f"The '{name}' parameter of {of} must be finite. Got {value} (input contains NaN or infinity) "
            f"in {place}{where}, counted from 0."
        )


def as_weights(sample_weight: Any, points: Tensor, of: str) -> Tensor | None:
    """Weights (N,), finite and not below 0, on the points' device in float64; a number is everybody's weight."""
    if sample_weight is None:
        return None
    if isinstance(sample_weight, int | float):
        sample_weight = [float(sample_weight)] * len(points)
    weights = torch.as_tensor(sample_weight if isinstance(sample_weight, Tensor) else np.array(sample_weight))
    context = f"with X of shape {tuple(points.shape)}"
    require(weights.shape == points.shape[:1], "sample_weight", of, "one number a row", weights, context=context)
    weights = weights.to(points.device, torch.float64)
    require_finite(weights, "sample_weight", of)
    low = int(weights.argmin())
    require(bool(weights[low] >= 0), "sample_weight", of, "not below 0", weights[low].item(), context=f"in row {low}")
    require(bool(weights.sum() > 0), "sample_weight", of, "above 0 in a row: not every weight zero", weights)
    return weights


def warn_of_fewer(found: int, k: int) -> None:
    """Say that there are fewer distinct points than clusters."""
    if found < k:
        warnings.warn(
            f"Number of distinct clusters ({found}) found smaller than n_clusters ({k}): the points have no more "
            "distinct values. The further centroids are duplicates or have no points.",
            ConvergenceWarning,
            stacklevel=3,
        )


def seed_of(random_state: Any) -> int:
    """An int from None (fresh), an int, a NumPy RandomState or Generator, or a torch.Generator."""
    if random_state is None:
        return torch.Generator().seed()
    if isinstance(random_state, torch.Generator):
        return int(torch.randint(2**31, (), generator=random_state, device=random_state.device))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31))
    integral = isinstance(random_state, int | np.integer) and not isinstance(random_state, bool)
    expected = "None, an int, a NumPy RandomState or Generator, or a torch.Generator"
    require(integral, "random_state", "KMeans", expected, random_state, error=TypeError)
    return int(random_state)


def feature_names(X: Any) -> list[str] | None:
    """The names of a data frame's columns, if all are strings."""
    columns: Sequence[Any] | None = getattr(X, "columns", None)
    names = None if columns is None else list(columns)
    return names if names and all(isinstance(name, str) for name in names) else None


def _refuse_sparse(X: Any, of: str) -> None:
    if hasattr(X, "tocsr") or hasattr(X, "todense"):
        raise TypeError(f"Sparse data was passed to {of}, but dense data is required. Use '.toarray()' to convert it.")


def _as_array(X: Any, of: str) -> Tensor:
    array = np.asarray(X)
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported by {of}. Got an array of dtype {array.dtype}.")
    if array.dtype.kind in "OUS":
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise type(error)(f"The 'X' parameter of {of} must be of real numbers: {error}.") from error
    if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:  # noqa: PLR2004 (no torch dtype has more bytes)
        array = array.astype(np.float64)
    if array.dtype.kind in "iub":
        return torch.from_numpy(array.astype(np.float64))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")  # it is only read
        native = array.astype(array.dtype.newbyteorder("="), copy=False)
        return torch.from_numpy(np.ascontiguousarray(native))
