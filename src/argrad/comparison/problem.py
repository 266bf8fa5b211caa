"""What is compared: a cost, scores, a way to train, and words for the report. Values made of functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from argrad._checks import require
from argrad.choices import one_hot
from argrad.comparison.ways import label
from argrad.core import Estimator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

    from argrad.core import Choice


@dataclass(frozen=True)
class Outcome:
    """How a model in training stands.

    Attributes:
        hard: the result with hard choices, as the model will be used.
        soft: the result with soft choices in their place, if there is such a model.
        progress: how much of the training is done, from 0 to 1.
    """

    hard: float
    soft: float | None = None
    progress: float = 1.0


@dataclass(frozen=True)
class Metric:
    """What a training's result is measured in.

    Attributes:
        name: with its unit, "test accuracy [%]".
        larger_is_better: its direction.
        resolution: results closer than this are taken for equal, such as the standard error of a test set.
    """

    name: str = "final result"
    larger_is_better: bool = False
    resolution: float = 0.0

    def best(self, values: Sequence[float]) -> float:
        """Give the best of the values."""
        return max(values) if self.larger_is_better else min(values)

    def worst(self, values: Sequence[float]) -> float:
        """Give the worst of the values."""
        return min(values) if self.larger_is_better else max(values)


@dataclass(frozen=True)
class Problem:
    """A comparison to be made.

    Attributes:
        cost: vertices (samples, *scores.shape) → costs (samples, *leading dimensions), as for `argrad.expect`.
        scores: one tensor, or several.
        estimators: what is compared, by the name in the table.
        train: (estimator, seed) → the final result: a number, an `Outcome`, or an iterable of outcomes along the way.
        metric: what the results of `train` are.
        choice: what is chosen.
        name: one word.
        about: what is learned from what, in a sentence or two.
        reference: an estimator whose mean is known to be the true gradient; used where states are too many to
            enumerate. None: an unbiased one, or `Perturbed` for a choice without a law.
        draws: calls on which each estimator's gradient is measured, unless the caller says otherwise.
    """

    cost: Callable[..., Tensor]
    scores: Tensor | Sequence[Tensor]
    estimators: Mapping[str, Estimator]
    train: Callable[[Estimator, int], float | Outcome | Iterable[Outcome]] | None = None
    metric: Metric = field(default_factory=Metric)
    choice: Choice = one_hot
    name: str = "comparison"
    about: str = ""
    reference: Estimator | None = None
    draws: int = 1000


def outcomes(result: Any) -> Iterator[Outcome]:
    """Read what a training function gave back, a number, an outcome or many, as a stream of outcomes."""
    expected = "a function that returns a number, an Outcome, or an iterable of Outcomes"
    if hasattr(result, "__float__"):  # a tensor too, which would be an iterable
        result = Outcome(float(result))
    several = result if isinstance(result, Iterable) and not isinstance(result, str) else [result]
    outcome = None
    for outcome in several:
        require(isinstance(outcome, Outcome), "train", "compare", expected, outcome, error=TypeError)
        yield outcome
    require(outcome is not None, "train", "compare", expected, result)


def named(estimators: Mapping[str, Estimator] | Iterable[Estimator]) -> dict[str, Estimator]:
    """Give every estimator a name: its own, or what it is."""
    several = isinstance(estimators, Iterable) and not isinstance(estimators, str)
    listed = list(estimators.values() if isinstance(estimators, Mapping) else estimators) if several else []
    expected = "estimators such as [StraightThrough(), ReinMax()], or a dict of them"
    fits = several and all(isinstance(e, Estimator) for e in listed)
    require(fits, "estimators", "compare", expected, estimators, error=TypeError)
    if isinstance(estimators, Mapping):
        return {str(name): estimator for name, estimator in estimators.items()}
    names = [label(e) for e in listed]
    repeated = {n for n in names if names.count(n) > 1}
    require(not repeated, "estimators", "compare", "all different, or a dict of named ones", sorted(repeated))
    return dict(zip(names, listed, strict=True))
