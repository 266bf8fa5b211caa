"""Losses whose gradient is a soft choice less the target: Fenchel–Young losses, and the expected 0–1 loss.

    L(s; y) = Ω*(s) + Ω(y) − ⟨s, y⟩ ≥ 0,   ∂L/∂s = ŷ(s) − y,   ŷ(s) = argmax_p ⟨s, p⟩ − Ω(p).

Zero exactly when ŷ(s) = y, and convex in s. With Ω the negative entropy this is softmax and cross-entropy. All return
one loss for each row, to be averaged by the caller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from argrad._checks import in_the_name_of, reads_values, require, require_count, require_positive, require_scores
from argrad._precision import full_precision
from argrad.choices import entmax, one_hot
from argrad.noise import Normal

if TYPE_CHECKING:
    from jaxtyping import Float

    from argrad.core import Choice, Noise


def softmax_loss(scores: Float[Tensor, "*batch n"], target: Tensor) -> Float[Tensor, "*batch"]:
    """Cross-entropy, the Fenchel–Young loss of softmax.

    Formula: log Σ_i exp s_i − ⟨s, y⟩ + Σ_i y_i log y_i; the last sum is 0 for a class.

    Args:
        scores: logits, options last.
        target: (*batch,) class indices, or (*batch, n) probabilities.

    Raises:
        TypeError, ValueError: scores or target of the wrong type or shape; a class that is none (read on the CPU).

    Wrong when: probabilities of exactly 0 are wanted; a softmax never gives them, and this loss is never 0 for a class.

    Source: Blondel, Martins & Niculae 2020, "Learning with Fenchel–Young losses", table 1.

    >>> import torch
    >>> from argrad import losses
    >>> losses.softmax_loss(torch.tensor([[0.0, 0.0]]), torch.tensor([1]))
    tensor([0.6931])
    """
    s, y = _pair(scores, target, "softmax_loss")
    return s.logsumexp(-1) + torch.special.xlogy(y, y).sum(-1) - _inner(s, y)


def entmax_loss(scores: Float[Tensor, "*batch n"], target: Tensor, alpha: float = 1.5) -> Float[Tensor, "*batch"]:
    """Give the Fenchel–Young loss of α-entmax: like cross-entropy, but exactly 0 from a finite margin on.

    Formula: ⟨p − y, s⟩ + Ω(y) − Ω(p), p = entmax_α(s), Ω(p) = Σ_i (p_i^α − p_i)/(α(α − 1)); the gradient is p − y.

    Args:
        scores: options last.
        target: (*batch,) class indices, or (*batch, n) probabilities.
        alpha: above 1; 2 is the sparsemax loss.

    Raises:
        TypeError, ValueError: scores or target of the wrong type or shape; alpha not above 1.

    Wrong when: a class is to be pushed on for ever: from a margin of 1/(α − 1) on there is no gradient.

    Source: Peters, Niculae & Martins 2019; Martins & Astudillo 2016 (sparsemax); Blondel, Martins & Niculae 2020.

    >>> import torch
    >>> from argrad import losses
    >>> losses.entmax_loss(torch.tensor([[0.0, 2.0]]), torch.tensor([1]))
    tensor([0.])
    """
    return _entmax_loss(scores, target, alpha, "entmax_loss")


def _entmax_loss(scores: Tensor, target: Tensor, alpha: float, of: str) -> Tensor:
    require(hasattr(alpha, "__float__"), "alpha", of, "a number above 1", alpha, error=TypeError)
    require(alpha > 1, "alpha", of, "above 1 (1 is softmax_loss)", alpha)
    s, y = _pair(scores, target, of)
    p = in_the_name_of(of, entmax, s, alpha)
    return _inner(s, p - y) + _tsallis(y, alpha) - _tsallis(p, alpha)


def sparsemax_loss(scores: Float[Tensor, "*batch n"], target: Tensor) -> Float[Tensor, "*batch"]:
    """Give the Fenchel–Young loss of sparsemax: `entmax_loss` at α = 2.

    Formula: ½‖y − s‖² − ½‖p − s‖², p = sparsemax(s).

    Args, Raises: as `entmax_loss`.

    Wrong when: as `entmax_loss`; no gradient from a margin of 1 on.

    Source: Martins & Astudillo 2016, "From softmax to sparsemax".

    >>> import torch
    >>> from argrad import losses
    >>> losses.sparsemax_loss(torch.tensor([[0.0, 0.0]]), torch.tensor([1]))
    tensor([0.2500])
    """
    return _entmax_loss(scores, target, 2.0, "sparsemax_loss")


def projection_loss(scores: Tensor, target: Tensor, choice: Choice = one_hot) -> Tensor:
    """Give the Fenchel–Young loss of the Euclidean projection onto any choice's polytope (the SparseMAP loss).

    Formula: ½‖y − s‖² − ½‖p − s‖², p = choice.project(s); the gradient is p − y.

    Args:
        scores: (*batch, *event).
        target: a vertex or another point of the polytope, the same shape.
        choice: with `project`.

    Raises:
        TypeError, ValueError: shapes that differ; a choice without `project`.

    Wrong when: scores are masked by −inf: the squares are then infinite.

    Source: Niculae, Martins, Blondel & Cardie 2018, "SparseMAP"; Blondel, Martins & Niculae 2020.

    >>> import torch
    >>> from argrad import losses
    >>> losses.projection_loss(torch.tensor([0.0, 0.0]), torch.tensor([0.0, 1.0]))
    tensor(0.2500)
    """
    require(choice.has("project"), "choice", "projection_loss", "a choice with `project`", choice.name, error=TypeError)
    s, y = _vertex_pair(scores, target, "projection_loss")
    p = full_precision(choice.project(s))
    terms = (y - s).square() - (p - s).square()
    return _squeeze(choice, choice.sums(terms)) / 2


def perturbed_loss(
    scores: Tensor,
    target: Tensor,
    choice: Choice = one_hot,
    *,
    sigma: float = 1.0,
    samples: int = 10,
    noise: Noise | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Give the Fenchel–Young loss of a perturbed maximiser: learns from examples through any solver's `hard`.

    Formula: E[max_y ⟨y, s + σZ⟩] − ⟨s, y⟩, up to a constant; the gradient is E[y*(s + σZ)] − y.

    Args:
        scores: (*batch, *event).
        target: the vertex that should have been chosen, the same shape.
        choice: with `hard`.
        sigma: width of the noise, in the scores' units.
        samples: draws, the expectation is their mean.
        noise: its law; None is `Normal()`.
        generator: for the noise.

    Raises:
        TypeError, ValueError: shapes that differ; sigma or samples out of range.

    Wrong when: its value is read as a distance: it is known up to a constant, and may be below 0.

    Source: Berthet et al. 2020 (learning with perturbed optimisers); Blondel, Martins & Niculae 2020.

    >>> import torch
    >>> from argrad import losses
    >>> scores = torch.zeros(3, requires_grad=True)
    >>> losses.perturbed_loss(scores, torch.tensor([0.0, 1.0, 0.0]), samples=1000).backward()
    >>> (scores.grad - torch.tensor([1 / 3, -2 / 3, 1 / 3])).abs().max() < 0.1
    tensor(True)
    """
    require_positive(sigma, "sigma", "perturbed_loss")
    require_count(samples, "samples", "perturbed_loss")
    s, y = _vertex_pair(scores, target, "perturbed_loss")
    drawn = (noise or Normal())(s.detach().expand(samples, *s.shape), generator)
    noisy = s + sigma * drawn
    best = choice.hard(noisy.detach())
    highest = choice.sums(torch.where(best != 0, best * noisy, 0)).mean(0)
    return _squeeze(choice, highest - choice.sums(torch.where(y != 0, y * s, 0)))


