"""The table of the contract suite: every verb × every estimator that fits it. To test a new piece, list it here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

import argrad
from argrad.choices import cube, grid, one_hot
from argrad.core import Choice, Estimator
from argrad.noise import Gumbel, Logistic, Normal

OPTIONS = 5
LEVELS = torch.tensor([-1.5, -0.1, 0.0, 0.3, 2.0])
WEIGHTS = torch.tensor([0.7, -1.3, 0.2, 2.0, -0.4])  # a linear cost of the options
TABLE = torch.tensor([[1.0, 0.5], [-2.0, 0.1], [0.3, 3.0], [0.0, -1.0], [4.0, 1.0]])

ESTIMATORS: dict[str, Estimator] = {
    "Enumerate": argrad.Enumerate(),
    "GappedStraightThrough": argrad.GappedStraightThrough(),
    "GumbelRao": argrad.GumbelRao(samples=3, temperature=0.7),
    "GumbelRao plain": argrad.GumbelRao(samples=2),
    "Identity": argrad.Identity(),
    "ImplicitMLE": argrad.ImplicitMLE(step=2.0),
    "ImplicitMLE normal": argrad.ImplicitMLE(noise=Normal()),
    "IndeCateR": argrad.IndeCateR(),
    "Interpolation": argrad.Interpolation(step=2.0),
    "MarginalLikelihood": argrad.MarginalLikelihood(temperature=0.5),
    "Perturbed": argrad.Perturbed(samples=4),
    "ReinMax": argrad.ReinMax(),
    "ReinMax warm": argrad.ReinMax(temperature=1.3),
    "Relaxed": argrad.Relaxed(temperature=0.7),
    "Relaxed plain": argrad.Relaxed(),
    "Relaxed sparsemax": argrad.Relaxed(relaxation=argrad.sparsemax),
    "Relaxed Gumbel": argrad.Relaxed(noise=Gumbel()),
    "ScoreFunction": argrad.ScoreFunction(samples=3),
    "ScoreFunction running mean": argrad.ScoreFunction(samples=1, baseline=argrad.RunningMean()),
    "Spigot": argrad.Spigot(),
    "StraightThrough": argrad.StraightThrough(),
    "StraightThrough warm": argrad.StraightThrough(temperature=0.7, forward_temperature=2.0),
    "StraightThrough entmax15": argrad.StraightThrough(relaxation=argrad.entmax15),
    "StraightThrough Gumbel": argrad.StraightThrough(temperature=0.5, noise=Gumbel()),
    "StraightThrough logistic": argrad.StraightThrough(noise=Logistic()),
    "UnorderedSet": argrad.UnorderedSet(samples=2),
}


@dataclass(frozen=True)
class Op:
    """A verb, or a method of the core where no verb leads to it: (scores, estimator, generator) → result."""

    choice: Choice
    method: str
    call: Callable[..., torch.Tensor]
    shape: Callable[[tuple[int, ...]], tuple[int, ...]] = lambda shape: shape
    vertex: bool = True  # whether the result of a hard estimator is a vertex of the choice
    masks: bool = False  # whether the verb takes a mask and a dim


def _linear(y: torch.Tensor) -> torch.Tensor:
    return y @ WEIGHTS.to(y)


def _values(scores: torch.Tensor) -> torch.Tensor:
    return TABLE.to(scores).expand(*scores.shape, 2)


def _drop(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape[:-1]


def _vector(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape[:-1], 2)


def _elementwise(y: torch.Tensor) -> torch.Tensor:
    return (y - 0.3).square()


def _drawing(choice: Choice) -> Callable[..., torch.Tensor]:
    return lambda s, grad, generator=None: grad.draw(choice, s, generator)


OPS: dict[str, Op] = {
    "argmax": Op(one_hot, "pick", lambda s, grad, generator=None, **k: argrad.argmax(s, grad=grad, **k), masks=True),  # noqa: ARG005
    "argmin": Op(one_hot, "pick", lambda s, grad, generator=None, **k: argrad.argmin(s, grad=grad, **k), masks=True),  # noqa: ARG005
    "sample": Op(one_hot, "draw", lambda s, grad, **k: argrad.sample(s, grad=grad, **k), masks=True),
    "select": Op(
        one_hot, "pick", lambda s, grad, **k: argrad.select(_values(s), s, grad=grad, **k), _vector, vertex=False
    ),
    "select from a table": Op(
        one_hot,
        "pick",
        lambda s, grad, **k: argrad.select(TABLE.to(s), s, grad=grad, shared=True, **k),
        _vector,
        vertex=False,
    ),
    "select a sample": Op(
        one_hot,
        "draw",
        lambda s, grad, **k: argrad.select(_values(s), s, grad=grad, sample=True, **k),
        _vector,
        vertex=False,
    ),
    "expect": Op(
        one_hot, "expect", lambda s, grad, **k: argrad.expect(_linear, s, grad=grad, **k), _drop, vertex=False
    ),
    "threshold": Op(cube(), "pick", lambda s, grad, generator=None: argrad.threshold(s, 0.1, grad=grad)),  # noqa: ARG005
    "sign": Op(cube(-1, 1), "pick", lambda s, grad, generator=None: argrad.sign(s, grad=grad)),  # noqa: ARG005
    "round": Op(grid(), "pick", lambda s, grad, generator=None: argrad.round(s, grad=grad)),  # noqa: ARG005
    "round to levels": Op(grid(LEVELS), "pick", lambda s, grad, generator=None: argrad.round(s, LEVELS, grad=grad)),  # noqa: ARG005
    "draw from a cube": Op(cube(0.1, 0.7), "draw", _drawing(cube(0.1, 0.7))),
    "draw from a grid": Op(grid(), "draw", _drawing(grid())),
    "draw from levels": Op(grid(LEVELS), "draw", _drawing(grid(LEVELS))),
    "expect over a cube": Op(
        cube(-1, 1),
        "expect",
        lambda s, grad, **k: argrad.expect(_elementwise, s, grad=grad, choice=cube(-1, 1), **k),
        vertex=False,
    ),
    "expect over levels": Op(
        grid(LEVELS),
        "expect",
        lambda s, grad, **k: argrad.expect(_elementwise, s, grad=grad, choice=grid(LEVELS), **k),
        vertex=False,
    ),
}


def fits(op: Op, grad: Estimator) -> bool:
    """Whether this estimator makes sense for this verb."""
    needs = grad.needs.get(op.method)
    if needs is None or not all(op.choice.has(function) for function in needs):
        return False
    of_simplex = getattr(grad, "relaxation", None) is not None  # along the last dimension
    tempered = any(getattr(grad, name, 1) != 1 for name in ("temperature", "forward_temperature"))
    soft_law = isinstance(grad, argrad.MarginalLikelihood)  # whose temperature is the cost's
    return not (of_simplex and not op.choice.event_dims) and (op.choice.scalable or soft_law or not tempered)


def hard(grad: Estimator) -> bool:
    """Whether its forward value is a vertex."""
    return not isinstance(grad, argrad.Relaxed | argrad.Perturbed)


CASES = [(op, grad) for op in OPS for grad in ESTIMATORS if fits(OPS[op], ESTIMATORS[grad])]


def scores(*batch: int, seed: int = 0, dtype: torch.dtype = torch.float32, **kind: Any) -> torch.Tensor:
    """Random scores, a leaf that asks for a gradient."""
    s = torch.randn(*batch, OPTIONS, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return s.to(dtype=dtype, **kind).requires_grad_()


def seeded(seed: int = 0) -> torch.Generator:
    """A generator of one's own."""
    return torch.Generator().manual_seed(seed)


def pull_back(result: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
    """The gradient of a linear function of the result."""
    weights = torch.linspace(-1, 2, result.numel(), dtype=torch.float64).view(result.shape).to(result)
    return torch.autograd.grad((result * weights).sum(), s)[0]
