"""What verbs with `sample=` share: the best one, or a draw, by the estimator that was given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argrad._checks import in_the_name_of, require_generator
from argrad.verbs._door import require_fit

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from argrad.core import Choice, Estimator


def choose(
    choice: Choice, scores: Tensor, grad: Estimator, of: str, sample: bool, generator: torch.Generator | None
) -> Tensor:
    """Pick the best, or draw one, after a check that the estimator fits."""
    ways = {"pick": f"argrad.{of}", "draw": f"argrad.{of}(sample=True)", "expect": "argrad.expect(choice=…)"}
    if sample:
        require_generator(generator, scores, of)
        estimator = require_fit(grad, choice, "draw", f"{of}(sample=True)", ways)
        return in_the_name_of(of, estimator.draw, choice, scores, generator)
    return in_the_name_of(of, require_fit(grad, choice, "pick", of, ways).pick, choice, scores)
