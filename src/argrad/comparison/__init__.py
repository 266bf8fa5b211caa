"""Measure: which estimator is best for this loss, by bias, variance, cost and final result."""

from argrad.comparison.measure import Quality
from argrad.comparison.problem import Metric, Outcome, Problem
from argrad.comparison.result import Comparison, Row, Training
from argrad.comparison.run import Stage, compare, stages
from argrad.comparison.ways import Annealed, Deterministic, at, label

__all__ = [
    "Annealed",
    "Comparison",
    "Deterministic",
    "Metric",
    "Outcome",
    "Problem",
    "Quality",
    "Row",
    "Stage",
    "Training",
    "at",
    "compare",
    "label",
    "stages",
]
