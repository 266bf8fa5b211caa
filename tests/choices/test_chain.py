"""Paths through a chain, against the enumeration of all C^T of them."""

import pytest
import torch
from torch.autograd import gradcheck

from argrad.choices import _chain_messages as recursions
from argrad.choices import chain
from argrad.choices.chain import edges, log_partition, nodes, tags
from choices import laws


@pytest.fixture(params=["steps", "halves"], autouse=True)
def _way(request, monkeypatch):
    """Every law holds for both ways to run the recursion."""
    monkeypatch.setattr(recursions, "_LARGEST_SUM", 0 if request.param == "steps" else 2**40)


def _scores(*shape, seed=0, masked=0.0):
    generator = torch.Generator().manual_seed(seed)
    scores = 2 * torch.randn(*shape, dtype=torch.float64, generator=generator)
    return scores.masked_fill(torch.rand(shape, generator=generator) < masked, -torch.inf)


SIZES = [(1, 3, 3), (2, 2, 3, 3), (2, 1, 3, 2, 2), (4, 3, 3), (5, 2, 2)]


@pytest.mark.parametrize("shape", SIZES)
def test_agrees_with_the_enumeration(shape):
    scores = _scores(*shape)
    laws.check_enumeration(chain, scores, shape[-1] ** (shape[-3] + 1))
    laws.check_law(chain, log_partition, scores)
    laws.check_best(chain, scores)
    laws.check_lift(chain, scores)
    laws.check_projection(chain, scores)


def test_masks_are_never_used_and_leave_no_nan():
    scores = _scores(40, 3, 3, 3, masked=0.3)
    _, values = laws.listed(chain, scores)
    scores = scores[values.amax(0) > -torch.inf]
    assert len(scores) > 20
    laws.check_law(chain, log_partition, scores)
    laws.check_best(chain, scores)
    assert (chain.soft(scores)[scores == -torch.inf] == 0).all()


@pytest.mark.filterwarnings("ignore:.torch.jit.script.:DeprecationWarning")  # torch's own, on its first forward mode
def test_first_and_second_derivatives():
    laws.check_derivatives(chain, log_partition, _scores(2, 3, 2, 2))
    scores = _scores(3, 3, 3).requires_grad_()
    assert gradcheck(chain.soft, scores, check_forward_ad=True)


@pytest.mark.parametrize("shape", [(3, 3, 3), (4, 2, 2)])
def test_draws_have_the_law(shape):
    laws.check_draws(chain, _scores(*shape))
    laws.check_draws(chain, _scores(*shape, masked=0.1, seed=3))


def test_covariance_needs_only_the_mean():
    scores, v = _scores(3, 3, 3), _scores(3, 3, 3, seed=5)
    vertices, values = laws.listed(chain, scores)
    p = values.softmax(0)
    gain = (vertices * v).flatten(1).sum(-1)
    mean = torch.tensordot(p, vertices, 1)
    expected = torch.tensordot(p * (gain - p @ gain), vertices, 1)
    torch.testing.assert_close(chain.covariance(mean, v), expected, rtol=0, atol=1e-12)
    with torch.no_grad():
        torch.testing.assert_close(chain.covariance(mean, v), expected, rtol=0, atol=1e-12)


def test_shapes_and_dtypes():
    laws.check_shapes(chain, log_partition, (3, 2, 2))
    laws.check_shapes(chain, log_partition, (4, 3, 3))


def test_a_shorter_sequence_has_its_own_law():
    unary, transition = _scores(4, 5, 3), _scores(3, 3, seed=1)
    lengths = torch.tensor([5, 3, 2, 1])
    scores = edges(unary, transition, lengths)
    marginals, best = nodes(chain.soft(scores)), tags(chain.hard(scores))
    for i, length in enumerate(lengths.tolist()):
        alone = edges(unary[i, :length], transition)
        torch.testing.assert_close(log_partition(scores[i]), log_partition(alone))
        torch.testing.assert_close(marginals[i, :length], nodes(chain.soft(alone))[:length])
        assert torch.equal(best[i, :length], tags(chain.hard(alone))[:length])


