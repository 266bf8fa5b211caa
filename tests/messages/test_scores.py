"""What is said of scores, their dims, values and masks."""

# ruff: noqa: E501, ISC004  (a sentence is read whole)

import pytest
import torch

import argrad
from argrad.choices import soft_rank
from says import S, aloud, assert_says

SAYS = {
    # scores and dim
    "integer scores": (
        lambda: argrad.argmax(torch.arange(3)),
        TypeError,
        "The 'scores' parameter of argmax must be a floating-point tensor. Got an int64 tensor of shape (3,).",
    ),
    "no tensor at all": (
        lambda: argrad.sample([1.0, 2.0]),
        TypeError,
        "The 'scores' parameter of sample must be a floating-point tensor. Got [1.0, 2.0].",
    ),
    "argmin speaks for itself": (
        lambda: argrad.argmin(torch.tensor([True])),
        TypeError,
        "The 'scores' parameter of argmin must be a floating-point tensor. Got a bool tensor of shape (1,).",
    ),
    "no such dim": (
        lambda: argrad.argmax(S, dim=2),
        IndexError,
        "The 'dim' parameter of argmax must be in [-2, 1]. Got 2 with scores of shape (4, 6).",
    ),
    "a dim that is no int": (
        lambda: argrad.argmax(S, dim=1.0),
        TypeError,
        "The 'dim' parameter of argmax must be an int. Got 1.0 with scores of shape (4, 6).",
    ),
    "a single number": (
        lambda: argrad.argmax(torch.tensor(1.0)),
        IndexError,
        "The 'dim' parameter of argmax must be a dimension of the scores, which must have one. Got -1 with scores of shape ().",
    ),
    "no option": (
        lambda: argrad.sparsemax(torch.zeros(3, 0)),
        ValueError,
        "The 'scores' parameter of sparsemax must be of at least one option along dim=-1. Got a float32 tensor of shape (3, 0).",
    ),
    "no such dim of a relaxation": (
        lambda: soft_rank(S, 2),
        IndexError,
        "The 'dim' parameter of soft_rank must be in [-2, 1]. Got 2 with scores of shape (4, 6).",
    ),
    "a dim that is a truth": (
        lambda: argrad.sort(S, dim=True),
        TypeError,
        "The 'dim' parameter of sort must be an int. Got True with scores of shape (4, 6).",
    ),
    "no dims": (
        lambda: argrad.soft_argmax(S, 1.0),
        TypeError,
        "The 'dim' parameter of soft_argmax must be an int. Got 1.0 with scores of shape (4, 6).",
    ),
    # values
    "NaN": (
        lambda: argrad.argmax(torch.tensor([[0.0, 1.0], [torch.nan, 1.0]])),
        ValueError,
        "The 'scores' parameter of argmax must have a finite best option in every row. Got NaN in row (1,) of scores.",
    ),
    "infinity": (
        lambda: argrad.sample(torch.tensor([torch.inf, 0.0])),
        ValueError,
        "The 'scores' parameter of sample must have a finite best option in every row. Got an infinite score in row () of scores.",
    ),
    "all masked": (
        lambda: argrad.argmax(S, mask=torch.zeros(6, dtype=torch.bool)),
        ValueError,
        "The 'scores' parameter of argmax must have a finite best option in every row. "
        "Got no option left (all are masked or -inf) in row (0,) of scores.",
    ),
    "all masked, softly": (
        lambda: argrad.argmax(S, mask=torch.zeros(6, dtype=torch.bool), grad=argrad.Relaxed()),
        ValueError,
        "The 'scores' parameter of argmax must have a finite best option in every row. "
        "Got no option left (all are masked or -inf) in row (0,) of scores.",
    ),
    "fewer options than are to be chosen": (
        lambda: argrad.topk(torch.tensor([[1.0, -torch.inf, 0.0]]), 3),
        ValueError,
        "The 'scores' parameter of topk must have 3 finite options in every row. "
        "Got fewer than 3 options (the others are masked) in row (0,) of scores.",
    ),
    "a matching of NaN": (
        lambda: argrad.permutation(torch.full((2, 2), torch.nan)),
        ValueError,
        "The 'scores' parameter of permutation must have a finite best option in every row. Got NaN in row () of scores.",
    ),
    "a NaN in a map": (
        lambda: argrad.soft_argmax(torch.tensor([[0.0, torch.nan]])),
        ValueError,
        "The 'scores' parameter of soft_argmax must have a finite best option in every row. Got NaN in row (0,) of scores.",
    ),
    # masks
    "a mask for all": (
        lambda: argrad.quantile(S, 0.5, mask=torch.ones(5, dtype=torch.bool)),
        ValueError,
        "The 'mask' parameter of quantile must be broadcastable to the scores' shape (4, 6). Got a bool tensor of shape (5,).",
    ),
    "a mask of numbers": (
        lambda: argrad.argmax(S, mask=torch.ones(6)),
        TypeError,
        "The 'mask' parameter of argmax must be a bool tensor, True where an option may be chosen. "
        "Got a float32 tensor of shape (6,).",
    ),
    "a mask of another shape": (
        lambda: argrad.sample(S, mask=torch.ones(5, dtype=torch.bool)),
        ValueError,
        "The 'mask' parameter of sample must be broadcastable to the scores' shape (4, 6). Got a bool tensor of shape (5,).",
    ),
    "a mask larger than the scores": (
        lambda: argrad.max_value(S, mask=torch.ones(2, 4, 6, dtype=torch.bool)),
        ValueError,
        "The 'mask' parameter of max_value must be broadcastable to the scores' shape (4, 6). "
        "Got a bool tensor of shape (2, 4, 6).",
    ),
    "a mask for several": (
        lambda: argrad.expect(lambda y, _z: y, [S, S], mask=S > 0),
        ValueError,
        "The 'mask' parameter of expect must be None with several tensors of scores; mask them by -inf. "
        "Got a bool tensor of shape (4, 6).",
    ),
}


