"""One out of n: the law, its samples in every precision, and what estimators ask of it."""

import pytest
import torch
from scipy import stats

from argrad.choices import one_hot
from argrad.choices.one_hot import draw_index, one_hot_index

HALVES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_best_option_and_ties_to_the_lowest_index():
    s = torch.tensor([[0.0, 2.0, 2.0], [-torch.inf, -5.0, -torch.inf]])
    assert one_hot.hard(s).tolist() == [[0, 1, 0], [0, 1, 0]]
    assert one_hot_index.hard(s).tolist() == [1, 1]
    assert torch.equal(one_hot_index.decode(one_hot_index.hard(s), s), one_hot.hard(s))


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_frequencies_down_to_one_in_a_million(dtype):
    """Two common options, one of 1e-3, and fifty of 1e-6 each, in whatever precision the logits come."""
    p = torch.cat([torch.tensor([0.6, 0.39895, 1e-3], dtype=torch.float64), torch.full((50,), 1e-6)])
    scores = p.log().to(dtype)
    law = torch.softmax(scores.double(), 0)
    n = 4_000_000
    counts = draw_index(scores, n, seeded(1)).bincount(minlength=53).double()
    pooled = torch.stack([*counts[:3], counts[3:].sum()]), torch.stack([*law[:3], law[3:].sum()]) * n
    assert pooled[1][3] > 100
    assert stats.chisquare(*pooled).pvalue > 1e-3
    rare = stats.chisquare(counts[3:], (law[3:] / law[3:].sum()).numpy() * counts[3:].sum().item())
    assert rare.pvalue > 1e-3


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_many_uniform_options_are_drawn_alike(dtype):
    """16384 of them, where noise in half precision puts all draws into the first half."""
    index = draw_index(torch.zeros(16384, dtype=dtype), 400_000, seeded())
    counts = (index // 1024).bincount(minlength=16)
    assert stats.chisquare(counts).pvalue > 1e-3


def test_draws_of_a_batch_are_independent_and_follow_each_row():
    s = torch.randn(3, 2, 4, generator=seeded())
    y = one_hot.sample(s, 50_000, seeded(1))
    assert y.shape == (50_000, 3, 2, 4)
    p = torch.softmax(s, -1)
    z = (y.mean(0) - p) / (p * (1 - p) / 50_000).sqrt()
    assert z.abs().max() < 4
    joint = (y[:, 0, 0].argmax(-1) * 4 + y[:, 2, 1].argmax(-1)).bincount(minlength=16)
    expected = torch.outer(p[0, 0].double(), p[2, 1].double()).flatten() * 50_000
    assert stats.chisquare(joint, expected * 50_000 / expected.sum()).pvalue > 1e-3


def test_a_masked_option_is_never_drawn():
    s = torch.tensor([-torch.inf, 0.0, -torch.inf, -30.0, -torch.inf])
    assert set(draw_index(s, 1_000_000, seeded()).tolist()) <= {1, 3}
    assert (draw_index(torch.tensor([-torch.inf, 5.0, -torch.inf]), 10_000, seeded()) == 1).all()


def test_log_prob_is_the_log_softmax_at_the_vertex():
    s = torch.randn(5, 4, dtype=torch.float64, generator=seeded())
    y = one_hot.enumerate(s)
    torch.testing.assert_close(one_hot.log_prob(s, y).T, torch.log_softmax(s, -1))
    masked = s.masked_fill(torch.tensor([False, True, False, False]), -torch.inf).requires_grad_()
    log_p = one_hot.log_prob(masked, one_hot.hard(masked.detach()))
    assert torch.autograd.grad(log_p.sum(), masked)[0].isfinite().all()


def test_enumerate_gives_each_vertex_once():
    y = one_hot.enumerate(torch.zeros(2, 3, dtype=torch.float16))
    assert y.dtype == torch.float16
    assert torch.equal(y[:, 1, :], torch.eye(3, dtype=torch.float16))


def test_the_covariance_is_the_jacobian_of_the_mean():
    s = torch.randn(5, dtype=torch.float64, generator=seeded())
    v = torch.randn(5, dtype=torch.float64, generator=seeded(1))
    jacobian = torch.autograd.functional.jacobian(one_hot.soft, s)
    torch.testing.assert_close(one_hot.covariance(one_hot.soft(s), v), jacobian @ v)


def test_noise_given_its_winner_is_noise():
    """Drawn after the winner, over all winners, each noisy score is a Gumbel at its own log-probability."""
    s = torch.tensor([0.5, -0.3, 1.5, -3.0], dtype=torch.float64)
    n = 40_000
    many = s.expand(n, 4)
    y = one_hot.sample(many, 1, seeded())[0]
    noisy = one_hot.conditional(many, y, seeded(1))
    assert torch.equal(one_hot.hard(noisy), y)
    for i, log_p in enumerate(torch.log_softmax(s, 0).tolist()):
        assert stats.kstest(noisy[:, i].numpy(), stats.gumbel_r(loc=log_p).cdf).pvalue > 1e-3
    assert stats.kstest(noisy.amax(-1).numpy(), stats.gumbel_r.cdf).pvalue > 1e-3  # the maximum, whoever won
    assert abs(stats.spearmanr(noisy.amax(-1), y.argmax(-1)).pvalue) > 1e-3  # is independent of the winner


def test_noise_given_a_winner_keeps_masks_and_is_finite_elsewhere():
    s = torch.tensor([-torch.inf, 0.0, -200.0], dtype=torch.float32).expand(100_000, 3)
    noisy = one_hot.conditional(s, one_hot.hard(s), seeded())
    assert (noisy[:, 0] == -torch.inf).all()
    assert noisy[:, 1:].isfinite().all()


def test_lift_makes_the_vertex_win_by_the_gap():
    s = torch.randn(40, 5, generator=seeded())
    y = one_hot.sample(s, 1, seeded())[0]
    lifted = one_hot.lift(s, y, 1.5)
    others = lifted.masked_fill(y != 0, -torch.inf).amax(-1)
    assert ((lifted * y).sum(-1) - others >= 1.5 - 1e-6).all()
    assert torch.equal((lifted * y).sum(-1), s.amax(-1))
    unmoved = (y == 0) & (s <= s.amax(-1, keepdim=True) - 1.5)
    assert torch.equal(lifted[unmoved], s[unmoved])


def test_a_row_without_options_is_refused_by_soft_choices_too():
    with pytest.raises(ValueError, match=r"no option left .* in row \(1,\)"):
        one_hot.soft(torch.tensor([[0.0, 1.0], [-torch.inf, -torch.inf]]))
    with pytest.raises(ValueError, match="Got NaN"):
        one_hot.hard(torch.tensor([0.0, torch.nan]))
    with pytest.raises(ValueError, match="an infinite score"):
        one_hot.sample(torch.tensor([0.0, torch.inf]), 1, None)
