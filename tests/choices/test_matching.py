"""Perfect matchings, against the enumeration of all n! of them."""

from math import factorial

import pytest
import torch

from argrad.choices import matching
from argrad.choices.matching import log_partition, pairs
from choices import laws

pytest.importorskip("scipy")


def _scores(*shape, seed=0, masked=0.0):
    generator = torch.Generator().manual_seed(seed)
    scores = 2 * torch.randn(*shape, dtype=torch.float64, generator=generator)
    return scores.masked_fill(torch.rand(shape, generator=generator) < masked, -torch.inf)


@pytest.mark.parametrize("shape", [(1, 1), (2, 2, 2), (2, 1, 3, 3), (2, 5, 5)])
def test_agrees_with_the_enumeration(shape):
    scores = _scores(*shape)
    laws.check_enumeration(matching, scores, factorial(shape[-1]))
    laws.check_law(matching, log_partition, scores)
    laws.check_best(matching, scores)
    laws.check_lift(matching, scores)


def test_projects_onto_the_doubly_stochastic_matrices():
    laws.check_projection(matching, _scores(2, 3, 3))
    laws.check_projection(matching, _scores(2, 4, 4))
    laws.check_projection(matching, _scores(2, 2, 2))


def test_masks_are_never_used_and_leave_no_nan():
    scores = _scores(60, 4, 4, masked=0.3)
    _, values = laws.listed(matching, scores)
    scores = scores[values.amax(0) > -torch.inf]
    assert len(scores) > 20
    laws.check_law(matching, log_partition, scores)
    laws.check_best(matching, scores)


def test_a_shorter_one_has_its_own_law():
    scores, lengths = _scores(3, 4, 4), torch.tensor([4, 2, 1])
    padded = pairs(scores, lengths)
    for i, n in enumerate(lengths.tolist()):
        alone = scores[i, :n, :n]
        torch.testing.assert_close(log_partition(padded[i]), log_partition(alone))
        for function in (matching.soft, matching.hard, matching.project):
            torch.testing.assert_close(function(padded)[i, :n, :n], function(alone))
            assert torch.equal(function(padded)[i, n:, n:], torch.eye(4 - n, dtype=torch.float64))


def test_first_and_second_derivatives():
    laws.check_derivatives(matching, log_partition, _scores(3, 3))


def test_draws_have_the_law():
    laws.check_draws(matching, _scores(3, 3))


def test_shapes_and_dtypes():
    laws.check_shapes(matching, log_partition, (3, 3))


def test_a_permanent_that_is_known():
    """Van der Waerden's matrix of 1/n has the permanent n!/nⁿ."""
    n = 10
    scores = torch.full((n, n), -torch.log(torch.tensor(float(n))).item(), dtype=torch.float64)
    torch.testing.assert_close(log_partition(scores).exp().item(), factorial(n) / n**n)


def test_the_best_of_many_rows_is_there_and_the_law_is_refused():
    assert matching.hard(_scores(30, 30)).sum() == 30
    with pytest.raises(ValueError, match="at most 12 rows"):
        matching.soft(_scores(30, 30))
    with pytest.raises(ValueError, match="no option left"):
        matching.hard(torch.tensor([[0.0, -torch.inf], [0.0, -torch.inf]]))
