"""Each number by itself: corners of a cube, levels of a grid."""

import pytest
import torch
from scipy import stats

from argrad.choices import cube, grid

LEVELS = torch.tensor([-1.5, -0.1, 0.0, 0.3, 2.0], dtype=torch.float64)
BOXES = [(0.0, 1.0), (-1.0, 1.0), (0.1, 0.7), (-3.0, -0.5)]
every_box = pytest.mark.parametrize(("low", "high"), BOXES)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def probability_of_high(s, low, high):
    """The Gibbs law of two points: exp(high·s)/(exp(low·s) + exp(high·s))."""
    return (high * s).exp() / ((low * s).exp() + (high * s).exp())


@every_box
def test_hard_maximises_the_product(low, high):
    s = torch.randn(200, dtype=torch.float64, generator=seeded())
    best = torch.stack([low * s, high * s]).argmax(0)
    assert torch.equal(cube(low, high).hard(s), torch.tensor([low, high], dtype=torch.float64)[best])
    assert cube(low, high).hard(torch.zeros(2)).unique().tolist() == pytest.approx([low])


@every_box
def test_the_law_its_mean_and_its_covariance(low, high):
    choice = cube(low, high)
    s = torch.randn(50, dtype=torch.float64, generator=seeded(), requires_grad=True)
    p = probability_of_high(s, low, high)
    torch.testing.assert_close(choice.soft(s), low + (high - low) * p)
    vertices = choice.enumerate(s.detach())
    torch.testing.assert_close(choice.log_prob(s, vertices).exp(), torch.stack([1 - p, p]))
    (slope,) = torch.autograd.grad(choice.soft(s).sum(), s)
    torch.testing.assert_close(choice.covariance(choice.soft(s), torch.ones_like(s)), slope)


@every_box
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_draws_are_exact_corners_at_their_rate(low, high, dtype):
    s = torch.tensor([-2.0, 0.0, 0.7], dtype=dtype)
    y = cube(low, high).sample(s, 100_000, seeded())
    assert set(y.unique().tolist()) == {torch.tensor(v, dtype=dtype).item() for v in (low, high)}
    p = probability_of_high(s.double(), low, high)
    rate = (y == torch.tensor(high, dtype=dtype)).double().mean(0)
    assert ((rate - p) / (p * (1 - p) / 100_000).sqrt()).abs().max() < 4


def test_rare_corners_come_at_their_rate():
    y = cube().sample(torch.full((1_000_000,), -11.5, dtype=torch.float16), 1, seeded())
    expected = 1_000_000 * torch.sigmoid(torch.tensor(-11.5)).item()  # ten in a million
    assert abs(y.double().sum().item() - expected) < 4 * expected**0.5


@every_box
def test_noise_given_its_side_is_noise(low, high):
    """Over both sides, the noisy score is the score plus a logistic of width 1/(high − low)."""
    choice = cube(low, high)
    for score in (0.4, -1.3):
        s = torch.full((40_000,), score, dtype=torch.float64)
        y = choice.sample(s, 1, seeded())[0]
        noisy = choice.conditional(s, y, seeded(1))
        assert torch.equal(choice.hard(noisy), y)
        law = stats.logistic(loc=score, scale=1 / (high - low))
        assert stats.kstest(noisy.numpy(), law.cdf).pvalue > 1e-3


@every_box
def test_lift_makes_the_corner_win_by_the_gap(low, high):
    s = torch.randn(60, generator=seeded())
    y = cube(low, high).sample(s, 1, seeded())[0]
    lifted = cube(low, high).lift(s, y, 0.8)
    margin = lifted * y - lifted * (low + high - y)
    assert (margin >= 0.8 - 1e-5).all()
    won = s * y - s * (low + high - y) >= 0.8
    assert torch.equal(lifted[won], s[won])


@every_box
def test_the_projection_is_the_nearest_point(low, high):
    x = torch.tensor([-9.0, low, (low + high) / 2, high, 9.0])
    assert cube(low, high).project(x).tolist() == pytest.approx([low, low, (low + high) / 2, high, high])


