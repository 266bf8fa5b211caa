"""The data: 1,797 handwritten digits of 8 × 8 pixels that come with scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from argrad.comparison.problems._tables import table

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Digits:
    """Images (N, 64) with pixels from 0 to 1, the same less the mean image at unit size, and classes (N,)."""

    images: Tensor
    centred: Tensor
    classes: Tensor

    def batches(self, size: int, steps: int, generator: torch.Generator) -> Iterator[Tensor]:
        """Give the indices of one random batch a step."""
        n = len(self.classes)
        for _ in range(steps):
            yield torch.randint(n, (size,), generator=generator).to(self.images.device)


def digits(device: str | torch.device = "cpu") -> tuple[Digits, Digits]:
    """Load them: 1,257 to train with, 540 to test with, always the same.

    Raises:
        ModuleNotFoundError: scikit-learn is not installed.
    """
    pixels, classes = table("digits")
    images, labels = pixels / 16, classes.long()
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    parts = (order[:1257], order[1257:])
    centred = (images - images.mean(0)) / (images - images.mean(0)).std()
    train, test = (Digits(images[i].to(device), centred[i].to(device), labels[i].to(device)) for i in parts)
    return train, test
