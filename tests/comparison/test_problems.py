"""The built-in problems: what they say of the data and of the model is so."""

from importlib import import_module
from itertools import pairwise, permutations, product

import pytest
import torch
from scipy.stats import spearmanr

from argrad import choices, structure
from argrad.choices import chain
from argrad.comparison import Outcome
from argrad.comparison.measure import Question
from argrad.comparison.problems import features, keypoint, path, polynomial, rank, select, tags, vae
from argrad.comparison.problems._digits import digits
from argrad.comparison.problems.descent import descend
from argrad.comparison.problems.features import K, columns, network, surprise
from argrad.comparison.problems.keypoint import distance, scene, within_window
from argrad.comparison.problems.path import dijkstra_ways, neighbours, not_shared, quality, unseen_maps
from argrad.comparison.problems.rank import disorder, mean_ranks, patients, ranks
from argrad.comparison.problems.select import NUMBERS, Selector, accuracies
from argrad.comparison.problems.tags import COMMENT, STRING, Tagger, right, tagged, tagged_lines, wrong
from argrad.comparison.problems.vae import Autoencoder, bounds, divergence
from argrad.estimators import Enumerate, MarginalLikelihood, ReinMax, Relaxed

ALL = [features, keypoint, path, polynomial, rank, select, tags, vae]


@pytest.mark.parametrize("make", ALL)
def test_every_estimator_of_a_problem_trains(make):
    problem = make(steps=2)
    for name, estimator in problem.estimators.items():
        *_, last = problem.train(estimator, 0)
        assert last.progress == 1, name
        ends = [end for end in (last.hard, last.soft) if end is not None]
        assert torch.isfinite(torch.tensor(ends)).all(), name


@pytest.mark.parametrize("make", ALL)
def test_a_training_is_repeatable(make):
    problem = make(steps=3)
    *_, random = problem.estimators.values()
    assert list(problem.train(random, 1)) == list(problem.train(random, 1))


def test_descent_is_looked_at_every_so_often_and_at_the_end():
    x = torch.ones(1, requires_grad=True)
    seen = []

    def loss(progress):
        seen.append(progress)
        return x.square().sum()

    outcomes = list(descend(loss, torch.optim.SGD([x], lr=0.25), 5, lambda: Outcome(x.item()), 2))
    assert seen == [0.2, 0.4, 0.6, 0.8, 1.0]
    assert outcomes == [Outcome(0.25, None, 0.4), Outcome(0.0625, None, 0.8), Outcome(0.03125, None, 1.0)]


def test_the_two_parts_of_the_digits_are_all_of_them():
    train, test = digits()
    assert (len(train.classes), len(test.classes)) == (1257, 540)
    assert set(test.classes.tolist()) == set(range(10))
    assert train.images.min() == 0
    assert train.images.max() == 1


def test_select_counts_a_digit_as_read_when_the_answer_is_nearest_to_its_number():
    _, test = digits()
    numbers = torch.tensor(NUMBERS)
    model = Selector(0)

    class Oracle(torch.nn.Module):
        def forward(self, _images):
            return 50 * torch.nn.functional.one_hot(test.classes, 10).float()

    model.scores = Oracle()
    model.values.data = numbers + 0.4
    assert accuracies(model, test, numbers) == (100, 100)
    model.values.data = numbers + 0.6
    assert accuracies(model, test, numbers)[0] < 20  # only the largest number, which has none above it


def test_select_learns_to_read_digits_through_the_argmax():
    *_, last = select(steps=150).train(MarginalLikelihood(temperature=0.3), 0)
    assert last.hard > 85


def test_keypoint_moves_the_picture_with_the_place(monkeypatch):
    monkeypatch.setattr(import_module("argrad.comparison.problems.keypoint"), "NOISE", 0.0)
    train, _ = digits()
    image = train.images[:1].expand(200, 64)
    canvas, where = scene(image, torch.Generator().manual_seed(0))
    cell = torch.arange(24.0)
    mass = canvas.sum((1, 2))
    centre = torch.stack([(canvas.sum(2) @ cell) / mass, (canvas.sum(1) @ cell) / mass], 1)
    offset = centre - where
    assert offset.std(0).max() < 0.01  # the digit's own centre of mass, the same everywhere
    assert offset.mean(0).abs().max() < 1.5


