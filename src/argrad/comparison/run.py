"""Run a comparison, one piece at a time, so that whoever watches can show progress and stop at any piece."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from argrad._checks import require, require_count, require_function, require_scores
from argrad._version import __version__
from argrad.choices import one_hot
from argrad.comparison.measure import Question, Truth, find_truth, measure
from argrad.comparison.problem import Metric, Outcome, Problem, named, outcomes
from argrad.comparison.result import Comparison, Row, Training
from argrad.comparison.ways import Annealed, Deterministic
from argrad.core import Estimator
from argrad.estimators import (
    Enumerate,
    GappedStraightThrough,
    GumbelRao,
    Identity,
    IndeCateR,
    MarginalLikelihood,
    ReinMax,
    Relaxed,
    ScoreFunction,
    Spigot,
    StraightThrough,
)
from argrad.noise import Gumbel
from argrad.verbs._door import require_choice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from torch import Tensor

    from argrad.core import Choice

# what an estimator raises that a cost or a choice does not suit, or a training that fails: the others go on
_UNFIT = (TypeError, ValueError, RuntimeError, LookupError, ArithmeticError, AttributeError)


@dataclass(frozen=True)
class Stage:
    """A piece of the comparison has been done.

    Attributes:
        done: pieces done so far, with a fraction for a training under way.
        total: how many there are.
        doing: what is next, in words.
        comparison: what is known so far.
    """

    done: float
    total: int
    doing: str
    comparison: Comparison


def standard_estimators() -> dict[str, Estimator]:
    """Give the estimators that a comparison takes when none are named, the most useful first."""
    return named(
        [
            Annealed(MarginalLikelihood(), start=1.0, end=0.1),
            Enumerate(),
            StraightThrough(),
            Deterministic(StraightThrough()),
            StraightThrough(noise=Gumbel()),
            ReinMax(),
            GumbelRao(),
            GappedStraightThrough(),
            Spigot(),
            Identity(),
            Relaxed(noise=Gumbel()),
            ScoreFunction(samples=4),
            IndeCateR(),
        ]
    )


def compare(
    cost: Callable[..., Tensor],
    scores: Tensor | Sequence[Tensor],
    estimators: Mapping[str, Estimator] | Iterable[Estimator] | None = None,
    *,
    choice: Choice = one_hot,
    train: Callable[[Estimator, int], float | Outcome | Iterable[Outcome]] | None = None,
    seeds: int = 3,
    metric: Metric = Metric(),  # noqa: B008 (frozen)
    draws: int = 1000,
    reference: Estimator | None = None,
    most_states: int = 4096,
    seed: int = 0,
    name: str = "comparison",
) -> Comparison:
    """Measure estimators side by side on your own cost and scores: bias, variance, time, memory, final hard result.

    Formula:
        With g one call's gradient of Σ E[cost(y)] to the scores and ∇ the true one: bias ‖E[g] − ∇‖/‖∇‖, noise
        √(tr Var g)/‖∇‖, cosine E[cos(g, ∇)], signal-to-noise ‖E[g]‖/√(tr Var g).

    Args:
        cost: as for `argrad.expect`: vertices (samples, *scores.shape) → costs (samples, *leading dimensions).
        scores: one tensor or several, at the point where the gradients are to be compared.
        estimators: a list, or a dict of named ones; None: a standard list.
        choice: what is chosen; one out of n by default.
        train: (estimator, seed) → the final hard result: a number, an `Outcome`, or an iterable of them.
        seeds: how many trainings an estimator gets, with seeds 0, 1, ….
        metric: what the results of `train` are: name, direction, resolution.
        draws: how many calls each estimator's gradient is measured on.
        reference: an estimator whose mean is known to be the true gradient, to average where states are too many to
            enumerate. None: an unbiased one. A choice without a law, such as a solver, has no expected cost: it is
            then compared with the gradient of `Perturbed(sigma=1)`, the cost smoothed by noise on the scores.
        most_states: up to how many joint states the truth is enumerated.
        seed: of the draws.
        name: what to call the problem.

    Returns:
        A `Comparison`: prints as a table, `.verdict`, `.plot`, `.to_json`, `.to_csv`, `.to_html`.
        An estimator that does not suit the cost or the choice has the reason in its row.

    Raises:
        TypeError, ValueError: scores, counts or estimators of the wrong kind; whatever the cost itself raises.

    Wrong when: gradients at one point are taken for the fate of a training: bias in a direction that does not matter
    harms nobody. Give `train` and look at the worst seed. Times include your cost.

    Source: Mohamed, Rosca, Figurnov & Mnih 2020, section 2.1 (bias, variance and cost of a gradient estimator).

    >>> import torch, argrad
    >>> cost = lambda y: (y @ torch.tensor([0.0, 1.0, 3.0]) - 1.2) ** 2
    >>> found = argrad.compare(cost, torch.zeros(3), [argrad.Enumerate(), argrad.StraightThrough()], draws=500)
    >>> [row.quality.biased for row in found.rows]
    [False, True]
    """
    chosen = standard_estimators() if estimators is None else named(estimators)
    problem = Problem(cost, scores, chosen, train, metric, choice, name, reference=reference)
    last = None
    for stage in stages(problem, seeds=seeds, draws=draws, most_states=most_states, seed=seed):
        last = stage.comparison
    if last is None:
        msg = "A comparison has at least one stage."
        raise RuntimeError(msg)
    return last


def stages(
    problem: Problem, *, seeds: int = 3, draws: int | None = None, most_states: int = 4096, seed: int = 0
) -> Iterator[Stage]:
    """Run a comparison piece by piece; the last stage has all of it.

    First every gradient is measured, then every estimator is trained with the first seed, then with the second, so
    that an early stop leaves a table in which all have had the same.
    """
    draws = problem.draws if draws is None else draws
    problem = replace(problem, estimators=named(problem.estimators))
    scores = _checked(problem, seeds, draws)
    question = Question(problem.cost, scores, problem.choice)
    generator = torch.Generator(scores[0].device).manual_seed(seed)
    trainings = [(name, s) for s in range(seeds) for name in problem.estimators] if problem.train else []
    total = 1 + len(problem.estimators) + len(trainings)
    rows = tuple(Row(name) for name in problem.estimators)
    setting = _setting(problem, seeds if problem.train else 0, draws, scores[0].device)
    found = Comparison(problem.name, rows, problem.metric, problem.about, setting=setting, complete=False)
    yield Stage(0, total, "finding the true gradient", found)
    truth = find_truth(question, generator, most_states=most_states, draws=draws, reference=problem.reference)
    found = replace(found, truth=truth.source, truth_error=truth.relative_error)
    for done, (name, estimator) in enumerate(problem.estimators.items(), start=1):
        yield Stage(done, total, f"measuring {name}", found)
        found = found.with_row(_measured(name, estimator, question, truth, generator, draws))
    yield from _train_all(problem, trainings, found, total)


def _train_all(problem: Problem, trainings: list[tuple[str, int]], found: Comparison, total: int) -> Iterator[Stage]:
    before = total - len(trainings)
    for i, (name, seed) in enumerate(trainings):
        if found.row(name).refused is None:
            doing = f"training {name}, seed {seed}"
            yield Stage(before + i, total, doing, found)
            for row, progress in _trained(problem, found.row(name), seed):
                found = found.with_row(row) if progress == 1 else found
                yield Stage(before + i + progress, total, doing, found)
    yield Stage(total, total, "done", replace(found, complete=True))


def _trained(problem: Problem, row: Row, seed: int) -> Iterator[tuple[Row, float]]:
    """Train once; the row has the training when that is done."""
    curve: list[Outcome] = []
    if problem.train is None:
        return
    try:
        for outcome in outcomes(problem.train(problem.estimators[row.name], seed)):
            curve.append(outcome)
            yield row, min(outcome.progress, 0.999)
    except _UNFIT as error:
        yield replace(row, refused=_reason(error)), 1.0
        return
    curves = dict(row.training.curves) if row.training else {}
    yield replace(row, training=Training({**curves, seed: tuple(curve)})), 1.0


def _measured(
    name: str, estimator: Estimator, question: Question, truth: Truth, generator: torch.Generator, draws: int
) -> Row:
    try:
        return Row(name, measure(question, estimator, truth, generator, draws))
    except _UNFIT as error:
        return Row(name, refused=_reason(error))


def _reason(error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    if "does not require grad" in text or "not have been used in the graph" in text:
        return "needs a cost that is differentiable in the vertices"
    return text


def _checked(problem: Problem, seeds: int, draws: int) -> tuple[Tensor, ...]:
    require_function(problem.cost, "cost", "compare", "a function of the vertices")
    require_function(problem.train, "train", "compare", "None or a function of an estimator and a seed")
    require_choice(problem.choice, "compare")
    require(isinstance(problem.metric, Metric), "metric", "compare", "a Metric", problem.metric, error=TypeError)
    refers = problem.reference is None or isinstance(problem.reference, Estimator)
    require(refers, "reference", "compare", "None or an estimator", problem.reference, error=TypeError)
    given = (problem.scores,) if isinstance(problem.scores, torch.Tensor) else problem.scores
    several = tuple(given) if isinstance(given, Iterable) else ()
    require(len(several) > 0, "scores", "compare", "a tensor or a sequence of tensors", problem.scores, error=TypeError)
    for s in several:
        require_scores(s, "compare", -1 if problem.choice.event_dims else None)
    require(len(problem.estimators) > 0, "estimators", "compare", "at least one", problem.estimators)
    require_count(seeds, "seeds", "compare")
    require_count(draws, "draws", "compare", low=2)
    return several


def _setting(problem: Problem, seeds: int, draws: int, device: torch.device) -> dict[str, str]:
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    scores = problem.scores if isinstance(problem.scores, torch.Tensor) else problem.scores[0]
    return {
        "argrad": __version__,
        "torch": torch.__version__,
        "device": f"{device.type} ({where})",
        "threads": f"{torch.get_num_threads()} of {os.cpu_count()}",
        "scores": f"{tuple(scores.shape)} {str(scores.dtype).removeprefix('torch.')}",
        "draws": str(draws),
        "seeds": str(seeds),
    }
