"""WHAT is picked. Each choice is a value made of functions; see `argrad.core.Choice`."""

from argrad.choices.chain import chain
from argrad.choices.cube import cube, grid
from argrad.choices.matching import matching
from argrad.choices.one_hot import one_hot
from argrad.choices.segmentation import segmentation
from argrad.choices.simplex import entmax, entmax15, sparsemax
from argrad.choices.tree import tree

__all__ = [
    "chain",
    "cube",
    "entmax",
    "entmax15",
    "grid",
    "matching",
    "one_hot",
    "segmentation",
    "sparsemax",
    "tree",
]
