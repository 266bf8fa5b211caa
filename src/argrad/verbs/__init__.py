"""The verbs: torch's names and argument order, with `grad=` to say which gradient."""

from argrad.verbs.choose import argmax, argmin, max_value, sample
from argrad.verbs.coordinates import soft_argmax
from argrad.verbs.expectation import expect
from argrad.verbs.quantise import round, sign, threshold  # noqa: A004 (torch's name)
from argrad.verbs.selection import select

__all__ = [
    "argmax",
    "argmin",
    "expect",
    "max_value",
    "round",
    "sample",
    "select",
    "sign",
    "soft_argmax",
    "threshold",
]
