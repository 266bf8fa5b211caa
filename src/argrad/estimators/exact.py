"""Estimators that look at every vertex: the exact expectation, one variable at a time, and the marginal likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import torch

from argrad._checks import require, require_count, require_positive
from argrad._precision import full_precision
from argrad.core import Estimator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

    from argrad.core import Choice

_MOST_STATES = 2**16


def cost_dims(choice: Choice, cost: Callable[..., Tensor], scores: tuple[Tensor, ...]) -> int:
    """Find how many leading dimensions of the scores have a cost each; the others are variables of one cost.

    Where the scores have batch dimensions, this costs one evaluation of the cost, at the best vertices.
    """
    if all(s.ndim == choice.event_dims for s in scores):
        return 0
    with torch.no_grad():
        return cost(*(choice.hard(s.detach()).unsqueeze(0) for s in scores)).ndim - 1


def all_vertices(choice: Choice, scores: tuple[Tensor, ...], dims: int, of: str) -> list[Tensor]:
    """Enumerate the joint states of all the variables that share a cost: a (states, *s.shape) tensor for each s."""
    flat = [_by_variable(choice, choice.enumerate(s.detach()), dims + 1) for s in scores]
    sizes = [(y.shape[0], y.shape[1 + dims]) for y in flat]
    states = prod([m**v for m, v in sizes])
    few = states <= _MOST_STATES
    require(
        few,
        "scores",
        of,
        f"few enough to enumerate, at most {_MOST_STATES} joint states; IndeCateR and ScoreFunction take more",
        states if few else f"{min(states, 10**308):.3g} states",  # more have no float
    )
    radix = torch.tensor([m for m, v in sizes for _ in range(v)], dtype=torch.long, device=flat[0].device)
    stride = radix.flip(0).cumprod(0).flip(0) // radix
    states_by_variable = torch.arange(states, device=radix.device)[:, None] // stride % radix
    parts = states_by_variable.split([v for _, v in sizes], dim=1)
    joint = []
    for s, y, index in zip(scores, flat, parts, strict=True):
        variables = y.movedim(1 + dims, 1)  # (m, v, *costs, *event)
        picked = variables[index, torch.arange(index.shape[1], device=y.device)]
        joint.append(picked.movedim(1, 1 + dims).reshape(states, *s.shape))
    return joint


def joint_log_prob(choice: Choice, scores: tuple[Tensor, ...], vertices: list[Tensor], dims: int) -> Tensor:
    """Sum log p over all variables of each cost: (states, *costs)."""
    terms = (choice.log_prob(s, y) for s, y in zip(scores, vertices, strict=True))
    return torch.stack([_flat(term, dims, term.ndim).sum(-1) for term in terms]).sum(0)


def _by_variable(choice: Choice, y: Tensor, dims: int) -> Tensor:
    """Flatten the dimensions between the first `dims` and the event into one, of variables."""
    return _flat(y, dims, y.ndim - choice.event_dims)


def _flat(x: Tensor, start: int, stop: int) -> Tensor:
    """Make one dimension of those from `start` up to `stop`, be they none or of size 0."""
    return x.reshape(*x.shape[:start], prod(x.shape[start:stop]), *x.shape[stop:])


def kept(costs: Tensor, log_p: Tensor) -> Tensor:
    """Costs where a state can happen, else 0: what never happens may cost anything, even NaN."""
    return torch.where(log_p > -torch.inf, costs, torch.zeros_like(costs))


def _every_cost(
    choice: Choice, cost: Callable[..., Tensor], scores: tuple[Tensor, ...], of: str
) -> tuple[Tensor, Tensor]:
    """Give log p and the cost of every joint state: (states, *costs) each."""
    dims = cost_dims(choice, cost, scores)
    vertices = all_vertices(choice, scores, dims, of)
    log_p = joint_log_prob(choice, scores, vertices, dims + 1)
    return log_p, kept(cost(*vertices), log_p)


@dataclass(frozen=True)
class Enumerate(Estimator):
    """All vertices: the exact expectation and its exact gradient.

    Formula: E[f(y)] = Σ_y p(y) f(y).

    Of several variables that share a cost, all joint states are visited: n^L for L of them.

    Raises:
        ValueError: more than 65,536 joint states.

    Wrong when: the model is used with the argmax later: a good mixture need not have a good mode. Never biased.

    Source: the definition; as a training method "soft expectation" or "exact marginalisation".

    >>> import torch, argrad
    >>> scores = torch.tensor([0.0, 0.0], requires_grad=True)
    >>> argrad.expect(lambda y: y @ torch.tensor([1.0, 3.0]), scores, grad=argrad.Enumerate())
    tensor(2., grad_fn=<SumBackward1>)
    """

    @property
    def needs(self) -> Mapping[str, tuple[str, ...]]:
        """All vertices and the law; `hard` is asked once for the cost's shape."""
        return {"expect": ("enumerate", "log_prob")}

    @property
    def bias(self) -> str:
        """None, and no noise."""
        return "exact"

    def expect(
        self,
        choice: Choice,
        cost: Callable[..., Tensor],
        scores: tuple[Tensor, ...],
        generator: torch.Generator | None,  # noqa: ARG002
    ) -> Tensor:
        """Give the sum over all states."""
        log_p, costs = _every_cost(choice, cost, scores, "Enumerate")
        return (log_p.exp().to(costs.dtype) * costs).sum(0)


