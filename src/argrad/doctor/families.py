"""What each operation does to a gradient: the families of cuts, by the operation's name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """A kind of cut: its stable code, its name, and what it does to the derivative."""

    code: str
    name: str
    why: str
    operations: frozenset[str] = frozenset()
    explicit: bool = False
    chooses: bool = False


def _ops(names: str) -> frozenset[str]:
    return frozenset(names.split())


INDEX = Family(
    "ARG001",
    "index",
    "an index is an integer: it carries no gradient",
    _ops(
        "argmax argmin argsort sort msort topk max min kthvalue median nanmedian mode unique unique_consecutive "
        "nonzero aminmax cummax cummin where argwhere flatnonzero linear_sum_assignment"
    ),
    chooses=True,
)
COMPARISON = Family(
    "ARG002",
    "comparison",
    "a comparison is a step: derivative 0 everywhere",
    _ops(
        "gt ge lt le eq ne __gt__ __ge__ __lt__ __le__ __eq__ __ne__ greater greater_equal less less_equal equal "
        "not_equal isclose allclose isnan isinf isfinite logical_and logical_or logical_not logical_xor any all "
        "__and__ __or__ __xor__ __invert__ bitwise_and bitwise_or bitwise_not bitwise_xor isin signbit"
    ),
    chooses=True,
)
ROUNDING = Family(
    "ARG003",
    "rounding",
    "derivative 0 everywhere",
    _ops(
        "round floor ceil trunc fix sign sgn heaviside round_ floor_ ceil_ trunc_ fix_ sign_ sgn_ heaviside_ "
        "floor_divide __floordiv__ __rfloordiv__ fake_quantize_per_tensor_affine"
    ),
    chooses=True,
)
CAST = Family(
    "ARG004",
    "cast",
    "integers and booleans carry no gradient",
    _ops("long int bool short char byte to type type_as int32 int64"),
    chooses=True,
)
ENCODING = Family(
    "ARG005",
    "encoding",
    "counting and bucketing are steps: derivative 0 everywhere",
    _ops("one_hot bucketize searchsorted bincount histc histogram histogramdd count_nonzero digitize"),
    chooses=True,
)
SAMPLING = Family(
    "ARG006",
    "sampling",
    "a sample carries no gradient to its probabilities",
    _ops(
        "multinomial bernoulli bernoulli_ normal normal_ poisson binomial _standard_gamma _sample_dirichlet "
        "exponential_ geometric_ sample"
    ),
    chooses=True,
)
PYTHON = Family(
    "ARG007",
    "python",
    "a Python number or branch knows nothing of autograd",
    _ops("item tolist numpy __float__ __int__ __bool__ __index__ __array__ __contains__ __complex__"),
)
DETACH = Family(
    "ARG008",
    "detach",
    "the value is cut out of the graph on purpose",
    _ops("detach detach_ data no_grad"),
    explicit=True,
)
REWRAP = Family(
    "ARG009",
    "rewrap",
    "a new tensor is made of the values: it has no history",
    _ops("tensor as_tensor asarray Parameter new_tensor Tensor Variable scalar_tensor"),
)
FUNCTION = Family("ARG010", "function", "its backward returns no gradient here")
INPLACE = Family("ARG011", "inplace", "values are copied where autograd does not look")
SATURATION = Family(
    "ARG012",
    "saturation",
    "every value lies where the function is flat",
    _ops(
        "relu relu_ relu6 threshold clamp clamp_ clip clip_ clamp_min clamp_max clamp_min_ clamp_max_ hardtanh "
        "hardtanh_ hardsigmoid hardswish sigmoid sigmoid_ tanh tanh_ softmax log_softmax softmin logsigmoid elu selu "
        "gelu silu leaky_relu softplus erf exp maximum minimum hinge_embedding_loss margin_ranking_loss "
        "triplet_margin_loss triplet_margin_with_distance_loss celu mish softsign tanhshrink hardshrink softshrink"
    ),
)
COLD = Family("ARG013", "cold-softmax", "so cold that the gradient of the softmax underflows", _ops("softmax"))
UNUSED = Family("ARG014", "unused", "nothing that the loss depends on was computed from it")
REQUIRES = Family("ARG015", "requires-grad", "silences the error and reconnects nothing", _ops("requires_grad_"))
CONSTANT = Family("ARG016", "constant-weight", "one option normalised by itself is the constant 1")
ZERO = Family("ARG017", "zero", "multiplied by exact zeros")
CLEARED = Family("ARG018", "cleared", "the gradient arrived and was cleared before the step")
CANCELLED = Family("ARG022", "cancelled", "what the terms of the loss send to it adds up to exactly 0")
UNSEEN = Family("ARG024", "unseen", "it ends inside of a call that the doctor cannot look into (TorchScript, C++)")
FADED = Family("ARG023", "faded", "it shrinks from operation to operation until next to nothing is left")
FIRST_ORDER = Family("ARG019", "first-order", "a gradient taken without create_graph is a constant", _ops("grad"))
DERIVATIVE = Family("ARG025", "derivative", "only a derivative reaches the loss, and that does not depend on it")
DEAD_TERM = Family("ARG020", "dead-term", "this term of the loss is constant to autograd")
OTHER = Family("ARG021", "other", "the result carries no gradient")

BY_NAME = (
    INDEX, COMPARISON, ROUNDING, ENCODING, SAMPLING, PYTHON, DETACH, REWRAP, REQUIRES, FIRST_ORDER, CAST,
)  # fmt: skip
FAMILIES = (
    *BY_NAME,
    FUNCTION,
    INPLACE,
    SATURATION,
    COLD,
    UNUSED,
    CONSTANT,
    ZERO,
    CLEARED,
    CANCELLED,
    FADED,
    UNSEEN,
    DERIVATIVE,
    DEAD_TERM,
    OTHER,
)

LOOKS = _ops(
    "__getitem__ unsqueeze squeeze view reshape expand expand_as transpose t permute unbind chunk split select"
)
"""Operations that show their argument in another shape, or a part of it."""

GATES = _ops("softmax softmin gumbel_softmax sigmoid exp")
"""Operations whose result, used as a factor, can close: its values are next to 0 where they saturate."""

FLAT = ROUNDING.operations | _ops("histc histogram histogramdd nextafter bernoulli poisson normal binomial")
"""Operations whose derivative is 0 everywhere although autograd calls them differentiable."""

NEVER = (
    COMPARISON.operations
    | ROUNDING.operations
    | ENCODING.operations
    | {"argmax", "argmin", "argsort", "long", "int", "bool"}
)
"""Operations that pass no gradient whatever they are given."""

ESCAPES = PYTHON.operations | {"equal", "allclose", "is_nonzero"}
"""Operations whose result leaves torch."""

WITHOUT_VALUES = _ops(
    "zeros_like ones_like empty_like full_like rand_like randn_like randint_like new_zeros new_ones new_empty "
    "new_full new_empty_strided size dim numel stride storage_offset ndimension nelement element_size is_contiguous "
    "is_floating_point is_complex get_device __len__ __repr__ __format__ __hash__ __reduce_ex__ __str__ __dir__ "
    "register_hook retain_grad untyped_storage storage data_ptr is_set_to is_pinned result_type can_cast "
    "is_same_size is_tensor is_storage broadcast_shapes broadcast_tensors_shapes iscomplexobj numel "
    "register_post_accumulate_grad_hook __deepcopy__ share_memory_ __setstate__ is_shared type_promotion "
    "_record_function_enter_new _RecordFunction manual_seed __cuda_array_interface__ __dlpack__ promote_types"
)
"""Operations whose result does not depend on the values of their arguments."""

OVERWRITES = _ops("zero_ fill_ copy_ normal_ uniform_ random_ exponential_ bernoulli_ log_normal_ cauchy_ set_")
"""In-place operations after which nothing of the old value is left."""


def family_of(name: str, *, under_no_grad: bool, in_sampler: bool, writes: bool) -> Family:
    """The family of a cut, by the operation and the circumstances in which it ran."""
    if name in SAMPLING.operations or in_sampler:
        return SAMPLING
    if writes and under_no_grad:
        return INPLACE
    if under_no_grad and name not in INDEX.operations - {"max", "min", "where", "sort"}:
        return DETACH
    return next((family for family in BY_NAME if name in family.operations), OTHER)
