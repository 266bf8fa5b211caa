"""Tables that come with scikit-learn: nothing is downloaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

Parts = tuple["Tensor", "Tensor", "Tensor", "Tensor"]


def table(name: str) -> tuple[Tensor, Tensor]:
    """Load one by its name: rows (N, columns) in float32, and what belongs to them (N,).

    Raises:
        ModuleNotFoundError: scikit-learn is not installed.
    """
    try:
        from sklearn import datasets  # noqa: PLC0415 (an optional dependency)
    except ModuleNotFoundError as error:
        msg = "The built-in problems need scikit-learn's data: pip install 'argrad[sklearn]'"
        raise ModuleNotFoundError(msg) from error
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return torch.as_tensor(x, dtype=torch.float32), torch.as_tensor(y)


def standardised(x: Tensor) -> Tensor:
    """Give columns of mean 0 and variance 1."""
    return (x - x.mean(0)) / x.std(0)


def split(x: Tensor, y: Tensor, trained: int, generator: torch.Generator, device: str | torch.device) -> Parts:
    """Shuffle the rows, and deal them: x and y to train with, x and y to test with."""
    order = torch.randperm(len(x), generator=generator)
    train, test = order[:trained], order[trained:]
    return x[train].to(device), y[train].to(device), x[test].to(device), y[test].to(device)
