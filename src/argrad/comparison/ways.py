"""Two adaptors that a comparison needs, and the name under which an estimator stands in a table."""

from __future__ import annotations

from dataclasses import MISSING, Field, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from argrad._checks import require, require_positive
from argrad.core import Estimator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch
    from torch import Tensor

    from argrad.core import Choice


@dataclass(frozen=True)
class Deterministic(Estimator):
    """Evaluate the cost at the best vertex instead of a draw: what `argrad.argmax` and `argrad.select` train.

    Formula: cost(y*), y* = argmax_{y ∈ Y} ⟨y, s⟩, with the wrapped estimator's gradient for the deterministic choice.

    Args:
        estimator: one that has a gradient for the deterministic choice.

    Raises:
        TypeError: an estimator that has none.

    Wrong when: the expected cost is wanted: the best vertex explores nothing.

    >>> import argrad
    >>> from argrad.comparison import Deterministic
    >>> Deterministic(argrad.StraightThrough()).needs
    {'expect': ('soft',)}
    """

    estimator: Estimator

    def __post_init__(self) -> None:
        picks = isinstance(self.estimator, Estimator) and "pick" in self.estimator.needs
        expected = "an estimator with a gradient for the deterministic choice"
        require(picks, "estimator", "Deterministic", expected, self.estimator, error=TypeError)

    @property
    def needs(self) -> Mapping[str, tuple[str, ...]]:
        """What the wrapped estimator's pick needs."""
        return {"expect": self.estimator.needs["pick"]}

    def expect(
        self,
        choice: Choice,
        cost: Callable[..., Tensor],
        scores: tuple[Tensor, ...],
        generator: torch.Generator | None,  # noqa: ARG002
    ) -> Tensor:
        """Give the cost of the best vertex."""
        return cost(*(self.estimator.pick(choice, s).unsqueeze(0) for s in scores)).squeeze(0)


@dataclass(frozen=True)
class Annealed(Estimator):
    """An estimator whose temperature goes from one value to another in the course of a training.

    Formula: τ(t) = start·(end/start)^t, t from 0 to 1; where no course is given (a table of gradients), t = ½.

    Args:
        estimator: one with a field `temperature`.
        start: τ at the beginning, above 0.
        end: τ at the end, above 0.

    Raises:
        TypeError: an estimator without a temperature. ValueError, TypeError: temperatures not positive.

    Wrong when: the training function does not ask for `at(progress)`.

    >>> import argrad
    >>> from argrad.comparison import Annealed
    >>> Annealed(argrad.MarginalLikelihood(), start=4.0, end=0.25).at(0.5)
    MarginalLikelihood(temperature=1.0)
    """

    estimator: Estimator
    start: float
    end: float

    def __post_init__(self) -> None:
        warm = isinstance(self.estimator, Estimator) and hasattr(self.estimator, "temperature")
        require(warm, "estimator", "Annealed", "an estimator with a temperature", self.estimator, error=TypeError)
        require_positive(self.start, "start", "Annealed")
        require_positive(self.end, "end", "Annealed")

    @property
    def needs(self) -> Mapping[str, tuple[str, ...]]:
        """What the wrapped estimator needs."""
        return {"expect": self.estimator.needs["expect"]}

    def at(self, progress: float) -> Estimator:
        """Give the estimator at this part of the training, from 0 to 1."""
        temperature = self.start * (self.end / self.start) ** progress
        changed: Any = {"temperature": temperature}
        return replace(self.estimator, **changed)  # type: ignore[type-var]

    def expect(
        self,
        choice: Choice,
        cost: Callable[..., Tensor],
        scores: tuple[Tensor, ...],
        generator: torch.Generator | None,
    ) -> Tensor:
        """Estimate at half way."""
        return self.at(0.5).expect(choice, cost, scores, generator)


def at(estimator: Estimator, progress: float) -> Estimator:
    """Give the estimator at this part of a training, from 0 to 1: itself, unless it is annealed.

    >>> import argrad
    >>> from argrad.comparison import at
    >>> at(argrad.ReinMax(), 0.3)
    ReinMax(temperature=1.0)
    """
    return estimator.at(progress) if isinstance(estimator, Annealed) else estimator


def label(estimator: Estimator) -> str:
    """Name an estimator by its class and by what differs from its defaults.

    >>> import argrad
    >>> from argrad.comparison import label
    >>> label(argrad.GumbelRao(samples=100))
    'GumbelRao(samples=100)'
    """
    if isinstance(estimator, Annealed):
        return f"{label(estimator.estimator)}, τ {estimator.start:g} → {estimator.end:g}"
    if isinstance(estimator, Deterministic):
        return f"{label(estimator.estimator)} at the argmax"
    changed = [f"{f.name}={_word(getattr(estimator, f.name))}" for f in _changed(estimator)]
    return type(estimator).__name__ + (f"({', '.join(changed)})" if changed else "")


def _changed(estimator: Any) -> list[Field[Any]]:
    return [f for f in fields(estimator) if not _is_default(getattr(estimator, f.name), f)]


def _is_default(value: object, field: Field[Any]) -> bool:
    default = field.default_factory() if field.default_factory is not MISSING else field.default
    return value is default or (isinstance(value, int | float) and value == default) or repr(value) == repr(default)


def _word(value: object) -> str:
    """A function by its name, a value object by its class, everything else as Python writes it."""
    if callable(value) and hasattr(value, "__name__"):
        return str(value.__name__)
    text = repr(value)
    return text.removesuffix("()")