@dataclass(frozen=True)
class MarginalLikelihood(Estimator):
    """The soft minimum of the cost under the law: cost as energy, exact value and gradient.

    Formula: −τ log E[exp(−f(y)/τ)]. As τ → ∞ it is E[f]; as τ → 0 the least cost that can happen. With f a negative
    log-likelihood and τ = 1 it is the exact negative log marginal likelihood of a mixture.

    Args:
        temperature: τ > 0, in the cost's units; anneal it downwards to train a hard selector.

    Raises:
        ValueError, TypeError: temperature not positive. ValueError: more than 65,536 joint states.

    Wrong when: E[f] itself is wanted: this is a lower bound of it, which rewards one good option and ignores bad ones.

    Source: the marginal likelihood of a mixture, Dempster, Laird & Rubin 1977; as a risk-seeking objective, Howard &
    Matheson 1972 (exponential utility).

    >>> import torch, argrad
    >>> scores = torch.tensor([0.0, 0.0], requires_grad=True)
    >>> cost = lambda y: y @ torch.tensor([1.0, 3.0])
    >>> argrad.expect(cost, scores, grad=argrad.MarginalLikelihood(temperature=1.0))
    tensor(1.5662, grad_fn=<MulBackward0>)
    """

    temperature: float | Tensor = 1.0

    def __post_init__(self) -> None:
        require_positive(self.temperature, "temperature", "MarginalLikelihood")

    @property
    def needs(self) -> Mapping[str, tuple[str, ...]]:
        """All vertices and the law."""
        return {"expect": ("enumerate", "log_prob")}

    @property
    def bias(self) -> str:
        """None, and no noise, of its own objective."""
        return "exact"

    def expect(
        self,
        choice: Choice,
        cost: Callable[..., Tensor],
        scores: tuple[Tensor, ...],
        generator: torch.Generator | None,  # noqa: ARG002
    ) -> Tensor:
        """Give the soft minimum over all states."""
        log_p, costs = _every_cost(choice, cost, scores, "MarginalLikelihood")
        soft = (log_p - full_precision(costs) / self.temperature).logsumexp(0)
        return (-self.temperature * soft).to(costs.dtype)


