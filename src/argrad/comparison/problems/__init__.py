"""Built-in problems, on scikit-learn's digits: nothing is downloaded. Each is a function that returns a `Problem`."""

from argrad.comparison.problems.select import select

__all__ = ["select"]
