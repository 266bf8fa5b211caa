"""Learn through argmax: find where gradients stop, put them back, know how good they are.

Names are looked up when they are first used, so that `import argrad` and `argrad --help` do not wait for torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from argrad._version import __version__

if TYPE_CHECKING:
    from argrad import choices as choices
    from argrad import cluster as cluster
    from argrad import doctor as doctor
    from argrad import losses as losses
    from argrad import nn as nn
    from argrad import noise as noise
    from argrad import schedules as schedules
    from argrad import structure as structure

_ROOMS = {
    "_checks": ["check_values"],
    "choices": [
        "birkhoff",
        "cube",
        "entmax",
        "entmax15",
        "entropic_rank",
        "grid",
        "k_subset",
        "numpy_solver",
        "one_hot",
        "plackett_luce_subset",
        "sinkhorn",
        "soft_rank",
        "soft_sort",
        "softsort",
        "solver",
        "sparsemax",
    ],
    "comparison": ["compare"],
    "_carrier": ["Pull", "exact"],
    "core": ["Choice", "Estimator", "Noise", "VertexEstimator"],
    "estimators": [
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
    ],
    "noise": ["Gumbel", "Logistic", "Normal", "SumOfGamma"],
    "verbs": [
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
    ],
}
_MODULES = ["choices", "cluster", "doctor", "losses", "nn", "noise", "schedules", "structure"]
_HOME = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = ["__version__", *_HOME, *_MODULES]  # noqa: PLE0604 (all are strings)


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"argrad.{name}")
    if name in _HOME:
        value = getattr(import_module(f"argrad.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    msg = f"module 'argrad' has no attribute '{name}'"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted(__all__)
