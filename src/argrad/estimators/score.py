"""Score-function estimators: unbiased, for costs that may be black boxes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from argrad._checks import require, require_count, require_function
from argrad.core import Estimator
from argrad.estimators.exact import joint_log_prob

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from argrad.core import Choice

# Baselines: costs (samples, *) → what to subtract from each


def no_baseline(costs: Tensor) -> Tensor:
    """Subtract nothing: the plain score function (Williams 1992)."""
    return torch.zeros_like(costs)


def constant(value: float) -> Callable[[Tensor], Tensor]:
    """Subtract a fixed number.

    >>> import torch
    >>> from argrad.estimators import constant
    >>> constant(2.0)(torch.zeros(2))
    tensor([2., 2.])
    """
    return partial(torch.full_like, fill_value=value)


def leave_one_out(costs: Tensor) -> Tensor:
    """Subtract from each sample's cost the mean of the other samples' (RLOO); needs two samples.

    Source: Salimans & Knowles 2014; Kool, van Hoof & Welling 2019, "Buy 4 REINFORCE samples, get a baseline for free!".

    >>> import torch
    >>> from argrad.estimators import leave_one_out
    >>> leave_one_out(torch.tensor([1.0, 2.0, 6.0]))
    tensor([4.0000, 3.5000, 1.5000])
    """
    return (costs.sum(0) - costs) / (len(costs) - 1)


class RunningMean(nn.Module):
    """Subtract an exponential mean of the costs of earlier calls; a module, so that a checkpoint keeps it.

    The mean is taken before the present costs enter it, which keeps the estimator unbiased.
    """

    mean: Tensor
    calls: Tensor

    def __init__(self, momentum: float = 0.9) -> None:
        super().__init__()
        require(0 <= momentum < 1, "momentum", "RunningMean", "in [0, 1)", momentum)
        self.momentum = momentum
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))

    def forward(self, costs: Tensor) -> Tensor:
        """Give the mean so far for every cost, then learn from these costs."""
        unweighed = 1 - self.momentum ** self.calls.clamp_min(1)
        before = torch.where(self.calls > 0, self.mean / unweighed, self.mean)
        if costs.numel():
            self.mean.lerp_(costs.detach().mean().to(self.mean), 1 - self.momentum)
            self.calls.add_(1)
        return before.to(costs).expand_as(costs)


def score_term(costs: Tensor, log_prob: Tensor, baseline: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    """Give the score-function term for a loop of your own: a value of 0 whose gradient is the estimator's.

    Formula: mean over samples of (cost − baseline)·log p, cost and baseline detached, less its own value.

    Args:
        costs: (samples, *batch).
        log_prob: of the samples drawn, the same shape; it carries the gradient.
        baseline: a function of the costs; None is leave-one-out from two samples on.

    Raises:
        TypeError: costs or log_prob no tensor. ValueError: shapes that differ; leave-one-out of a single sample.

    Source: Williams 1992 (there with rewards, here with costs).

    >>> import torch, argrad
    >>> logits = torch.zeros(3, requires_grad=True)
    >>> law = torch.distributions.Categorical(logits=logits)
    >>> index = law.sample((4,))
    >>> cost = (index - 1.0) ** 2
    >>> loss = cost.mean() + argrad.score_term(cost, law.log_prob(index))
    """
    for name, value in (("costs", costs), ("log_prob", log_prob)):
        require(isinstance(value, Tensor), name, "score_term", "a tensor", value, error=TypeError)
    require(
        costs.shape == log_prob.shape,
        "log_prob",
        "score_term",
        f"of the costs' shape {tuple(costs.shape)}",
        log_prob,
    )
    if baseline is None:
        baseline = leave_one_out if len(costs) > 1 else no_baseline
    fixed = costs.detach()
    require(
        baseline is not leave_one_out or len(costs) > 1,
        "samples",
        "leave_one_out",
        "at least 2: it compares each sample with the others",
        len(costs),
    )
    weight = fixed - baseline(fixed).detach()
    term = (weight * log_prob).mean(0)
    return term - term.detach()


@dataclass(frozen=True)
class ScoreFunction(Estimator):
    """Sampled vertices, weighed by their cost: REINFORCE. Unbiased for any cost, differentiable or not.

    Formula: ∂/∂s E[f(y)] ≈ (1/K) Σ_k (f(y_k) − b_k) ∂ log p(y_k)/∂s, y_k ~ p.

    Args:
        samples: K ≥ 1 draws; the cost is evaluated on each.
        baseline: b, a function of the costs (samples, *batch): `no_baseline`, `constant(2.0)`, a `RunningMean()`,
            `leave_one_out`, or your critic, `lambda costs: critic(x)`. None: leave-one-out from two samples on.

    Raises:
        ValueError, TypeError: samples below 1; leave-one-out of one sample.

    Wrong when: many variables share one cost: the variance grows with their number. Subtracting the mean over
    all samples, the sample's own included, would shrink the gradient by (K − 1)/K; this does not.

    Source: Williams 1992, "Simple statistical gradient-following algorithms"; Mnih & Gregor 2014 (baselines).

    >>> import torch, argrad
    >>> scores = torch.zeros(3, requires_grad=True)
    >>> cost = lambda y: y[..., 1]
    >>> argrad.expect(cost, scores, grad=argrad.ScoreFunction(samples=4)).backward()
    """

    samples: int = 2
    baseline: Callable[[Tensor], Tensor] | None = None

    def __post_init__(self) -> None:
        require_count(self.samples, "samples", "ScoreFunction")
        require_function(self.baseline, "baseline", "ScoreFunction", "None or a function of the costs")

    @property
    def needs(self) -> Mapping[str, tuple[str, ...]]:
        """The law."""
        return {"expect": ("sample", "log_prob")}

    @property
    def bias(self) -> str:
        """None, with any baseline that does not see the sample it is subtracted from."""
        return "unbiased"

    def expect(
        self,
        choice: Choice,
        cost: Callable[..., Tensor],
        scores: tuple[Tensor, ...],
        generator: torch.Generator | None,
    ) -> Tensor:
        """Give the mean cost of the draws, with the score-function gradient."""
        vertices = [choice.sample(s.detach(), self.samples, generator) for s in scores]
        costs = cost(*vertices)
        log_p = joint_log_prob(choice, scores, vertices, costs.ndim)
        return costs.mean(0) + score_term(costs, log_p.to(costs.dtype), self.baseline)
