"""WHAT is picked. Each choice is a value made of functions; see `argrad.core.Choice`."""

from argrad.choices.chain import chain
from argrad.choices.cube import cube, grid
from argrad.choices.k_subset import k_subset
from argrad.choices.matching import matching, permutation
from argrad.choices.one_hot import one_hot
from argrad.choices.permutation import birkhoff, sinkhorn, softsort
from argrad.choices.plackett_luce import plackett_luce_subset
from argrad.choices.rank import entropic_rank, rank, soft_rank, soft_sort
from argrad.choices.segmentation import segmentation
from argrad.choices.simplex import entmax, entmax15, sparsemax
from argrad.choices.solver import numpy_solver, solver
from argrad.choices.tree import tree

__all__ = [
    "birkhoff",
    "chain",
    "cube",
    "entmax",
    "entmax15",
    "entropic_rank",
    "grid",
    "k_subset",
    "matching",
    "numpy_solver",
    "one_hot",
    "permutation",
    "plackett_luce_subset",
    "rank",
    "segmentation",
    "sinkhorn",
    "soft_rank",
    "soft_sort",
    "softsort",
    "solver",
    "sparsemax",
    "tree",
]
