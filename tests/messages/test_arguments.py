"""What is said of costs, values, coordinates and targets."""

# ruff: noqa: E501, ISC004  (a sentence is read whole)

import torch

import argrad
from says import S, aloud, assert_says

SAYS = {
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
    "a score term of two shapes": (
        lambda: argrad.score_term(torch.zeros(3, 2), torch.zeros(3)),
        ValueError,
        "The 'log_prob' parameter of score_term must be of the costs' shape (3, 2). Got a float32 tensor of shape (3,).",
    ),
    # randomness
    "a seed for a generator": (
        lambda: argrad.sample(S, generator=5),
        TypeError,
        "The 'generator' parameter of sample must be None or a torch.Generator on the scores' device, cpu. Got 5.",
    ),
    "a generator of another device": (
        lambda: argrad.bernoulli(S.to("meta"), generator=torch.Generator()),
        ValueError,
        "The 'generator' parameter of bernoulli must be None or a torch.Generator on the scores' device, meta. "
        "Got one on cpu.",
    ),
    "a seed for an expectation": (
        lambda: argrad.expect(lambda y: y.sum(-1), S, generator="0"),
        TypeError,
        "The 'generator' parameter of expect must be None or a torch.Generator on the scores' device, cpu. Got '0'.",
    ),
    "a seed for a ranking": (
        lambda: argrad.rank(S, sample=True, generator=1),
        TypeError,
        "The 'generator' parameter of rank must be None or a torch.Generator on the scores' device, cpu. Got 1.",
    ),
    "a seed for a selection": (
        lambda: argrad.select(S, S, sample=True, generator=1),
        TypeError,
        "The 'generator' parameter of select must be None or a torch.Generator on the scores' device, cpu. Got 1.",
    ),
    "a seed for a draw": (
        lambda: argrad.draw(argrad.grid(), S, generator=1),
        TypeError,
        "The 'generator' parameter of draw must be None or a torch.Generator on the scores' device, cpu. Got 1.",
    ),
    # thresholds
    "a threshold in words": (
        lambda: argrad.threshold(S, "x"),
        TypeError,
        "The 'at' parameter of threshold must be a number or a tensor. Got 'x'.",
    ),
    "a threshold of another shape": (
        lambda: argrad.threshold(S, torch.zeros(5)),
        ValueError,
        "The 'at' parameter of threshold must be broadcastable with the scores' shape (4, 6). "
        "Got a float32 tensor of shape (5,).",
    ),
    # values to select from
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
    # coordinates
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
    "a base in words": (
        lambda: argrad.soft_argmax(S, base="0"),
        TypeError,
        "The 'base' parameter of soft_argmax must be a number, or a list of 1. Got '0'.",
    ),
    "an alpha in words": (
        lambda: argrad.entmax(S, "1.5"),
        TypeError,
        "The 'alpha' parameter of entmax must be a number or a tensor. Got '1.5'.",
    ),
    "costs in a list": (
        lambda: argrad.score_term([1.0], torch.zeros(1)),
        TypeError,
        "The 'costs' parameter of score_term must be a tensor. Got [1.0].",
    ),
    "three bases for two dims": (
        lambda: argrad.soft_argmax(S, (0, 1), base=[0.0, 0.0, 0.0]),
        ValueError,
        "The 'base' parameter of soft_argmax must be a number, or a list of 2. Got [0.0, 0.0, 0.0].",
    ),
    # targets
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
}


@aloud(SAYS)
def test_the_message_is(call, error, words):
    assert_says(call, error, words)
