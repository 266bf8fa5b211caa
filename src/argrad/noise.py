"""Which draw: independent noise to add to scores. The argmax of noisy scores is a sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from argrad._checks import require_count
from argrad._ops import drawn_from, uniform
from argrad.core import Noise

if TYPE_CHECKING:
    from torch import Tensor


def _precise(like: Tensor) -> torch.dtype:
    return torch.promote_types(like.dtype, torch.float32)


def _exponential(like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Draw unit exponentials, never 0 and fine near it: that is where the large Gumbels come from."""
    dtype = _precise(like)
    # 53 bits, whatever the dtype: float32 keeps the digits of a small number, but a uniform float32 does not make them
    level = uniform(like.shape, like, generator)
    least = torch.finfo(level.dtype).eps / 4  # half a step, where 0 stands for what is below a step
    level, eps = level.to(dtype), torch.finfo(dtype).eps
    return level.clamp_min_(least).clamp_max_(1 - eps).neg_().log1p_().neg_()  # vmap has no rule for `clamp_`


@dataclass(frozen=True)
class Gumbel(Noise):
    """Standard Gumbel noise: argmax(s + G) is a draw from softmax(s).

    Formula: density exp(−z − exp(−z)); G = −log E with E a unit exponential.

    Source: Gumbel 1954; Maddison, Tarlow & Minka 2014 for the argmax.

    >>> import torch
    >>> from argrad.noise import Gumbel
    >>> noise = Gumbel()(torch.zeros(100_000), torch.Generator().manual_seed(0))
    >>> abs(noise.mean().item() - 0.5772) < 0.02
    True
    """

    def __call__(self, like: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw it, in float32 at least: half precision has too few bits for the tail."""
        return _exponential(like, generator).log_().neg_()

    def slope(self, noise: Tensor) -> Tensor:
        """ν'(z) = 1 − exp(−z)."""
        return 1 - (-noise).exp()


@dataclass(frozen=True)
class Normal(Noise):
    """Standard normal noise, density exp(−z²/2)/√(2π).

    Source: Berthet et al. 2020 (perturbed optimisers).

    >>> import torch
    >>> from argrad.noise import Normal
    >>> Normal()(torch.zeros(2, 3)).shape
    torch.Size([2, 3])
    """

    def __call__(self, like: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw it, in float32 at least."""
        return torch.randn(like.shape, dtype=_precise(like), device=like.device, **drawn_from(generator))

    def slope(self, noise: Tensor) -> Tensor:
        """ν'(z) = z."""
        return noise


@dataclass(frozen=True)
class Logistic(Noise):
    """Standard logistic noise, the difference of two Gumbels: (s + L > 0) is a draw from Bernoulli(σ(s)).

    Formula: density σ(z)σ(−z); L = log u − log(1 − u).

    Source: Maddison, Mnih & Teh 2017 (the binary case).

    >>> import torch
    >>> from argrad.noise import Logistic
    >>> Logistic()(torch.zeros(4)).shape
    torch.Size([4])
    """

    def __call__(self, like: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw it, in float32 at least."""
        return _exponential(like, generator).log_() - _exponential(like, generator).log_()

    def slope(self, noise: Tensor) -> Tensor:
        """ν'(z) = tanh(z/2)."""
        return (noise / 2).tanh()


@dataclass(frozen=True)
class SumOfGamma(Noise):
    """Noise whose sum over k chosen scores tends to a Gumbel as terms grow: for the k-subset, following I-MLE.

    Formula: (1/k) (Σ_{i=1}^{terms} Gamma(1/k, scale k/i) − log terms).

    Source: Niepert, Minervini & Franceschi 2021, section 3.2, equation 13 and theorem 1.

    >>> import torch
    >>> from argrad.noise import SumOfGamma
    >>> SumOfGamma(k=3)(torch.zeros(4)).shape
    torch.Size([4])
    """

    k: int
    terms: int = 10

    def __post_init__(self) -> None:
        require_count(self.k, "k", "SumOfGamma")
        require_count(self.terms, "terms", "SumOfGamma")

    def __call__(self, like: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw it, in float32 at least."""
        dtype = _precise(like)
        shape = torch.full((self.terms, *like.shape), 1 / self.k, dtype=dtype, device=like.device)
        gamma = torch._standard_gamma(shape, **drawn_from(generator))  # noqa: SLF001 (the public one takes no generator)
        scale = self.k / torch.arange(1, self.terms + 1, dtype=dtype, device=like.device)
        total = (gamma * scale.view(-1, *[1] * like.ndim)).sum(0)
        return (total - torch.tensor(float(self.terms), dtype=dtype).log()) / self.k

    def slope(self, noise: Tensor) -> Tensor:  # noqa: ARG002
        """Refuse: this density has no closed form."""
        msg = "SumOfGamma has no density in closed form, which this estimator needs: use Normal or Gumbel."
        raise TypeError(msg)
