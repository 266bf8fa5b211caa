"""The pytest plugin: a fixture that asserts that gradients flow. It imports torch only where it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def assert_gradients_flow() -> Callable[..., None]:
    """`argrad.doctor.assert_gradients_flow`, for tests of a model or of a loss."""
    from argrad.doctor import assert_gradients_flow as check  # noqa: PLC0415  (imports torch)

    return check
