"""What is said of estimators and choices that do not fit, and of their hyperparameters."""

# ruff: noqa: E501, ISC004  (a sentence is read whole)

import torch

import argrad
from argrad.choices import cube, grid
from says import S, aloud, assert_says

SAYS = {
    # estimators and choices
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
    "a step that learns": (
        lambda: argrad.Spigot(step=torch.ones((), requires_grad=True)),
        ValueError,
        "The 'step' parameter of Spigot must be a constant: a tensor that asks for a gradient would get none. "
        "Got a float32 tensor of shape ().",
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
        "Use argrad.draw(cube(-1, 1), …) or argrad.expect(choice=cube(-1, 1)).",
    ),
    "a threshold is drawn by bernoulli": (
        lambda: argrad.threshold(S, grad=argrad.ReinMax()),
        TypeError,
        "The 'grad' parameter of threshold must have a gradient for the deterministic choice, and ReinMax has none. "
        "Use argrad.bernoulli or argrad.expect(choice=cube(0, 1)).",
    ),
    "no verb is named that would refuse it too": (
        lambda: argrad.round(S, grad=argrad.ReinMax()),
        TypeError,
        "The 'grad' parameter of round must have a gradient for the deterministic choice, and ReinMax has none. "
        "With it work: Identity, Interpolation, Relaxed, Spigot, StraightThrough.",
    ),
    "the name of an estimator, to compare": (
        lambda: argrad.compare(lambda y: y[..., 0], S, ["ReinMax"]),
        TypeError,
        "The 'estimators' parameter of compare must be estimators such as [StraightThrough(), ReinMax()], "
        "or a dict of them. Got ['ReinMax'].",
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
    "no choice": (
        lambda: argrad.pick("rank", S),
        TypeError,
        "The 'choice' parameter of pick must be a Choice such as one_hot. Got 'rank'.",
    ),
    "an estimator's class to sort by": (
        lambda: argrad.sort(S, grad=argrad.Identity),
        TypeError,
        "The 'grad' parameter of sort must be an estimator or a relaxation such as soft_sort. "
        "Got <class 'argrad.estimators.straight.Identity'>.",
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
    "a temperature that no module moves": (
        lambda: argrad.nn.Argmax(temperature=torch.tensor(1.0)),
        TypeError,
        "The 'temperature' parameter of Temperature must be a float, an nn.Parameter or a schedule. "
        "Got a float32 tensor of shape ().",
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
}


@aloud(SAYS)
def test_the_message_is(call, error, words):
    assert_says(call, error, words)
