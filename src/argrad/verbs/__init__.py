"""The verbs: torch's names and argument order, with `grad=` to say which gradient."""

from argrad.verbs.choose import argmax, argmin, draw, max_value, pick, sample
from argrad.verbs.coordinates import soft_argmax
from argrad.verbs.expectation import expect
from argrad.verbs.order import argsort, permutation, rank, sort
from argrad.verbs.quantiles import median, quantile
from argrad.verbs.quantise import bernoulli, round, sign, threshold  # noqa: A004 (torch's name)
from argrad.verbs.selection import select
from argrad.verbs.subset import topk

__all__ = [
    "argmax",
    "argmin",
    "argsort",
    "bernoulli",
    "draw",
    "expect",
    "max_value",
    "median",
    "permutation",
    "pick",
    "quantile",
    "rank",
    "round",
    "sample",
    "select",
    "sign",
    "soft_argmax",
    "sort",
    "threshold",
    "topk",
]