def expected_zero_one(scores: Float[Tensor, "*batch n"], target: Tensor) -> Float[Tensor, "*batch"]:
    """Give the expected 0–1 loss of a draw from softmax(scores), exactly: one less the accuracy, made differentiable.

    Formula: 1 − ⟨softmax(s), y⟩.

    Args:
        scores: logits, options last.
        target: (*batch,) class indices, or (*batch, n) probabilities.

    Raises:
        TypeError, ValueError: scores or target of the wrong type or shape; a class that is none (read on the CPU).

    Wrong when: training starts far off: its gradient vanishes where the model is surely wrong, unlike cross-entropy's.

    Source: the definition; as a training loss, Och 2003 (smoothed error rate); as a rule to decode by, Goodman 1996.

    >>> import torch
    >>> from argrad import losses
    >>> losses.expected_zero_one(torch.tensor([[0.0, 0.0]]), torch.tensor([1]))
    tensor([0.5000])
    """
    s, y = _pair(scores, target, "expected_zero_one")
    return 1 - (torch.softmax(s, -1) * y).sum(-1)


def _pair(scores: Tensor, target: Tensor, of: str) -> tuple[Tensor, Tensor]:
    """Scores in full precision, and the target as points of the simplex."""
    require_scores(scores, of)
    s = full_precision(scores)
    require(isinstance(target, Tensor), "target", of, "a tensor", target, error=TypeError)
    if target.is_floating_point():
        require(target.shape == s.shape, "target", of, f"of the scores' shape {tuple(s.shape)}", target)
        return s, target.to(s.dtype)
    require(
        target.dtype == torch.long and target.shape == s.shape[:-1],
        "target",
        of,
        f"int64 class indices of shape {tuple(s.shape[:-1])}, or probabilities of shape {tuple(s.shape)}",
        target,
    )
    if reads_values(target) and target.numel():
        low, high, n = int(target.min()), int(target.max()), s.shape[-1]
        require(low >= 0 and high < n, "target", of, f"class indices in [0, {n - 1}]", low if low < 0 else high)
    return s, torch.zeros_like(s).scatter(-1, target.unsqueeze(-1), 1)


def _vertex_pair(scores: Tensor, target: Tensor, of: str) -> tuple[Tensor, Tensor]:
    require_scores(scores, of, None)
    require(isinstance(target, Tensor), "target", of, "a tensor", target, error=TypeError)
    require(target.shape == scores.shape, "target", of, f"of the scores' shape {tuple(scores.shape)}", target)
    s = full_precision(scores)
    return s, target.to(s.dtype)


def _inner(s: Tensor, y: Tensor) -> Tensor:
    """⟨s, y⟩ in which a masked score with weight 0 counts 0."""
    return (s.masked_fill((s == -torch.inf) & (y == 0), 0) * y).sum(-1)


def _tsallis(p: Tensor, alpha: float) -> Tensor:
    positive = p > 0
    power = torch.where(positive, p, torch.ones_like(p)).pow(alpha).masked_fill(~positive, 0)
    return (power - p).sum(-1) / (alpha * (alpha - 1))


def _squeeze(choice: Choice, terms: Tensor) -> Tensor:
    return terms.flatten(terms.ndim - choice.event_dims).squeeze(-1) if choice.event_dims else terms
