"""Segmentations, against the enumeration of all of them."""

from itertools import pairwise

import pytest
import torch

from argrad.choices import segmentation
from argrad.choices.segmentation import coverage, labels, log_partition, segments, starts
from choices import laws


def _scores(*shape, seed=0, masked=0.0):
    generator = torch.Generator().manual_seed(seed)
    scores = 2 * torch.randn(*shape, dtype=torch.float64, generator=generator)
    return scores.masked_fill(torch.rand(shape, generator=generator) < masked, -torch.inf)


# the number of ways to write T as a sum of parts of at most K, each in one of C colours
@pytest.mark.parametrize(
    ("shape", "count"),
    [((1, 1, 1, 1), 1), ((2, 3, 2, 2, 2), 16), ((2, 1, 4, 5, 2, 2), 54), ((5, 2, 1, 1), 8), ((5, 3, 1, 1), 13)],
)
def test_agrees_with_the_enumeration(shape, count):
    scores = _scores(*shape)
    laws.check_enumeration(segmentation, scores, count)
    laws.check_law(segmentation, log_partition, scores)
    laws.check_best(segmentation, scores)
    laws.check_lift(segmentation, scores)


def test_projects_onto_its_polytope():
    laws.check_projection(segmentation, _scores(2, 3, 2, 2, 2))


def test_masks_are_never_used_and_leave_no_nan():
    scores = _scores(60, 4, 3, 2, 2, masked=0.3)
    _, values = laws.listed(segmentation, scores)
    scores = scores[values.amax(0) > -torch.inf]
    assert len(scores) > 30
    laws.check_law(segmentation, log_partition, scores)
    laws.check_best(segmentation, scores)


def test_first_and_second_derivatives():
    laws.check_derivatives(segmentation, log_partition, _scores(3, 2, 2, 2))


def test_draws_have_the_law():
    laws.check_draws(segmentation, _scores(3, 2, 2, 2))


def test_shapes_and_dtypes():
    laws.check_shapes(segmentation, log_partition, (3, 2, 2, 2))


def test_a_shorter_sequence_has_its_own_law():
    content, transition = _scores(4, 5, 3, 2), _scores(2, 2, seed=1)
    lengths = torch.tensor([5, 3, 2, 1])
    scores = segments(content, transition, lengths)
    for i, n in enumerate(lengths.tolist()):
        alone = segments(content[i, :n], transition)
        torch.testing.assert_close(log_partition(scores[i]), log_partition(alone))
        torch.testing.assert_close(segmentation.soft(scores)[i, :n], segmentation.soft(alone))
        assert torch.equal(labels(segmentation.hard(scores))[i, :n], labels(segmentation.hard(alone)))


def test_segments_score_a_cut_as_its_parts_do():
    content, transition = _scores(4, 2, 2), _scores(2, 2, seed=1)
    vertices, values = laws.listed(segmentation, segments(content, transition))
    for vertex, value in zip(vertices, values, strict=True):
        parts = sorted(vertex.nonzero().tolist())
        expected = sum(content[t, d, c] for t, d, _, c in parts)
        expected = expected + sum(transition[a[3], b[3]] for a, b in pairwise(parts))
        torch.testing.assert_close(value, torch.as_tensor(expected))
        widths = [d + 1 for _, d, _, _ in parts]
        assert labels(vertex).tolist() == [c for w, (_, _, _, c) in zip(widths, parts, strict=True) for _ in range(w)]
        assert starts(vertex).nonzero().flatten().tolist() == [t for t, *_ in parts]


def test_every_position_is_covered_once():
    marginals = segmentation.soft(_scores(2, 5, 3, 2, 2))
    torch.testing.assert_close(coverage(marginals).sum(-1), torch.ones(2, 5, dtype=torch.float64))


def test_segments_of_length_one_are_a_chain():
    from argrad.choices.chain import edges  # noqa: PLC0415
    from argrad.choices.chain import log_partition as of_chain  # noqa: PLC0415

    content, transition = _scores(2, 5, 1, 3), _scores(3, 3, seed=1)
    torch.testing.assert_close(
        log_partition(segments(content, transition)), of_chain(edges(content.squeeze(-2), transition))
    )


def test_at_a_tie_short_segments_and_low_labels_come_first():
    best = segmentation.hard(torch.zeros(4, 3, 2, 2))
    assert labels(best).tolist() == [0, 0, 0, 0]
    assert starts(best).tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: segmentation.hard(torch.zeros(3, 2, 4)), ValueError, "'scores' parameter of segmentation"),
        (lambda: segments(torch.zeros(4, 2, 3), torch.zeros(2, 2)), ValueError, "'transition' parameter of segments"),
        (lambda: segments(torch.zeros(1, 4, 2, 3), None, torch.tensor([5])), ValueError, r"in \[1, 4\]"),
        (lambda: segmentation.enumerate(torch.zeros(40, 9, 3, 3)), ValueError, "at most 65536"),
        (lambda: segmentation.hard(torch.full((2, 1, 1, 1), -torch.inf)), ValueError, "no option left"),
    ],
)
def test_bad_input_is_refused_in_words(call, error, words):
    with pytest.raises(error, match=words):
        call()
