"""WHAT is picked. Each choice is a value made of functions; see `argrad.core.Choice`."""

from argrad.choices.cube import cube, grid
from argrad.choices.one_hot import one_hot
from argrad.choices.simplex import entmax, entmax15, sparsemax

__all__ = ["cube", "entmax", "entmax15", "grid", "one_hot", "sparsemax"]
