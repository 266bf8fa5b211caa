"""Every error message, read aloud."""

# ruff: noqa: E501, ISC004  (a sentence is read whole)

import re

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

import argrad
from argrad._checks import ScoresError, check_values, describe, reads_values, require, require_count, require_positive
from argrad.choices import cube, grid, soft_rank

S = torch.zeros(4, 6)
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
    "no choice": (
        lambda: argrad.pick("rank", S),
        TypeError,
        "The 'choice' parameter of pick must be a Choice such as one_hot. Got 'rank'.",
    ),
    "a class of noise": (
        lambda: argrad.StraightThrough(noise=argrad.Gumbel),
        TypeError,
        "The 'noise' parameter of StraightThrough must be a Noise such as Gumbel(). Got <class 'argrad.noise.Gumbel'>.",
    ),
    "a relaxation that is none": (
        lambda: argrad.Relaxed(relaxation="softmax"),
        TypeError,
        "The 'relaxation' parameter of Relaxed must be None or a function. Got 'softmax'.",
    ),
    "a baseline that is a number": (
        lambda: argrad.ScoreFunction(baseline=3.0),
        TypeError,
        "The 'baseline' parameter of ScoreFunction must be None or a function of the costs. Got 3.0.",
    ),
    "an estimator's class to sort by": (
        lambda: argrad.sort(S, grad=argrad.Identity),
        TypeError,
        "The 'grad' parameter of sort must be an estimator or a relaxation such as soft_sort. "
        "Got <class 'argrad.estimators.straight.Identity'>.",
    ),
    "a class that is none": (
        lambda: argrad.losses.sparsemax_loss(S, torch.tensor([0, 1, 2, 6])),
        ValueError,
        "The 'target' parameter of sparsemax_loss must be class indices in [0, 5]. Got 6.",
    ),
    "a target that is a list": (
        lambda: argrad.losses.softmax_loss(S, [0, 1, 2, 3]),
        TypeError,
        "The 'target' parameter of softmax_loss must be a tensor. Got [0, 1, 2, 3].",
    ),
    "a temperature that no module moves": (
        lambda: argrad.nn.Argmax(temperature=torch.tensor(1.0)),
        TypeError,
        "The 'temperature' parameter of Temperature must be a float, an nn.Parameter or a schedule. "
        "Got a float32 tensor of shape ().",
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
    # estimators
    "no estimator": (
        lambda: argrad.argmax(S, grad="straight-through"),
        TypeError,
        "The 'grad' parameter of argmax must be an estimator such as StraightThrough(). Got 'straight-through'.",
    ),
    "an estimator that must draw": (
        lambda: argrad.argmax(S, grad=argrad.ReinMax()),
        TypeError,
        "The 'grad' parameter of argmax must have a gradient for the deterministic choice, and ReinMax has none. "
        "Use argrad.sample or argrad.expect.",
    ),
    "an estimator that cannot draw": (
        lambda: argrad.sample(S, grad=argrad.Interpolation()),
        TypeError,
        "The 'grad' parameter of sample must have a gradient for a draw, and Interpolation has none. "
        "Use argrad.argmax or argrad.expect.",
    ),
    "an estimator that needs the cost": (
        lambda: argrad.sample(S, grad=argrad.ScoreFunction()),
        TypeError,
        "The 'grad' parameter of sample must have a gradient for a draw, and ScoreFunction has none. Use argrad.expect.",
    ),
    "relaxed without noise": (
        lambda: argrad.sample(S, grad=argrad.Relaxed()),
        TypeError,
        "The 'grad' parameter of sample must have a gradient for a draw, and Relaxed has none without noise. "
        "Use argrad.argmax or argrad.expect.",
    ),
    "relaxed with noise": (
        lambda: argrad.argmax(S, grad=argrad.Relaxed(noise=argrad.Gumbel())),
        TypeError,
        "The 'grad' parameter of argmax must have a gradient for the deterministic choice, and Relaxed has none "
        "with its noise. Use argrad.sample or argrad.expect.",
    ),
    "select names its own way to draw": (
        lambda: argrad.select(S, S, grad=argrad.ReinMax()),
        TypeError,
        "The 'grad' parameter of select must have a gradient for the deterministic choice, and ReinMax has none. "
        "Use argrad.select(sample=True) or argrad.expect.",
    ),
    "a sign is drawn by draw": (
        lambda: argrad.sign(S, grad=argrad.ReinMax()),
        TypeError,
        "The 'grad' parameter of sign must have a gradient for the deterministic choice, and ReinMax has none. "
        "Use argrad.draw or argrad.expect(choice=…).",
    ),
    "a choice that lacks a function": (
        lambda: argrad.round(S, grad=argrad.StraightThrough(temperature=2.0)),
        ValueError,
        "A temperature does not make sense for the choice of the nearest level: it would move the scores. Leave it at 1.",
    ),
    "a choice that lacks a law": (
        lambda: argrad.expect(lambda y: y, S, choice=grid(), grad=argrad.Enumerate()),
        TypeError,
        "Enumerate needs the function enumerate of a choice, which the choice of the nearest level lacks. With it work: "
        "Identity, ImplicitMLE, Interpolation, Perturbed, Relaxed, ScoreFunction, Spigot, StraightThrough.",
    ),
    # hyperparameters
    "a temperature of 0": (
        lambda: argrad.StraightThrough(temperature=0),
        ValueError,
        "The 'temperature' parameter of StraightThrough must be positive and finite. Got 0.",
    ),
    "an infinite step": (
        lambda: argrad.Spigot(step=float("inf")),
        ValueError,
        "The 'step' parameter of Spigot must be positive and finite. Got inf.",
    ),
    "a temperature in words": (
        lambda: argrad.Relaxed(temperature="low"),
        TypeError,
        "The 'temperature' parameter of Relaxed must be a positive number. Got 'low'.",
    ),
    "a flag for a temperature": (
        lambda: argrad.ReinMax(temperature=True),
        TypeError,
        "The 'temperature' parameter of ReinMax must be a positive number. Got True.",
    ),
    "a temperature that would learn nothing": (
        lambda: argrad.ReinMax(temperature=torch.ones((), requires_grad=True)),
        ValueError,
        "The 'temperature' parameter of ReinMax must be a fixed number: this rule gives it no gradient. "
        "Got a float32 tensor of shape ().",
    ),
    "too few samples": (
        lambda: argrad.ScoreFunction(samples=0),
        ValueError,
        "The 'samples' parameter of ScoreFunction must be an int in [1, inf). Got 0.",
    ),
    "half a sample": (
        lambda: argrad.GumbelRao(samples=1.5),
        TypeError,
        "The 'samples' parameter of GumbelRao must be an int in [1, inf). Got 1.5.",
    ),
    "a set too large": (
        lambda: argrad.UnorderedSet(samples=13),
        ValueError,
        "The 'samples' parameter of UnorderedSet must be an int in [2, 12]. Got 13.",
    ),
    "a set larger than the world": (
        lambda: argrad.expect(lambda y: y[..., 0], S, grad=argrad.UnorderedSet(samples=7)),
        ValueError,
        "The 'samples' parameter of UnorderedSet must be at most the number of vertices, 6. Got 7.",
    ),
    "leaving one of one out": (
        lambda: argrad.expect(lambda y: y[..., 0], S, grad=argrad.ScoreFunction(1, baseline=argrad.leave_one_out)),
        ValueError,
        "The 'samples' parameter of leave_one_out must be at least 2: it compares each sample with the others. Got 1.",
    ),
    "a negative gap": (
        lambda: argrad.GappedStraightThrough(gap=-1.0),
        ValueError,
        "The 'gap' parameter of GappedStraightThrough must be a finite number, at least 0. Got -1.0.",
    ),
    "a momentum of 1": (
        lambda: argrad.RunningMean(momentum=1.0),
        ValueError,
        "The 'momentum' parameter of RunningMean must be in [0, 1). Got 1.0.",
    ),
    "an empty cube": (
        lambda: cube(2, 2),
        ValueError,
        "The 'high' parameter of cube must be above low=2. Got 2.",
    ),
    # costs
    "too many states": (
        lambda: argrad.expect(lambda y: y.sum((-1, -2)), torch.zeros(12, 4), grad=argrad.Enumerate()),
        ValueError,
        "The 'scores' parameter of Enumerate must be few enough to enumerate, at most 65536 joint states; IndeCateR and "
        "ScoreFunction take more. Got '1.68e+07 states'.",
    ),
    "a cost of the wrong shape": (
        lambda: argrad.expect(lambda y: y.sum(), S),
        ValueError,
        "The 'cost' parameter of expect must be a function that returns a tensor of shape (samples, *leading dimensions of "
        "the scores). Got a float32 tensor of shape () for vertices of shape (8, 4, 6).",
    ),
    "a cost of integers": (
        lambda: argrad.expect(lambda y: y.argmax(-1), S),
        TypeError,
        "The 'cost' parameter of expect must be a function that returns a floating-point tensor. "
        "Got an int64 tensor of shape (8, 4).",
    ),
    "a cost that cannot be called": (
        lambda: argrad.expect(3.0, S),
        TypeError,
        "The 'cost' parameter of expect must be a function of the vertices. Got 3.0.",
    ),
    "no scores at all": (
        lambda: argrad.expect(lambda y: y, []),
        TypeError,
        "The 'scores' parameter of expect must be a tensor or a sequence of tensors. Got [].",
    ),
    "a mask for several": (
        lambda: argrad.expect(lambda y, _z: y, [S, S], mask=S > 0),
        ValueError,
        "The 'mask' parameter of expect must be None with several tensors of scores; mask them by -inf. "
        "Got a bool tensor of shape (4, 6).",
    ),
    "a score term of two shapes": (
        lambda: argrad.score_term(torch.zeros(3, 2), torch.zeros(3)),
        ValueError,
        "The 'log_prob' parameter of score_term must be of the costs' shape (3, 2). Got a float32 tensor of shape (3,).",
    ),
    # select
    "values that do not fit": (
        lambda: argrad.select(torch.zeros(4, 5), S),
        ValueError,
        "The 'values' parameter of select must be of the scores' shape, with the dimensions of a value behind (or a table "
        "with shared=True). Got a float32 tensor of shape (4, 5) with 6 options at dim=1.",
    ),
    "a table that does not fit": (
        lambda: argrad.select(torch.zeros(4, 6), S, shared=True),
        ValueError,
        "The 'values' parameter of select must be a table whose first dimension is 6. "
        "Got a float32 tensor of shape (4, 6) with 6 options at dim=1.",
    ),
    "integer values": (
        lambda: argrad.select(torch.zeros(4, 6, dtype=torch.long), S),
        TypeError,
        "The 'values' parameter of select must be a floating-point tensor. Got an int64 tensor of shape (4, 6).",
    ),
    # soft_argmax
    "four dims": (
        lambda: argrad.soft_argmax(torch.zeros(2, 2, 2, 2), (0, 1, 2, 3)),
        ValueError,
        "The 'dim' parameter of soft_argmax must be one dimension, or two or three different ones. Got (0, 1, 2, 3).",
    ),
    "a dim twice": (
        lambda: argrad.soft_argmax(S, (1, -1)),
        IndexError,
        "The 'dim' parameter of soft_argmax must be of different dimensions. Got (1, -1).",
    ),
    "half a window": (
        lambda: argrad.soft_argmax(S, window=0.5),
        TypeError,
        "The 'window' parameter of soft_argmax must be an int in [1, inf). Got 0.5.",
    ),
    "coordinates of another length": (
        lambda: argrad.soft_argmax(S, coordinates=[torch.zeros(5)]),
        ValueError,
        "The 'coordinates' parameter of soft_argmax must be of lengths [6], one tensor for each dim. Got [(5,)].",
    ),
    "coordinates said twice": (
        lambda: argrad.soft_argmax(S, coordinates=[torch.zeros(6)], base=1.0),
        ValueError,
        "The 'coordinates' parameter of soft_argmax must be the only way coordinates are given. Got 'another too'.",
    ),
    "normalised and based": (
        lambda: argrad.soft_argmax(S, normalised=True, step=2.0),
        ValueError,
        "The 'normalised' parameter of soft_argmax must be False where base or step is given. Got True.",
    ),
    "three bases for two dims": (
        lambda: argrad.soft_argmax(S, (0, 1), base=[0.0, 0.0, 0.0]),
        ValueError,
        "The 'base' parameter of soft_argmax must be one number, or 2. Got [0.0, 0.0, 0.0].",
    ),
    "a NaN in a map": (
        lambda: argrad.soft_argmax(torch.tensor([[0.0, torch.nan]])),
        ValueError,
        "The 'scores' parameter of soft_argmax must have a finite best option in every row. Got NaN in row (0,) of scores.",
    ),
}