@dataclass(frozen=True)
class IndeCateR(Estimator):
    """One variable at a time exactly, the others sampled: unbiased, with L·n evaluations instead of n^L.

    Formula: ∂/∂s E[f] ≈ (1/K) Σ_k Σ_d Σ_c f(y_k with variable d set to c) ∂p_d(c)/∂s.
    With a single variable a cost it is the exact gradient.

    Args:
        samples: K ≥ 1 joint draws; the cost is evaluated on K·L·n states.

    Raises:
        ValueError, TypeError: samples below 1.

    Wrong when: L·n evaluations are too dear. Never biased; only independent variables are treated.

    Source: De Smet, Sansone & Zuidberg Dos Martires 2023, "Differentiable sampling of categorical distributions using
    the CatLog-derivative trick"; Titsias & Lázaro-Gredilla 2015, "Local expectation gradients for black box variational
    inference".

    >>> import torch, argrad
    >>> scores = torch.zeros(3, 4, requires_grad=True)  # three variables of four options, one cost
    >>> cost = lambda y: (y.argmax(-1).float().sum(-1) - 2) ** 2
    >>> argrad.expect(cost, scores, grad=argrad.IndeCateR()).backward()
    """

    samples: int = 1

    def __post_init__(self) -> None:
        require_count(self.samples, "samples", "IndeCateR")

    @property
    def needs(self) -> Mapping[str, tuple[str, ...]]:
        """Draws, all vertices of one variable, and the law."""
        return {"expect": ("sample", "enumerate", "log_prob")}

    @property
    def bias(self) -> str:
        """None; a single variable leaves no noise either."""
        return "unbiased"

    def expect(
        self,
        choice: Choice,
        cost: Callable[..., Tensor],
        scores: tuple[Tensor, ...],
        generator: torch.Generator | None,
    ) -> Tensor:
        """Give the mean over draws and variables, with the sum of the variables' gradients."""
        dims = cost_dims(choice, cost, scores)
        drawn = [choice.sample(s.detach(), self.samples, generator) for s in scores]
        parts = [self._one_tensor(choice, cost, drawn, i, s, dims) for i, s in enumerate(scores)]
        value = torch.cat([by_variable for by_variable, _ in parts]).mean(0)
        term = torch.stack([term for _, term in parts]).sum(0)
        return value + (term - term.detach())

    def _one_tensor(
        self, choice: Choice, cost: Callable[..., Tensor], drawn: list[Tensor], i: int, s: Tensor, dims: int
    ) -> tuple[Tensor, Tensor]:
        options = choice.enumerate(s.detach())
        log_p = choice.log_prob(s, options)  # (m, *costs, *variables)
        log_p = _flat(log_p, 1 + dims, log_p.ndim).movedim(-1, 1)  # (m, v, *costs)
        m, v = log_p.shape[:2]
        changed = self._change_each(choice, options, drawn[i], dims)  # (K·m·v, *s.shape)
        others = [y.repeat_interleave(m * v, dim=0) for y in drawn]
        others[i] = changed
        costs = cost(*others)
        costs = kept(costs.view(self.samples, m, v, *costs.shape[1:]), log_p)
        p = log_p.exp().to(costs.dtype)
        by_variable = (p.detach() * costs).sum(1).mean(0)  # (v, *costs)
        return by_variable, (p * costs.detach()).sum((1, 2)).mean(0)

    def _change_each(self, choice: Choice, options: Tensor, drawn: Tensor, dims: int) -> Tensor:
        options, base = (_by_variable(choice, y, dims + 1).movedim(1 + dims, 1) for y in (options, drawn))
        m, v = options.shape[:2]
        here = torch.eye(v, dtype=torch.bool, device=base.device)
        here = here.view(1, 1, v, v, *[1] * (base.ndim - 2))
        changed = torch.where(here, options[None, :, None], base[:, None, None])  # (K, m, v, v, *costs, *event)
        shape = drawn.shape[1:]
        return changed.flatten(0, 2).movedim(1, 1 + dims).reshape(self.samples * m * v, *shape)
