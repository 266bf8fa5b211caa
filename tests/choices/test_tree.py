"""Dependency trees, against the enumeration of all of them."""

import pytest
import torch

from argrad.choices import tree
from argrad.choices.tree import arcs, build, determinant, heads, log_partition
from choices import laws

KINDS = [(projective, single) for projective in (False, True) for single in (False, True)]
COUNTS = {  # Cayley's formula; with a single root n·n^(n−2); projective: Yuret 1998, C(3n−2, n−1)/n, and OEIS A006013
    (False, True): {1: 1, 2: 2, 3: 9, 4: 64, 5: 625},
    (False, False): {1: 1, 2: 3, 3: 16, 4: 125, 5: 1296},
    (True, True): {1: 1, 2: 2, 3: 7, 4: 30, 5: 143},
    (True, False): {1: 1, 2: 3, 3: 12, 4: 55, 5: 273},
}


def _made(kind):
    projective, single = kind
    choice = tree(projective=projective, single_root=single)
    return choice, lambda s: log_partition(s, projective=projective, single_root=single)


def _scores(*shape, seed=0, masked=0.0):
    generator = torch.Generator().manual_seed(seed)
    scores = 2 * torch.randn(*shape, dtype=torch.float64, generator=generator)
    return scores.masked_fill(torch.rand(shape, generator=generator) < masked, -torch.inf)


@pytest.fixture(params=["determinant", "elimination"])
def _way(request, monkeypatch):
    """These laws hold for both ways to the sum over trees that may cross."""
    if request.param == "elimination":
        monkeypatch.setattr(build, "_BEARABLE", dict.fromkeys(build._BEARABLE, 0.0))  # noqa: SLF001


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(1, 1), (2, 2, 2), (2, 1, 3, 3), (3, 4, 4), (5, 5)])
def test_agrees_with_the_enumeration(kind, shape):
    choice, total = _made(kind)
    scores = _scores(*shape)
    laws.check_enumeration(choice, scores, COUNTS[kind][shape[-1]])
    laws.check_law(choice, total, scores)
    laws.check_best(choice, scores)
    laws.check_lift(choice, scores)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [3, 4, 5])
def test_masks_are_never_used_and_leave_no_nan(kind, n):
    choice, total = _made(kind)
    scores = _scores(200, n, n, masked=0.35)
    _, values = laws.listed(choice, scores)
    scores = scores[values.amax(0) > -torch.inf]
    assert len(scores) > 50
    laws.check_best(choice, scores)
    laws.check_law(choice, total, scores[:20])
    assert (choice.soft(scores)[scores == -torch.inf] == 0).all()


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("kind", KINDS)
def test_first_and_second_derivatives(kind):
    choice, total = _made(kind)
    laws.check_derivatives(choice, total, _scores(3, 3))


@pytest.mark.parametrize("kind", KINDS)
def test_draws_have_the_law(kind):
    choice, _ = _made(kind)
    laws.check_draws(choice, _scores(3, 3))
    laws.check_draws(choice, _scores(4, 4, seed=4).masked_fill(torch.eye(4) > 1, 0), samples=5000)


@pytest.mark.parametrize("kind", KINDS)
def test_shapes_and_dtypes(kind):
    laws.check_shapes(*_made(kind), (4, 4))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [1e4, 1e6])