@aloud(SAYS)
def test_the_message_is(call, error, words):
    assert_says(call, error, words)


HALF = torch.tensor([[0.0, 1.0, 2.0, 3.0]] * 2)
NONE = torch.zeros(2, 4, dtype=torch.bool)
VERBS = {
    "argmax": argrad.argmax,
    "argmin": argrad.argmin,
    "sample": argrad.sample,
    "max_value": argrad.max_value,
    "select": lambda s, **mask: argrad.select(HALF, s, **mask),
    "topk": lambda s, **mask: argrad.topk(s, 2, **mask),
    "quantile": lambda s, **mask: argrad.quantile(s, 0.5, -1, **mask),
    "median": argrad.median,
    "expect": lambda s, **mask: argrad.expect(lambda y: y.sum(-1), s, **mask),
    "rank": argrad.rank,
    "sort": argrad.sort,
    "argsort": argrad.argsort,
    "soft_argmax": argrad.soft_argmax,
}


@pytest.mark.parametrize("verb", VERBS)
def test_what_is_wrong_with_the_scores_is_said_in_the_name_of_the_verb(verb):
    with pytest.raises(ValueError, match=f"^The 'scores' parameter of {verb} must .*NaN"):
        VERBS[verb](HALF * torch.nan)
    if verb not in ("rank", "sort", "argsort"):  # there a row without an option is no error
        with pytest.raises(ValueError, match=f"^The 'scores' parameter of {verb} must .*no option left"):
            VERBS[verb](HALF, mask=NONE)


def test_scores_that_the_cost_itself_gets_wrong_are_not_those_of_expect():
    with pytest.raises(ValueError, match=r"^The 'scores' parameter of soft_rank must"):
        argrad.expect(lambda y: soft_rank(y * torch.nan).sum(-1), S)
