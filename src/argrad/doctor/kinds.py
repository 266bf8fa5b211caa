"""What the recorder does with a call, by the operation's name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argrad.doctor import families

if TYPE_CHECKING:
    from torch import Tensor

PLAIN, SKIP, INPLACE, ESCAPE, GRAD_SET, DATA_SET = range(6)
_VALUE_GETTERS = frozenset(["data", "T", "mT", "H", "mH", "real", "imag"])
PRODUCTS = frozenset(["mul", "__mul__", "__rmul__"])
SUMS = frozenset(
    [
        "add",
        "sub",
        "add_",
        "sub_",
        "__add__",
        "__radd__",
        "__sub__",
        "__rsub__",
        "rsub",
        "__iadd__",
        "__isub__",
        "stack",
        "cat",
    ]
)


def name_of(func: Any) -> str:
    """The operation's name; a getter is named by its attribute."""
    name = getattr(func, "__name__", type(func).__name__)
    if name in {"__get__", "__set__"}:
        owner = getattr(getattr(func, "__self__", None), "__name__", "")
        return owner if name == "__get__" else f"{owner}="
    return name


def kind_of(func: Any) -> int:  # noqa: PLR0911  (a table, read from top to bottom)
    """What the recorder does with a call of `func`."""
    name = name_of(func)
    getter = getattr(func, "__name__", "") == "__get__"
    if name == "grad=":
        return GRAD_SET
    if name == "data=":
        return DATA_SET
    if (getter and name not in _VALUE_GETTERS) or name in families.WITHOUT_VALUES or name.endswith("="):
        return SKIP
    if name.startswith("is_"):
        return SKIP if name != "is_nonzero" else ESCAPE
    if name in {"_set_grad_enabled", "backward", "requires_grad_", "requires_grad"}:
        return SKIP
    if name in families.ESCAPES:
        return ESCAPE
    return INPLACE if _writes(name) else PLAIN


def _writes(name: str) -> bool:
    if name.startswith("__i") and name.endswith("__"):
        return name not in {"__index__", "__invert__", "__iter__", "__int__"}
    return name == "__setitem__" or (name.endswith("_") and not name.endswith("__"))


def storage_key(tensor: Tensor) -> int:
    """The identity of the memory that a tensor looks at; 0 if it has none."""
    try:
        return tensor.untyped_storage()._cdata  # noqa: SLF001
    except (RuntimeError, NotImplementedError):
        return 0


def is_view(tensor: Tensor) -> bool:
    """Whether a tensor shows a part of another."""
    return tensor._base is not None  # noqa: SLF001


def has_history(tensor: Tensor) -> bool:
    """Whether autograd can go back from it; some views of what was written under no_grad refuse to say."""
    try:
        return tensor.requires_grad and not tensor.is_leaf
    except RuntimeError:
        return False


def is_trainable(tensor: Tensor) -> bool:
    """Whether it is a leaf that requires gradient."""
    try:
        return tensor.requires_grad and tensor.is_leaf
    except RuntimeError:
        return False