def test_keypoint_cost_is_the_distance_in_pixels():
    y = torch.zeros(1, 1, 576)
    y[..., 5 * 24 + 7] = 1
    assert distance(torch.tensor([[2.0, 3.0]]), y).item() == pytest.approx(5.0, abs=1e-3)


def test_the_window_is_a_square_about_the_best_cell():
    heat = torch.zeros(24, 24)
    heat[10, 12] = 1
    inside = within_window(heat.flatten()).view(24, 24) > 0
    assert inside[7:14, 9:16].all()
    assert inside.sum() == 49


def test_vae_bound_equals_a_loop_over_all_codes():
    model, images = Autoencoder(0), (torch.rand(3, 64) > 0.5).float()
    with torch.no_grad():
        log_q = model.scores(images).log_softmax(-1)
        bound = divergence(model.scores(images))
        for code in product(range(6), repeat=3):
            y = torch.nn.functional.one_hot(torch.tensor(code), 6).float().expand(1, 3, 3, 6)
            chance = sum(log_q[:, i, c] for i, c in enumerate(code)).exp()
            pixels = torch.distributions.Bernoulli(logits=model.decoder(y.flatten(-2)))
            bound = bound - chance * pixels.log_prob(images).sum(-1)[0]
    assert bounds(model, images)[0] == pytest.approx(bound.mean().item(), rel=1e-5)


@pytest.mark.parametrize("power", [1.5, 2.0, 3.0])
def test_polynomial_starts_half_way_and_the_exact_gradient_ends_at_the_best(power):
    problem = polynomial(steps=1, power=power)
    *_, last = problem.train(ReinMax(), 0)
    assert last.hard == pytest.approx((0.45**power + 0.55**power) / 2, rel=1e-3)
    assert last.soft == pytest.approx(0.05**power, rel=0.2)


def test_polynomial_cost_prefers_zero():
    problem = polynomial(steps=1)
    zeros, ones = torch.tensor([0.0, 1.0]).expand(1, 1, 128, 2), torch.tensor([1.0, 0.0]).expand(1, 1, 128, 2)
    assert problem.cost(zeros).item() == pytest.approx(0.2025)
    assert problem.cost(ones).item() == pytest.approx(0.3025)
    with pytest.raises(ValueError, match="enumerate"):
        list(problem.train(Enumerate(), 0))  # 2^128 states


def test_features_are_standardised_and_end_in_noise():
    x, y, x_test, y_test = columns(3)
    every = torch.cat([x, x_test])
    assert (len(x), len(x_test)) == (1198, 599)
    assert every.mean(0).abs().max() < 1e-5
    assert (every.std(0) - 1).abs().max() < 1e-5
    classes = torch.cat([y, y_test])
    means = torch.stack([every[classes == c].mean(0) for c in range(10)])
    assert means[:, 40:].abs().max() < 0.3  # a column of noise tells no class: about 1/√180
    assert (means[:, :40].abs().max(0).values > 0.3).all()


def test_features_are_seen_through_the_mask_alone():
    x, y, *_ = columns(0)
    net, chosen = network(50, 0), torch.zeros(2, 3, 50)
    chosen[0, :, :K], chosen[1, :, -K:] = 1, 1
    costs = surprise(net, x[:3], y[:3], chosen)
    changed = x[:3].clone()
    changed[:, K:] = 9.0
    log_p = net(torch.cat([x[:3, :K], torch.zeros(3, 45)], 1)).log_softmax(-1)
    assert torch.allclose(costs[0], -log_p[torch.arange(3), y[:3]])
    assert torch.equal(surprise(net, changed, y[:3], chosen)[0], costs[0])


def test_disorder_is_one_minus_spearmans_correlation():
    _, y, _, _ = patients(0)
    other = torch.randn(300, generator=torch.Generator().manual_seed(0))
    assert disorder(y, ranks(y).unsqueeze(0)).item() == pytest.approx(0, abs=1e-6)
    assert disorder(y, ranks(-y).unsqueeze(0)).item() == pytest.approx(2, abs=0.01)  # but for equal values
    distinct = y + 1e-3 * torch.arange(300)  # equal ones get their mean rank from scipy, ours by index
    expected = 1 - spearmanr(distinct, other).statistic
    assert disorder(distinct, ranks(other).unsqueeze(0)).item() == pytest.approx(expected, abs=1e-6)