def test_scores_of_any_size(kind, scale):
    """A determinant of exp(scores) has lost every digit here; the law is all but one tree, and says so."""
    choice, total = _made(kind)
    scores = scale * torch.randn(5, 9, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    best = choice.hard(scores)
    torch.testing.assert_close(choice.soft(scores), best, rtol=0, atol=1e-2)
    torch.testing.assert_close(total(scores), (best * scores).sum((-2, -1)), rtol=1e-6, atol=1e-1)
    small = choice.soft(scores.float())
    assert small.isfinite().all()
    torch.testing.assert_close(small.sum(-1), torch.ones(5, 9), rtol=0, atol=1e-4)


def test_the_law_near_a_tie_between_large_scores():
    """Two trees tie far above the others: each has one half, at any height."""
    scores = torch.full((3, 3), -1e6, dtype=torch.float64)
    scores[0, 0] = scores[1, 0] = scores[2, 0] = scores[2, 1] = 1e6
    expected = torch.tensor([[1.0, 0, 0], [1, 0, 0], [0.5, 0.5, 0]], dtype=torch.float64)
    for kind in KINDS:
        torch.testing.assert_close(_made(kind)[0].soft(scores), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_a_shorter_sentence_has_its_own_law(kind):
    choice, total = _made(kind)
    scores, lengths = _scores(4, 5, 5), torch.tensor([5, 3, 2, 1])
    padded = arcs(scores, lengths=lengths)
    for i, n in enumerate(lengths.tolist()):
        alone = scores[i, :n, :n]
        torch.testing.assert_close(total(padded[i]), total(alone))
        torch.testing.assert_close(choice.soft(padded)[i, :n, :n], choice.soft(alone))
        assert torch.equal(choice.hard(padded)[i, :n, :n], choice.hard(alone))


def test_best_trees_of_longer_sentences_agree_with_every_single_root_tried():
    """With one root allowed at a time no constraint is left: the best of n free trees is the constrained one."""
    n = 12
    scores = _scores(30, n, n, seed=7)
    many, one = tree(single_root=False), tree(single_root=True)
    best = (one.hard(scores) * scores).sum((-2, -1))
    tried = []
    for root in range(n):
        allowed = scores.masked_fill(torch.eye(n, dtype=torch.bool) & (torch.arange(n) != root), -torch.inf)
        tried.append((many.hard(allowed) * scores).sum((-2, -1)))
    torch.testing.assert_close(best, torch.stack(tried).amax(0))


def test_best_projective_tree_of_a_tree_that_is_projective_is_the_best_of_all():
    scores = _scores(200, 7, 7, seed=9)
    for single in (True, False):
        free, bound = (tree(projective=p, single_root=single).hard(scores) for p in (False, True))
        totals = [(y * scores).sum((-2, -1)) for y in (free, bound)]
        assert (totals[0] >= totals[1] - 1e-12).all()
        same = (free == bound).all(-1).all(-1)
        assert 0 < same.sum() < len(same)
        assert (totals[0] > totals[1])[~same].all()


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("scale", [1.0, 6.0, 30.0])
def test_the_determinant_knows_how_wrong_it_is(single, scale, monkeypatch):
    scores = scale / 2 * _scores(50, 12, 12)
    quick, bound = determinant.marginals(scores, single_root=single)
    monkeypatch.setattr(build, "_BEARABLE", {torch.float64: 0.0})
    error = (quick - tree(single_root=single).soft(scores)).abs().amax((-2, -1))
    told = bound.isfinite()
    assert told.any()
    assert (error <= bound + 1e-13)[told].all()


@pytest.mark.parametrize("single", [False, True])
def test_easy_and_hard_sentences_in_a_batch_do_not_see_each_other(single):
    choice, total = _made((False, single))
    scores = torch.tensor([1.0, 1e5, 2.0, 1e3])[:, None, None] * _scores(4, 6, 6)
    leaf = scores.requires_grad_()
    weight = _scores(6, 6, seed=1)
    for function in (choice.soft, lambda s: total(s)[..., None, None]):
        (slope,) = torch.autograd.grad((function(leaf) * weight).sum(), leaf)
        assert slope.isfinite().all()
        for i in range(4):
            one = scores[i].detach().requires_grad_()
            torch.testing.assert_close(function(one), function(leaf)[i])
            torch.testing.assert_close(torch.autograd.grad((function(one) * weight).sum(), one)[0], slope[i])


def test_the_determinant_agrees_where_it_can():
    scores = _scores(5, 20, 20, seed=3)
    weight = scores.exp()
    root = weight.diagonal(dim1=-2, dim2=-1)
    words = weight - root.diag_embed()
    laplacian = (words.sum(-1) + root).diag_embed() - words
    torch.testing.assert_close(log_partition(scores, single_root=False), torch.logdet(laplacian))


def test_the_relaxed_set_gives_each_word_one_head():
    point = tree().project(_scores(4, 4))
    torch.testing.assert_close(point.sum(-1), torch.ones(4, dtype=torch.float64))
    vertices = tree().enumerate(_scores(4, 4))
    torch.testing.assert_close(tree().project(vertices), vertices)


def test_heads_are_numbered_as_in_treebanks():
    vertex = torch.tensor([[0.0, 1, 0], [0, 1, 0], [1, 0, 0]])
    assert heads(vertex).tolist() == [2, 0, 1]


def test_vmap_gives_the_same():
    scores = _scores(3, 4, 4)
    for kind in KINDS:
        choice, total = _made(kind)
        for function in (choice.soft, choice.hard, total):
            torch.testing.assert_close(torch.func.vmap(function)(scores), function(scores))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: tree().hard(torch.zeros(3, 2)), ValueError, "'scores' parameter of tree must be"),
        (lambda: tree(projective=True).soft(torch.zeros(3, 2)), ValueError, "'scores' parameter of tree must be"),
        (lambda: tree().soft(torch.zeros(2, 2).int()), TypeError, "floating-point"),
        (lambda: tree().soft(torch.full((2, 2), torch.nan)), ValueError, "NaN"),
        (lambda: tree().enumerate(torch.zeros(9, 9)), ValueError, "at most 65536"),
        (lambda: arcs(torch.zeros(3, 3), torch.zeros(2)), ValueError, "'root' parameter of arcs"),
        (lambda: arcs(torch.zeros(1, 3, 3), lengths=torch.tensor([4])), ValueError, r"in \[1, 3\]. Got 4"),
    ],
)
def test_bad_input_is_refused_in_words(call, error, words):
    with pytest.raises(error, match=words):
        call()


@pytest.mark.parametrize("kind", KINDS)
def test_no_possible_tree_is_refused_in_words(kind):
    choice, total = _made(kind)
    cyclic = torch.tensor([[-torch.inf, 1.0], [1.0, -torch.inf]])
    for call in (choice.hard, choice.soft, total):
        with pytest.raises(ValueError, match="no option left"):
            call(cyclic)
    rootless = torch.eye(2).log() if kind[1] else torch.full((2, 2), -torch.inf)
    with pytest.raises(ValueError, match="no option left"):
        choice.hard(rootless)