def test_integers_round_half_to_even_as_torch_does():
    x = torch.tensor([0.5, 1.5, -0.5, 2.4, -2.6])
    assert torch.equal(grid().hard(x), torch.round(x))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_the_nearest_level_by_exhaustion(dtype):
    x = (1.5 * torch.randn(500, generator=seeded(), dtype=torch.float64)).to(dtype)
    distance = (x.double().unsqueeze(-1) - LEVELS).abs()
    clear = distance.topk(2, largest=False).values.diff().squeeze(-1) > 1e-3
    nearest = LEVELS[distance.argmin(-1)].to(dtype)
    assert torch.equal(grid(LEVELS).hard(x)[clear], nearest[clear])


def test_large_levels_in_half_precision():
    """50000 + 60000 is beyond float16; the middle of the two is not."""
    levels = torch.tensor([-60000.0, 0.0, 50000.0, 60000.0])
    x = torch.tensor([52000.0, 59000.0, -29000.0], dtype=torch.float16)
    assert grid(levels).hard(x).tolist() == [49984.0, 60000.0, 0.0]


@pytest.mark.parametrize("levels", [None, LEVELS], ids=["integers", "levels"])
def test_stochastic_rounding_has_the_number_as_its_mean(levels):
    choice = grid(levels)
    x = torch.tensor([-0.7, -0.1, 0.0, 0.02, 1.0, 1.9], dtype=torch.float64)
    y = choice.sample(x, 100_000, seeded())
    spread = y.std(0) / 100_000**0.5
    assert ((y.mean(0) - x).abs() <= 4 * spread + 1e-12).all()
    assert (y.std(0)[[2, 4] if levels is None else [1, 2]] < 1e-12).all()  # a number on a level stays there
    torch.testing.assert_close(choice.soft(x), x)


def test_the_law_of_levels():
    x = torch.tensor([-9.0, -1.0, 0.15, 0.3, 5.0], dtype=torch.float64)
    choice = grid(LEVELS)
    p = choice.log_prob(x, choice.enumerate(x)).exp()
    torch.testing.assert_close(p.sum(0), torch.ones_like(x))
    torch.testing.assert_close((p * choice.enumerate(x)).sum(0), x.clamp(-1.5, 2.0))
    assert ((p > 1e-12).sum(0) <= 2).all()


def test_the_exact_gradient_over_levels_is_the_slope_between_neighbours():
    """E[f] interpolates f linearly between levels; on a level it is the slope above, beyond the ends it is 0."""
    x = torch.tensor([-9.0, -1.0, 0.15, 0.3, 5.0], dtype=torch.float64, requires_grad=True)
    choice = grid(LEVELS)
    p = choice.log_prob(x, choice.enumerate(x.detach())).exp()
    (gradient,) = torch.autograd.grad((p * choice.enumerate(x.detach()).square()).sum(), x)
    slope = (LEVELS.square().diff() / LEVELS.diff()).tolist()
    assert gradient.tolist() == pytest.approx([0.0, slope[0], slope[2], slope[3], 0.0])


def test_the_law_of_integers():
    x = torch.tensor([0.3, 2.0], dtype=torch.float64)
    p = torch.stack([grid().log_prob(x, torch.full_like(x, v)).exp() for v in range(-1, 4)], -1)
    torch.testing.assert_close(p, torch.tensor([[0, 0.7, 0.3, 0, 0], [0, 0, 0, 1, 0]], dtype=torch.float64))


def test_unfit_bounds_and_levels_are_refused():
    with pytest.raises(ValueError, match=r"The 'high' parameter of cube must be above low=1\. Got 1\."):
        cube(1, 1)
    for levels in (torch.tensor([1.0, 1.0]), torch.tensor([[0.0, 1.0]]), torch.tensor([1.0])):
        with pytest.raises(
            ValueError, match="The 'levels' parameter of grid must be a one-dimensional tensor of at least 2"
        ):
            grid(levels)
    with pytest.raises(TypeError, match=r"strictly ascending numbers\. Got \[0, 1\]\."):
        grid([0, 1])
