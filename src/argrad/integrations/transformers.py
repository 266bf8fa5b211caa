"""A Hugging Face `TrainerCallback`: the doctor watches the first steps of a training and prints its report."""

from __future__ import annotations

import sys
from typing import Any

from argrad.doctor import Watch, watch
from argrad.doctor.terminal import show

try:
    from transformers import TrainerCallback
except ImportError as error:
    raise ImportError("This callback needs transformers: pip install transformers") from error


class GradientDoctor(TrainerCallback):
    """Watch `steps` optimiser steps; `watched.report` holds the verdict afterwards."""

    def __init__(self, steps: int = 2) -> None:
        self.steps = steps
        self.watched: Watch | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Start to watch."""
        self.watched = watch(kwargs["model"], steps=self.steps).__enter__()

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Stop, and print the report."""
        if self.watched is not None:
            self.watched.__exit__(None, None, None)
            show(self.watched.report, sys.stderr)
