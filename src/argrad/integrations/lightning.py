"""A Lightning callback: the doctor watches the first steps of a fit and prints its report."""

from __future__ import annotations

import sys
from typing import Any

from argrad.doctor import Watch, watch
from argrad.doctor.terminal import show

try:
    from lightning.pytorch.callbacks import Callback
except ImportError:
    try:
        from pytorch_lightning.callbacks import Callback
    except ImportError as error:
        raise ImportError("This callback needs Lightning: pip install lightning") from error


class GradientDoctor(Callback):
    """Watch `steps` optimiser steps; `watched.report` holds the verdict afterwards."""

    def __init__(self, steps: int = 2) -> None:
        super().__init__()
        self.steps = steps
        self.watched: Watch | None = None

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002  (Lightning's signature)
        """Start to watch."""
        self.watched = watch(pl_module, steps=self.steps).__enter__()

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002  (Lightning's signature)
        """Stop, and print the report."""
        if self.watched is not None:
            self.watched.__exit__(None, None, None)
            show(self.watched.report, sys.stderr)
