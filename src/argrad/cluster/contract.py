"""scikit-learn's conventions, without scikit-learn: parameters, tags, feature names.

KMeans works where scikit-learn is not installed; where it is, `clone`, pipelines and grid searches take it for an
estimator by these methods.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from argrad.cluster.inputs import feature_names

if TYPE_CHECKING:
    from torch import Tensor


class EstimatorContract:
    """What scikit-learn asks of an estimator besides `fit`."""

    _estimator_type = "clusterer"

    @classmethod
    def _parameters(cls) -> list[str]:
        return sorted(name for name in inspect.signature(cls).parameters)

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002 (scikit-learn's signature)
        """The constructor's parameters, as they were given."""
        return {name: getattr(self, name) for name in self._parameters()}

    def set_params(self, **params: Any) -> EstimatorContract:
        """Set parameters by name; an unknown name is a ValueError."""
        for name, value in params.items():
            if name not in self._parameters():
                known = ", ".join(self._parameters())
                raise ValueError(f"Invalid parameter {name!r} for estimator {self!r}. Valid parameters are: {known}.")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self)).parameters
        given = ((name, getattr(self, name)) for name in defaults)
        shown = (f"{name}={value!r}" for name, value in given if value is not defaults[name].default)
        return f"{type(self).__name__}({', '.join(shown)})"

    def __sklearn_tags__(self) -> Any:
        """Called by scikit-learn alone, which therefore is installed."""
        from sklearn import utils  # noqa: PLC0415

        tags: Any = utils  # since scikit-learn 1.6
        return tags.Tags(
            estimator_type="clusterer",
            target_tags=tags.TargetTags(required=False),
            transformer_tags=tags.TransformerTags(),
        )

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:  # noqa: ARG002 (scikit-learn's name)
        """The names of `transform`'s columns: kmeans0, kmeans1, and so on."""
        self._require_fitted("get_feature_names_out")
        count = len(self.cluster_centers_)  # type: ignore[attr-defined]
        return np.array([f"kmeans{i}" for i in range(count)], dtype=object)

    def _require_fitted(self, method: str) -> None:
        if not hasattr(self, "cluster_centers_"):
            raise not_fitted(f"This {type(self).__name__} instance is not fitted yet: call 'fit' before '{method}'.")

    def _check_features(self, X: Any, points: Tensor, method: str) -> None:
        """The columns must be those of `fit`."""
        names = feature_names(X)
        before = getattr(self, "feature_names_in_", None)
        if before is not None and names is not None and list(before) != names:
            raise ValueError(
                f"The feature names should match those that were passed during fit: {list(before)}. Got {names}."
            )
        expected = self.n_features_in_  # type: ignore[attr-defined]
        if points.shape[1] != expected:
            raise ValueError(
                f"X has {points.shape[1]} features, but {type(self).__name__} is expecting {expected} features as "
                f"input (in {method})."
            )

    def _remember_features(self, X: Any, columns: int) -> None:
        self.n_features_in_ = columns
        names = feature_names(X)
        if names is not None:
            self.feature_names_in_ = np.array(names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_


def not_fitted(message: str) -> Exception:
    """scikit-learn's NotFittedError where it is installed, else one that is, like it, a ValueError."""
    try:
        from sklearn.exceptions import NotFittedError  # noqa: PLC0415
    except ImportError:
        return _NotFittedError(message)
    return NotFittedError(message)


class _NotFittedError(ValueError, AttributeError):
    """As scikit-learn's."""