@pytest.mark.parametrize(("call", "error", "words"), SAYS.values(), ids=SAYS)
def test_the_message_is(call, error, words):
    with pytest.raises(error, match=f"^{re.escape(words)}$") as raised:
        call()
    assert type(raised.value) in (error, ScoresError)


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


def test_what_came_is_described_by_shape_and_dtype():
    assert describe(torch.zeros(2, dtype=torch.int32)) == "an int32 tensor of shape (2,)"
    assert describe(torch.zeros(2, 3, dtype=torch.bfloat16)) == "a bfloat16 tensor of shape (2, 3)"
    assert describe("x") == "'x'"


def test_the_words_of_the_house():
    with pytest.raises(KeyError, match=re.escape("The 'a' parameter of f must be b. Got 3 with c.")):
        require(False, "a", "f", "b", 3, context="with c", error=KeyError)
    require(True, "a", "f", "b", 3)
    require_positive(torch.tensor(-1.0), "a", "f")  # tensors are believed
    with pytest.raises(TypeError, match="a positive number"):
        require_positive(torch.tensor(1), "a", "f")
    with pytest.raises(ValueError, match="positive and finite"):
        require_positive(float("nan"), "a", "f")
    with pytest.raises(TypeError, match="an int in"):
        require_count(True, "a", "f")


def test_values_are_read_where_that_costs_no_wait():
    bad = torch.tensor([torch.nan, 0.0])
    assert reads_values(bad)
    assert reads_values(torch.nn.Parameter(bad))
    assert not reads_values(bad.to("meta"))
    with check_values():
        assert reads_values(bad)
        assert not reads_values(bad.to("meta"))
    assert torch.func.vmap(argrad.argmax)(bad.unsqueeze(0)).shape == (1, 2)  # under functorch they cannot be read
    with FakeTensorMode() as mode:
        assert not reads_values(mode.from_tensor(bad))
        assert argrad.argmax(mode.from_tensor(bad)).shape == (2,)
