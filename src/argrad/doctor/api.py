"""Ways in for Python: watch a stretch of code, explain one loss, assert in a test."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor, nn

from argrad.doctor.diagnosis import diagnose
from argrad.doctor.names import names_of_arguments
from argrad.doctor.page import to_html
from argrad.doctor.report import Report
from argrad.doctor.sarif import to_sarif
from argrad.doctor.session import Session
from argrad.doctor.terminal import text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType


class Watch(contextlib.AbstractContextManager["Watch"]):
    """A watched stretch of code; its `report` is complete after the last watched step, or on exit.

    Prints as text, shows as HTML in a notebook.
    """

    def __init__(self, *models: nn.Module | Tensor, steps: int = 2) -> None:
        self._session = Session(steps)
        for number, model in enumerate(models):
            name = ("model" if number == 0 else f"model{number}") if isinstance(model, nn.Module) else f"input{number}"
            self._session.add(model, name)
        self._report: Report | None = None

    def __enter__(self) -> Self:
        """Start to watch."""
        self._session.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take everything off."""
        self._session.finish()

    @property
    def report(self) -> Report:
        """The verdict so far."""
        if self._report is None or not self._session.done:
            self._report = diagnose(self._session)
        return self._report

    def __getattr__(self, name: str) -> Any:
        """A watch is read like its report."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.report, name)

    def __str__(self) -> str:
        return text_of(self.report)

    def _repr_html_(self) -> str:
        return to_html(self.report, whole_page=False)

    def to_html(self) -> str:
        """A self-contained page with the source and its cuts marked."""
        return to_html(self.report)

    def to_sarif(self) -> str:
        """SARIF 2.1.0, for code hosts."""
        return to_sarif(self.report)


def watch(*models: nn.Module | Tensor, steps: int = 2) -> Watch:
    """Watch the training steps in a `with` block and tell where their gradient stops.

    Shapes: any. The run's numbers do not change: no random number is drawn, no tensor is touched, and everything is
    taken off after `steps` optimiser steps of each optimiser, or at the end of the block.

    Args:
        models: modules (or single tensors) to name and judge; the variables in sight are searched too.
        steps: how many steps of each optimiser are judged; one step misjudges zero-initialised layers.

    Raises:
        TypeError: if a model is neither a module nor a tensor, or `steps` is not an int of at least 1 (ValueError).

    Wrong when numbers pass through Python arithmetic or through the inside of TorchScript: there the flow is not
    seen, though the status is still measured.

    >>> import torch, argrad
    >>> from torch import nn
    >>> model = nn.Linear(3, 2)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> with argrad.doctor.watch(model) as watched:
    ...     for _ in range(2):
    ...         loss = (model(torch.ones(4, 3)).round() ** 2).mean()
    ...         optimizer.zero_grad()
    ...         loss.backward()
    ...         optimizer.step()
    >>> [(p.name, p.status) for p in watched.report.parameters]
    [('model.weight', 'zero'), ('model.bias', 'zero')]
    >>> watched.report.cuts[0].operation
    'round'
    """
    for model in models:
        if not isinstance(model, (nn.Module, Tensor)):
            raise TypeError(f"The 'models' parameter of watch must be modules or tensors. Got {model!r}.")
    if not isinstance(steps, int) or steps < 1:
        raise ValueError(f"The 'steps' parameter of watch must be an int of at least 1. Got {steps!r}.")
    return Watch(*models, steps=steps)


def explain(loss_fn: Callable[..., Tensor], *inputs: Any) -> Watch:
    """Run a loss forward and backward twice and tell which inputs and parameters get no gradient.

    Gradients that were there before are put back, and so is the state of the default random generators.

    Args:
        loss_fn: takes the inputs, returns a scalar tensor.
        inputs: watched if they are tensors that require gradient, or modules.

    Raises:
        TypeError: if `loss_fn` is not callable.

    >>> import torch, argrad
    >>> scores = torch.randn(4, 5, requires_grad=True)
    >>> values = torch.randn(4, 5, requires_grad=True)
    >>> def loss(scores, values):
    ...     return values.gather(1, scores.argmax(1, keepdim=True)).sum()
    >>> report = argrad.doctor.explain(loss, scores, values).report
    >>> {p.name: p.status for p in report.parameters}
    {'scores': 'none', 'values': 'flows'}
    """
    if not callable(loss_fn):
        raise TypeError(f"The 'loss_fn' parameter of explain must be callable. Got {loss_fn!r}.")
    session = Session(2, only_used=True)
    for name, value in names_of_arguments(loss_fn, inputs):
        session.add(value, name)
    with _unchanged(session.watched_tensors()):
        session.start()
        try:
            for _ in range(2):
                _backward(loss_fn(*inputs), session)
        finally:
            session.finish()
    result = Watch()
    result._session = session  # noqa: SLF001
    return result


def _backward(loss: Tensor, session: Session) -> None:
    """Backward of the sum; a loss without a history is a finding, not an error."""
    for leaf in session.watched_tensors():
        leaf.grad = None
    try:
        loss.sum().backward()
    except RuntimeError:
        if session.error is None or loss.requires_grad:
            raise


@contextlib.contextmanager
def _unchanged(leaves: Sequence[Tensor]) -> Iterator[None]:
    grads = [leaf.grad for leaf in leaves]
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        try:
            yield
        finally:
            for leaf, grad in zip(leaves, grads, strict=True):
                leaf.grad = grad


def assert_gradients_flow(
    loss_fn: Callable[..., Tensor] | Watch | Report, *inputs: Any, allow: Sequence[str] = ()
) -> None:
    """Raise `AssertionError` with the whole report unless every watched tensor gets a gradient.

    Args:
        loss_fn: a function of the inputs that returns a loss, or a watch (or report) that has seen training steps.
        inputs: of `loss_fn`; modules and tensors that require gradient are watched.
        allow: names (`fnmatch` patterns) that may starve.

    Raises:
        AssertionError: if something starves that is not allowed to.

    >>> import torch, argrad
    >>> from torch import nn
    >>> model = nn.Linear(3, 2)
    >>> def loss(model, x):
    ...     return model(x).pow(2).mean()
    >>> argrad.doctor.assert_gradients_flow(loss, model, torch.ones(4, 3))
    """
    if isinstance(loss_fn, Report):
        report = loss_fn
    else:
        report = (loss_fn if isinstance(loss_fn, Watch) else explain(loss_fn, *inputs)).report
    kept = report.without(tuple(allow))
    if not kept.parameters and not report.parameters:
        raise AssertionError("nothing was watched: no trainable tensor met a backward")
    if kept.unexcused:
        raise AssertionError(f"\n{text_of(report)}")
