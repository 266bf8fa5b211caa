"""The contract's table of choices: all of them × every estimator × every verb. To test a new one, list it here."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace

import torch

import argrad
from argrad import choices, estimators
from argrad.core import Choice, Estimator

VERBS = ("pick", "draw", "expect")
LEVELS = torch.tensor([-1.5, -0.1, 0.3])


def best_of_rows(scores: torch.Tensor) -> torch.Tensor:
    """A solver: the best option of each row, among two rows whose options must differ."""
    first, second = scores.unbind(-2)
    total = first.unsqueeze(-1) + second.unsqueeze(-2)
    n = scores.shape[-1]
    index = total.masked_fill(torch.eye(n, dtype=torch.bool), -torch.inf).flatten(-2).argmax(-1)
    chosen = torch.stack([index // n, index % n], -1)
    return torch.nn.functional.one_hot(chosen, n).to(scores.dtype)


def above_half(values):
    """A solver in numpy: everything that is worth more than a half."""
    return values > 0.5


@dataclass(frozen=True)
class Case:
    """A choice, the shape of its scores without the batch, and a part of it to mask, where it has masks."""

    choice: Choice
    shape: tuple[int, ...]
    masked: tuple[int, ...] | None = None


CHOICES: dict[str, Case] = {
    "one_hot": Case(choices.one_hot, (4,), (1,)),
    "cube()": Case(choices.cube(), (3,)),
    "grid()": Case(choices.grid(), (3,)),
    "grid(levels)": Case(choices.grid(LEVELS), (2,)),
    "k_subset(2)": Case(choices.k_subset(2), (5,), (1,)),
    "plackett_luce_subset(2)": Case(choices.plackett_luce_subset(2), (5,), (1,)),
    "rank": Case(choices.rank, (4,), (1,)),
    "matching": Case(choices.matching, (3, 3), (0, 1)),
    "permutation": Case(choices.permutation, (3, 3), (0, 1)),
    "chain": Case(choices.chain, (2, 3, 3), (0, 1, 2)),
    "tree()": Case(choices.tree(), (3, 3), (0, 1)),
    "tree(projective=True)": Case(choices.tree(projective=True), (3, 3), (0, 1)),
    "segmentation": Case(choices.segmentation, (3, 2, 2, 2), (0, 1, 0, 1)),
    "solver(f)": Case(choices.solver(best_of_rows, event_dims=2), (2, 3)),
    "numpy_solver(f)": Case(choices.numpy_solver(above_half), (3,)),
}


def defaults() -> Iterator[tuple[str, Estimator]]:
    """Every public estimator with its defaults; with Gumbel noise as well, where noise is left out by default."""
    for name in estimators.__all__:
        kind = getattr(estimators, name)
        if isinstance(kind, type) and issubclass(kind, Estimator):
            made = kind()
            yield f"{name}()", made
            if any(field.name == "noise" and made.noise is None for field in fields(made)):
                yield f"{name}(noise=Gumbel())", replace(made, noise=argrad.Gumbel())


DEFAULTS: dict[str, Estimator] = dict(defaults())

INTEGERS = choices.grid(torch.arange(-4.0, 5.0))  # the law of `grid()`, which cannot be listed, near 0


def listed(name: str) -> Choice:
    """A choice that can be enumerated and has the law of this one."""
    return INTEGERS if name == "grid()" else CHOICES[name].choice


def lacks(choice: Choice, estimator: Estimator, verb: str) -> tuple[str, ...] | None:
    """The functions that the estimator needs and the choice lacks; None where the estimator has no such verb."""
    needs = estimator.needs.get(verb)
    return None if needs is None else tuple(function for function in needs if not choice.has(function))


def works(choice: Choice, estimator: Estimator, verb: str) -> bool:
    """Whether the cell is defined."""
    return lacks(choice, estimator, verb) == ()


def bias(choice: Choice, estimator: Estimator) -> str:
    """What is known of the gradient of E[cost] in this cell."""
    of_mean = estimator.bias in ("linear", "quadratic")
    return "biased" if of_mean and not choice.soft_is_mean else estimator.bias


CELLS = [(c, e, v) for c in CHOICES for e in DEFAULTS for v in VERBS if works(CHOICES[c].choice, DEFAULTS[e], v)]


def scores(name: str, *batch: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Random scores of that choice, with its masked part in the first row of a batch."""
    case = CHOICES[name]
    s = torch.randn(*batch, *case.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    if batch and batch[0] and case.masked is not None:
        s[(0,) * len(batch) + case.masked] = -torch.inf
    return s.to(dtype).requires_grad_()


def event_sum(terms: torch.Tensor, name: str) -> torch.Tensor:
    """Sum over what makes up one cost: the event, or for numbers chosen one by one the last dimension."""
    return terms.flatten(terms.ndim - len(CHOICES[name].shape)).sum(-1)


def cost_of(name: str, degree: int = 2) -> Callable[[torch.Tensor], torch.Tensor]:
    """A polynomial of the vertex, of that degree; its coefficients are random."""
    shape = CHOICES[name].shape
    terms = [torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(9 + i)) for i in range(3)]

    def cost(y: torch.Tensor) -> torch.Tensor:
        first, second, third = (event_sum(y * w.to(y), name) for w in terms)
        return first if degree == 1 else first + second * third

    return cost