def test_mean_ranks_are_those_of_the_enumerated_law():
    scores = torch.randn(5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    every = choices.rank.enumerate(scores)
    assert torch.allclose(mean_ranks(scores), choices.rank.log_prob(scores, every).exp() @ every)


def test_a_cell_has_its_eight_neighbours():
    to, begin = neighbours(3)
    assert [to[a:b].tolist() for a, b in pairwise(begin)][:2] == [[1, 3, 4], [0, 2, 3, 4, 5]]
    assert [b - a for a, b in pairwise(begin)] == [3, 5, 3, 5, 8, 5, 3, 5, 3]


def test_no_simple_way_is_cheaper_than_dijkstras():
    prices = torch.rand(20, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    to, begin = neighbours(3)
    follows = [set(to[a:b].tolist()) for a, b in pairwise(begin)]
    ways = []
    for count in range(8):
        for middle in permutations(range(1, 8), count):
            cells = [0, *middle, 8]
            if all(b in follows[a] for a, b in pairwise(cells)):
                ways.append(torch.zeros(9, dtype=torch.float64).index_fill(0, torch.tensor(cells), 1))
    best = (torch.stack(ways) @ prices.flatten(1).T).min(0).values
    found = dijkstra_ways(-prices)
    assert torch.allclose((found * prices).sum((1, 2)), best)
    assert all(any(torch.equal(one.flatten(), way) for way in ways) for one in found)


def test_ways_of_equal_prices_are_diagonal_and_prices_below_zero_count_as_nothing():
    assert torch.equal(dijkstra_ways(-torch.ones(2, 5, 5)), torch.eye(5).expand(2, 5, 5))
    prices = torch.full((4, 4), 5.0)
    prices[0, :], prices[:, 3] = -1.0, 0.0
    around = torch.tensor([[1, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 1.0]])
    assert torch.equal(dijkstra_ways(-prices), around)


def test_cells_not_shared_are_the_symmetric_difference():
    way, other = torch.eye(3), torch.tensor([[1, 1, 0], [0, 0, 1], [0, 0, 1.0]])
    assert not_shared(way, torch.stack([way, other])).tolist() == [0, 3]


def test_true_prices_find_the_best_way_on_every_map():
    pictures, prices = unseen_maps(20)
    assert quality(lambda _: 3 * prices, pictures, prices) == (100, 1)
    share, ratio = quality(lambda _: torch.ones_like(prices), pictures, prices)
    assert share < 50
    assert ratio > 1.2


def test_wrong_tags_are_counted_up_to_the_end_of_the_line():
    lines, model = tagged(("textwrap",))[:6], Tagger(0)
    found = model(lines).best
    expected = [
        sum(int(a != b) for a, b in zip(row[:n], true[:n], strict=True))
        for row, true, n in zip(structure.tags(found), lines.tags, lines.lengths, strict=True)
    ]
    assert wrong(lines, found.unsqueeze(0))[0].tolist() == expected
    assert right(model, lines)[0] == pytest.approx(100 * (1 - sum(expected) / lines.lengths.sum().item()), rel=1e-5)


def test_the_marginals_give_the_true_gradient_of_a_cost_that_is_linear_in_the_path():
    scores = torch.randn(2, 3, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    weights = torch.randn(3, 3, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    question = Question(lambda y: (y * weights).sum((-3, -2, -1)), (scores,), chain)
    generator = torch.Generator()
    assert question.states() == 3**4
    assert torch.allclose(question.gradient(Relaxed(), generator), question.gradient(Enumerate(), generator))


def test_lines_are_tagged_as_the_tokenizer_says():
    pairs = tagged_lines("textwrap")
    assert len(pairs) > 100
    assert all(len(row) == len(tag) for row, tag in pairs)
    starts = [(tag[i], row[i]) for row, tag in pairs for i in range(len(row)) if i == 0 or tag[i - 1] != tag[i]]
    assert all(letter in "'\"rbfuRBFU" for tag, letter in starts if tag == STRING)
    assert all(letter == "#" for tag, letter in starts if tag == COMMENT)
