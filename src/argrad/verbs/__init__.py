"""The verbs: torch's names and argument order, with `grad=` to say which gradient."""

from argrad.verbs.choose import argmax, argmin, draw, max_value, pick, sample
from argrad.verbs.coordinates import soft_argmax
from argrad.verbs.expectation import expect
from argrad.verbs.quantise import bernoulli, round, sign, threshold  # noqa: A004 (torch's name)
from argrad.verbs.selection import select

__all__ = [
    "argmax",
    "argmin",
    "bernoulli",
    "draw",
    "expect",
    "max_value",
    "pick",
    "round",
    "sample",
    "select",
    "sign",
    "soft_argmax",
    "threshold",
]
