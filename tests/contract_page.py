"""Writes docs/choice-by-estimator.md from the code: `python tests/contract_page.py`."""

from collections.abc import Iterator
from pathlib import Path

from contract_choices import CHOICES, DEFAULTS, VERBS, bias, lacks
from contract_table import hard

PAGE = Path(__file__).parents[1] / "docs" / "choice-by-estimator.md"

TOP = """# Choice × estimator: what works, and how good it is

Every choice of argrad with every estimator at its defaults. `python tests/contract_page.py` writes this page from
what the code declares: `Choice.has`, `Choice.soft_is_mean`, `Estimator.needs`, `Estimator.bias`. The contract suite
runs each cell that works, checks each claim of no bias against the enumeration of all vertices, and sees that each
cell that is not defined is refused in words.

`solver(f)` and `numpy_solver(f)` stand for [a solver that nobody can differentiate](solver.md); the other choices are
on the pages on [subsets and orders](subsets-and-orders.md) and on [structures](structures.md).
"""

INTRODUCTION = {
    "pick": """
## The best: `argrad.pick`, `argmax`, `topk`, `rank`, `permutation`, `round` …

*works*: the forward value is the vertex, bit for bit. *soft*: it is a point between the vertices. Nothing is random
here, so there is no expectation whose gradient could be exact.
""",
    "draw": """
## A draw: `argrad.draw`, `sample`, `topk(sample=True)` …

*works*: the forward value is a random vertex, bit for bit. *soft*: a point between the vertices, or a mean of several.
""",
    "expect": """
## The expected cost: `argrad.expect`

What is said is said of the gradient of E[cost], the mean over the choice's own law.

- *exact*: value and gradient, without noise (`MarginalLikelihood`: of its own objective, the soft minimum of the cost);
- *unbiased*: right on average over the draws, for any cost;
- *quadratic*, *linear*: unbiased for costs of that degree in the vertex, biased for others;
- *works*: a gradient, biased for every cost, or that of another law (`Perturbed`: of the perturbed one).
""",
}

ABSENT = """
## What is not defined

A dash is followed by what the choice lacks and the estimator needs. The verb refuses the pair and names the estimators
that work.
"""

WHY = {
    "soft": "a relaxation. A solver tells its best vertex alone; name a function, `StraightThrough(relaxation=…)`.",
    "sample": "draws from a law. A solver has none; noise makes one, `ImplicitMLE()`, `Perturbed()`.",
    "log_prob": "the probability of a vertex. A solver has no law.",
    "enumerate": "the list of all vertices. A solver does not tell them, and the integers have no end.",
    "covariance": "the covariance of the law that has a given mean. Elsewhere it has no closed form.",
    "conditional": "the noise given that a vertex wins. It is known where the scores of the parts compete one by one.",
    "lift": "scores moved so that a vertex wins. Scores that are rounded are points, and not moved.",
}
LETTER = dict(zip(WHY, "abcdefg", strict=True))


def page() -> str:
    """The page, as the code has it."""
    legend = [f"- *{LETTER[function]}*: `{function}`, {why}" for function, why in WHY.items()]
    return "\n".join([TOP.rstrip(), *(line for verb in VERBS for line in _section(verb)), ABSENT, *legend, ""])


def _section(verb: str) -> Iterator[str]:
    yield INTRODUCTION[verb]
    rows = [name for name, estimator in DEFAULTS.items() if verb in estimator.needs]
    yield "| | " + " | ".join(f"`{name}`" for name in CHOICES) + " |"
    yield "|---|" + "---|" * len(CHOICES)
    for name in rows:
        yield f"| `{name}` | " + " | ".join(_cell(choice, name, verb) for choice in CHOICES) + " |"
    absent = [f"`{name}`" for name in DEFAULTS if name not in rows]
    if absent:
        yield f"\nWithout a rule for `{verb}`, whatever the choice: {', '.join(absent)}."


def _cell(choice: str, estimator: str, verb: str) -> str:
    missing = lacks(CHOICES[choice].choice, DEFAULTS[estimator], verb)
    if missing:
        return f"– *{' '.join(sorted(LETTER[function] for function in missing))}*"
    if verb != "expect":
        return "works" if hard(DEFAULTS[estimator]) else "soft"
    claim = bias(CHOICES[choice].choice, DEFAULTS[estimator])
    return "works" if claim == "biased" else claim


if __name__ == "__main__":
    PAGE.write_text(page())
