"""WHAT GRADIENT a choice gets. Each estimator is a frozen dataclass; see `argrad.core.Estimator`."""

from argrad.estimators.exact import Enumerate, IndeCateR, MarginalLikelihood
from argrad.estimators.perturbed import ImplicitMLE, Interpolation, Perturbed
from argrad.estimators.relaxed import Relaxed
from argrad.estimators.score import (
    RunningMean,
    ScoreFunction,
    constant,
    leave_one_out,
    no_baseline,
    score_term,
)
from argrad.estimators.second_order import GappedStraightThrough, GumbelRao, ReinMax
from argrad.estimators.straight import Identity, Spigot, StraightThrough
from argrad.estimators.unordered import UnorderedSet

__all__ = [
    "Enumerate",
    "GappedStraightThrough",
    "GumbelRao",
    "Identity",
    "ImplicitMLE",
    "IndeCateR",
    "Interpolation",
    "MarginalLikelihood",
    "Perturbed",
    "ReinMax",
    "Relaxed",
    "RunningMean",
    "ScoreFunction",
    "Spigot",
    "StraightThrough",
    "UnorderedSet",
    "constant",
    "leave_one_out",
    "no_baseline",
    "score_term",
]
