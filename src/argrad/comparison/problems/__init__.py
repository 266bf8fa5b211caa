"""Built-in problems, on scikit-learn's digits: nothing is downloaded. Each is a function that returns a `Problem`."""

from argrad.comparison.problems.keypoint import keypoint
from argrad.comparison.problems.polynomial import polynomial
from argrad.comparison.problems.select import select
from argrad.comparison.problems.vae import vae

__all__ = ["keypoint", "polynomial", "select", "vae"]
