"""Noise: moments, distributions, Gumbel-max frequencies in every precision, no infinities."""

import math

import pytest
import torch
from scipy import stats

from argrad.noise import Gumbel, Logistic, Normal, SumOfGamma

N = 1_000_000
LAWS = {
    "Gumbel": (Gumbel(), stats.gumbel_r),
    "Logistic": (Logistic(), stats.logistic),
    "Normal": (Normal(), stats.norm),
}
every_law = pytest.mark.parametrize(("noise", "law"), LAWS.values(), ids=LAWS)
DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@every_law
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_distribution_and_moments(noise, law, dtype):
    z = noise(torch.zeros(N, dtype=dtype), seeded()).double()
    assert z.isfinite().all()
    mean, variance = law.stats()
    assert abs(z.mean() - mean) < 4 * math.sqrt(variance / N)
    assert z.var().item() == pytest.approx(variance, rel=0.01)
    assert stats.kstest(z[:100_000].numpy(), law.cdf).pvalue > 1e-3


@every_law
def test_noise_is_at_least_single_precision(noise, law):  # noqa: ARG001
    for dtype, expected in zip(DTYPES, [torch.float64] + 3 * [torch.float32], strict=True):
        assert noise(torch.zeros(2, 3, dtype=dtype)).dtype == expected


@every_law
def test_slope_is_minus_the_derivative_of_the_log_density(noise, law):
    z = torch.linspace(-2, 4, 25, dtype=torch.float64)
    h = 1e-5
    by_hand = -(law.logpdf(z.numpy() + h) - law.logpdf(z.numpy() - h)) / (2 * h)
    torch.testing.assert_close(noise.slope(z), torch.from_numpy(by_hand), atol=1e-8, rtol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_gumbel_max_frequencies_down_to_one_in_a_hundred_thousand(dtype):
    """argmax(s + G) is a draw from softmax(s), with thirty rare options, counted one by one and together."""
    p = torch.cat([torch.tensor([0.7, 0.2987, 1e-3], dtype=torch.float64), torch.full((30,), 1e-5)])
    s = p.log().to(dtype)
    law = torch.softmax(s.double(), 0).numpy()
    generator = seeded(4)
    counts = torch.zeros(33, dtype=torch.long)
    for _ in range(4):
        noisy = s.float().expand(100_000, 33) + Gumbel()(s.expand(100_000, 33), generator)
        counts += noisy.argmax(-1).bincount(minlength=33)
    expected = law * 400_000
    pooled = [*counts[:3].tolist(), counts[3:].sum().item()], [*expected[:3], expected[3:].sum()]
    assert stats.chisquare(*pooled).pvalue > 1e-3
    assert (
        stats.chisquare(counts[3:].numpy(), expected[3:] / expected[3:].sum() * counts[3:].sum().item()).pvalue > 1e-3
    )


def test_the_upper_tail_of_a_gumbel_reaches_one_in_a_million_and_beyond():
    """An option of 1e-6 wins when its own exponential is of order 1e-6: there the noise must be fine, not granular."""
    z = Gumbel()(torch.zeros(20_000_000), seeded(2))
    for probability in (1e-5, 1e-6):
        level = -math.log(-math.log1p(-probability))
        expected = probability * len(z)
        assert abs((z > level).sum().item() - expected) < 4 * math.sqrt(expected)
    assert z.isfinite().all()
    top = z.topk(100).values
    assert len(top.unique()) > 95


def test_many_uniform_options_win_alike_in_bf16():
    s = torch.zeros(20_000, 512, dtype=torch.bfloat16)
    winner = Gumbel()(s, seeded()).argmax(-1)
    assert stats.chisquare((winner // 32).bincount(minlength=16)).pvalue > 1e-3


@pytest.mark.parametrize(("k", "terms"), [(1, 10), (3, 10), (5, 50)])
def test_k_sums_of_gammas_add_up_to_a_truncated_gumbel(k, terms):
    """The sum of k of them is Σ_{i ≤ terms} Exp(1)/i − log terms: mean H − log terms, variance Σ 1/i²."""
    z = SumOfGamma(k, terms)(torch.zeros(50_000, k, dtype=torch.float64), seeded()).sum(-1)
    mean = sum(1 / i for i in range(1, terms + 1)) - math.log(terms)
    variance = sum(1 / i**2 for i in range(1, terms + 1))
    assert abs(z.mean() - mean) < 4 * math.sqrt(variance / len(z))
    assert z.var().item() == pytest.approx(variance, rel=0.05)
    if terms >= 50:
        assert stats.kstest(z[:5000].numpy(), stats.gumbel_r.cdf).pvalue > 1e-3


def test_sums_of_gammas_have_no_slope_and_need_a_k():
    with pytest.raises(TypeError, match="no density in closed form"):
        SumOfGamma(2).slope(torch.zeros(2))
    with pytest.raises(ValueError, match=r"The 'k' parameter of SumOfGamma must be an int in \[1, inf\)\. Got 0\."):
        SumOfGamma(0)


@pytest.mark.parametrize("noise", [Gumbel(), Logistic(), Normal(), SumOfGamma(2)], ids=repr)
def test_the_generator_alone_decides(noise):
    before = torch.get_rng_state()
    one, same, other = (noise(torch.zeros(50), seeded(i)) for i in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), before)
    assert noise(torch.zeros(0, 3)).shape == (0, 3)
    assert noise(torch.zeros(2, 3, device="meta")).is_meta