def test_edges_score_a_path_as_its_parts_do():
    unary, transition = _scores(2, 4, 3), _scores(2, 3, 3, 3, seed=1)
    vertices, values = laws.listed(chain, edges(unary, transition))
    for vertex, value in zip(vertices, values, strict=True):
        path = tags(vertex)
        expected = unary.gather(-1, path.unsqueeze(-1)).sum((-2, -1))
        for t in range(3):
            expected = expected + transition[torch.arange(2), t, path[:, t], path[:, t + 1]]
        torch.testing.assert_close(value, expected)


def test_one_position_is_one_choice_of_a_tag():
    unary = _scores(2, 1, 4)
    scores = edges(unary, torch.zeros(4, 4))
    torch.testing.assert_close(nodes(chain.soft(scores))[:, 0], unary[:, 0].softmax(-1))
    torch.testing.assert_close(log_partition(scores), unary[:, 0].logsumexp(-1))


def test_at_a_tie_the_first_path_wins():
    assert (tags(chain.hard(torch.zeros(2, 4, 3, 3))) == 0).all()
    scores = torch.zeros(3, 2, 2)
    scores[1] = torch.tensor(
        [[-1.0, 0.0], [0.0, -1.0]]
    )  # the tag changes at the middle: 0011 and 1100 tie, among others
    assert tags(chain.hard(scores)).tolist() == [0, 0, 1, 0]


def test_large_scores_have_no_nan_and_one_path():
    scores = 1e6 * torch.randn(2, 20, 4, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(chain.soft(scores), chain.hard(scores))
    assert log_partition(scores).isfinite().all()


def test_a_long_chain_in_float32_keeps_its_digits():
    scores = torch.randn(2, 3000, 4, 4, generator=torch.Generator().manual_seed(0))
    error = (chain.soft(scores) - chain.soft(scores.double())).abs().amax()
    assert error < 1e-4


def test_vmap_and_compile_friendly_transforms_give_the_same():
    scores = _scores(3, 4, 3, 3).requires_grad_()
    for function in (chain.soft, chain.hard, log_partition):
        torch.testing.assert_close(torch.func.vmap(function)(scores), function(scores))
    by_row = torch.func.vmap(torch.func.grad(lambda s: chain.soft(s).square().sum()))(scores)
    (together,) = torch.autograd.grad(chain.soft(scores).square().sum(), scores)
    torch.testing.assert_close(by_row, together)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: chain.hard(torch.zeros(3, 2, 4)), ValueError, "'scores' parameter of chain must be"),
        (lambda: chain.soft(torch.zeros(3, 2, 2).long()), TypeError, "floating-point"),
        (lambda: chain.soft(torch.full((3, 2, 2), torch.nan)), ValueError, "NaN"),
        (lambda: chain.hard(torch.full((2, 3, 2, 2), -torch.inf)), ValueError, "no option left"),
        (lambda: chain.enumerate(torch.zeros(20, 3, 3)), ValueError, "at most 65536 vertices"),
        (lambda: edges(torch.zeros(4, 3), torch.zeros(2, 2)), ValueError, "'transition' parameter of edges"),
        (
            lambda: edges(torch.zeros(2, 4, 3), torch.zeros(3, 3), torch.tensor([5, 1])),
            ValueError,
            r"in \[1, 4\]. Got 5",
        ),
        (
            lambda: edges(torch.zeros(2, 4, 3), torch.zeros(3, 3), torch.tensor([0, 1])),
            ValueError,
            r"in \[1, 4\]. Got 0",
        ),
        (lambda: edges(torch.zeros(2, 4, 3), torch.zeros(3, 3), torch.ones(2)), TypeError, "integer"),
    ],
)
def test_bad_input_is_refused_in_words(call, error, words):
    with pytest.raises(error, match=words):
        call()
