"""Built-in problems, on data that come with scikit-learn or Python. Each is a function that returns a `Problem`."""

from argrad.comparison.problems.features import features
from argrad.comparison.problems.keypoint import keypoint
from argrad.comparison.problems.path import path
from argrad.comparison.problems.polynomial import polynomial
from argrad.comparison.problems.rank import rank
from argrad.comparison.problems.select import select
from argrad.comparison.problems.tags import tags
from argrad.comparison.problems.vae import vae

__all__ = ["features", "keypoint", "path", "polynomial", "rank", "select", "tags", "vae"]
