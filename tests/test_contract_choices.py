"""Every cell of the table choice × estimator × verb: vertices, masks, and the bias that it claims."""

import copy
import pickle

import pytest
import torch

import argrad
import contract_page
from argrad import choices
from argrad._carrier import exact
from argrad.core import Choice
from argrad.estimators.exact import all_vertices, joint_log_prob
from contract_choices import CELLS, CHOICES, DEFAULTS, bias, cost_of, event_sum, listed, scores, works
from contract_table import hard, pull_back, seeded

pytest.importorskip("scipy")

every_cell = pytest.mark.parametrize(("name", "estimator", "verb"), CELLS, ids=map(" ".join, CELLS))
EXPECT = [(c, e) for c, e, v in CELLS if v == "expect"]


def of_bias(*kinds):
    cells = [(c, e) for c, e in EXPECT if bias(CHOICES[c].choice, DEFAULTS[e]) in kinds]
    return pytest.mark.parametrize(("name", "estimator"), cells, ids=map(" ".join, cells))


def call(name, estimator, verb, s, generator=None, choice=None, degree=2):
    choice, grad = choice or CHOICES[name].choice, DEFAULTS[estimator]
    if verb == "pick":
        return argrad.pick(choice, s, grad=grad)
    if verb == "draw":
        return argrad.draw(choice, s, grad=grad, generator=generator)
    return argrad.expect(cost_of(name, degree), s, grad=grad, choice=choice, generator=generator)


def is_vertex(name, y, s):
    """Whether each of these is a vertex, bit for bit; a solver's are those that it gives back."""
    choice = CHOICES[name].choice
    if not choice.has("enumerate"):
        return torch.equal(choice.hard(y), y)
    vertices = choice.enumerate(s.detach())
    if choice.event_dims == 0:
        return bool((y == vertices).any(0).all())
    return bool((y == vertices).flatten(y.ndim + 1 - choice.event_dims).all(-1).any(0).all())


def test_every_public_choice_is_listed():
    relaxations = {"birkhoff", "entmax", "entmax15", "entropic_rank", "sinkhorn", "soft_rank", "soft_sort", "softsort"}
    named = {name.split("(")[0] for name in CHOICES}
    assert named == set(choices.__all__) - relaxations - {"sparsemax"}


def test_the_page_says_what_the_code_says():
    assert contract_page.PAGE.read_text() == contract_page.page(), "run python tests/contract_page.py"


@every_cell
def test_a_cell_gives_vertices_and_gradients_and_keeps_masks(name, estimator, verb):
    case, s = CHOICES[name], scores(name, 2)
    y = call(name, estimator, verb, s, seeded())
    assert y.shape == ((2,) if verb == "expect" else s.shape)
    if verb != "expect" and hard(DEFAULTS[estimator]):
        assert is_vertex(name, y.detach(), s)
    gradient = pull_back(y, s)
    assert gradient.isfinite().all()
    if case.masked is not None:
        assert gradient[(0, *case.masked)] == 0
        assert verb == "expect" or y[(0, *case.masked)] == 0


@every_cell
def test_a_cell_takes_any_batch_dtype_and_generator_and_touches_no_other(name, estimator, verb):
    before = torch.get_rng_state()
    for batch, dtype in (((), torch.float64), ((0, 2), torch.float32), ((2, 3), torch.bfloat16)):
        s = scores(name, *batch, dtype=dtype)
        y, again = (call(name, estimator, verb, s, seeded()) for _ in range(2))
        assert torch.equal(y, again)
        assert y.dtype == dtype
        assert y.shape == (batch if verb == "expect" else s.shape)
        if verb != "expect" and hard(DEFAULTS[estimator]):
            assert is_vertex(name, y.detach(), s)
        if "GumbelRao" not in estimator:  # its backward pass draws from the generator
            assert torch.equal(pull_back(y, s), pull_back(again, s))
    assert torch.equal(torch.get_rng_state(), before)


@every_cell
def test_a_cell_uses_only_what_the_estimator_says_it_needs(name, estimator, verb):
    choice, grad = CHOICES[name].choice, DEFAULTS[estimator]
    functions = {function: getattr(choice, function) for function in grad.needs[verb]}
    bare = Choice(hard=choice.hard, event_dims=choice.event_dims, scalable=choice.scalable, **functions)
    s = scores(name, 1)
    pull_back(call(name, estimator, verb, s, seeded(), bare), s)


@pytest.mark.parametrize("name", CHOICES)
@pytest.mark.parametrize("estimator", DEFAULTS)
def test_what_is_not_defined_is_refused_in_words(name, estimator):
    for verb in ("pick", "draw", "expect"):
        if not works(CHOICES[name].choice, DEFAULTS[estimator], verb):
            with pytest.raises(TypeError, match=r"must have|needs the function"):
                call(name, estimator, verb, scores(name, 1))


@pytest.mark.parametrize("name", CHOICES)
def test_choices_travel(name):
    choice, s = CHOICES[name].choice, scores(name, 3).detach()
    twin = copy.deepcopy(choice)
    assert torch.equal(twin.hard(s), choice.hard(s))
    if choice.event_dims == 0 or name in ("one_hot", "rank") or "subset" in name:
        assert torch.equal(pickle.loads(pickle.dumps(choice)).hard(s), choice.hard(s))  # noqa: S301


# --------------------------------------------------------------------------------------------- the bias that is claimed


def states(name, s):
    """All joint states that share a cost, and their log-probabilities: (states, *batch, …), (states, *batch)."""
    choice, dims = listed(name), s.ndim - len(CHOICES[name].shape)
    (vertices,) = all_vertices(choice, (s,), dims, "the test")
    return vertices, joint_log_prob(choice, (s,), [vertices], dims + 1)


def truth(name, s, degree=2):
    """E[cost] and its gradient, by the enumeration."""
    vertices, log_p = states(name, s)
    value = (log_p.exp() * cost_of(name, degree)(vertices)).sum(0)
    return value, torch.autograd.grad(value.sum(), s)[0]


def close(got, expected):
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-8)


LISTED = [name for name in CHOICES if listed(name).has("enumerate")]


@pytest.mark.parametrize("name", LISTED)
def test_soft_is_the_mean_of_the_law_where_the_choice_says_so(name):
    choice, s = CHOICES[name].choice, scores(name, 2)
    vertices, log_p = states(name, s)
    weight = log_p.exp().view(*log_p.shape, *[1] * len(CHOICES[name].shape))
    mean = (weight * vertices).sum(0)
    assert torch.allclose(choice.soft(s), mean, rtol=0, atol=1e-9) == choice.soft_is_mean
    if choice.soft_is_mean:
        close(pull_back(choice.soft(s), s), pull_back(mean, s))


@pytest.mark.parametrize("name", [n for n in LISTED if CHOICES[n].choice.event_dims])
def test_ties_are_equal_in_the_soft_limit(name):
    choice, s = CHOICES[name].choice, scores(name).detach() * 0
    close(choice.soft(s), choice.enumerate(s).mean(0))


@of_bias("exact")
def test_exact_is_exact(name, estimator):
    s = scores(name, 2)
    if "MarginalLikelihood" in estimator:
        vertices, log_p = states(name, s)
        expected = -(log_p - cost_of(name, 2)(vertices)).logsumexp(0)  # its own objective, at temperature 1
        slope = torch.autograd.grad(expected.sum(), s)[0]
    else:
        expected, slope = truth(name, s)
    value = call(name, estimator, "expect", s)
    close(value, expected)
    close(torch.autograd.grad(value.sum(), s)[0], slope)


@of_bias("linear")
def test_linear_is_exact_for_linear_costs(name, estimator):
    s = scores(name, 2)
    for seed in range(3):
        value = call(name, estimator, "expect", s, seeded(seed), degree=1)
        close(torch.autograd.grad(value.sum(), s)[0], truth(name, s, degree=1)[1])


@of_bias("quadratic")
def test_quadratic_is_exact_for_quadratic_costs_on_average_over_the_vertices(name, estimator):
    s, choice = scores(name, 2), CHOICES[name].choice
    vertices, log_p = states(name, s)
    leaf = s.detach().expand(len(vertices), *s.shape).clone().requires_grad_()
    y = exact(vertices, DEFAULTS[estimator].carry(choice, leaf, vertices))
    loss = (log_p.exp().detach() * cost_of(name)(y)).sum()
    close(torch.autograd.grad(loss, leaf)[0].sum(0), truth(name, s)[1])


@of_bias("unbiased")
def test_unbiased_has_the_right_mean(name, estimator):
    """Over independent rows with the same scores; z-scores below 4.5, or equal to rounding."""
    rows = 1000
    one = (scores(name, 1, seed=3).detach() / 2).requires_grad_()  # no rare vertices: means of few draws are not normal
    value, slope = truth(name, one)
    wide = one.detach().expand(rows, *CHOICES[name].shape).clone().requires_grad_()
    values = call(name, estimator, "expect", wide, seeded())
    (slopes,) = torch.autograd.grad(values.sum(), wide)
    for each, expected in ((values.detach(), value.detach()), (slopes, slope)):
        error = (each.mean(0) - expected[0]).abs()
        assert (error <= 4.5 * each.std(0) / rows**0.5 + 1e-9).all()


@pytest.mark.parametrize("name", LISTED)
def test_draws_have_the_law(name):
    """Pearson's chi-square against the enumeration, as a z-score by its mean and variance."""
    count, s = 5000, scores(name, 1, seed=3).detach()
    vertices, log_p = states(name, s)
    expected = count * log_p[:, 0].exp()
    draws = CHOICES[name].choice.sample(s, count, seeded())
    same = event_sum((draws.unsqueeze(1) != vertices).double(), name) == 0
    seen = same.sum((0, 2)).double()
    assert seen.sum() == count
    assert (seen[expected == 0] == 0).all()
    often = expected > 5
    chi = ((seen - expected).square() / expected)[often].sum()
    freedom = max(int(often.sum()) - 1, 1)
    assert abs(chi - freedom) < 4.5 * (2 * freedom) ** 0.5


# ----------------------------------------------------------------------------------------------------------- transforms

ALONE = {"matching", "permutation", "solver(f)", "numpy_solver(f)"}  # solve one instance after another
ACTIVE_SET = {("chain", "Spigot()"), ("segmentation", "Spigot()")}  # as many rounds as the values ask for
PICKED = [(c, e) for c, e, v in CELLS if v == "pick" and c not in ALONE and (c, e) not in ACTIVE_SET]


@pytest.mark.parametrize(("name", "estimator"), PICKED, ids=map(" ".join, PICKED))
def test_vmap_of_grad_is_the_gradient_of_the_batch(name, estimator):
    s = scores(name, 3)
    weight = torch.linspace(-1, 2, s[0].numel(), dtype=torch.float64).view(s[0].shape)

    def loss(row):
        return (call(name, estimator, "pick", row) * weight).sum()

    mapped = torch.func.vmap(torch.func.grad(loss))(s.detach())
    y = call(name, estimator, "pick", s)
    close(mapped, torch.autograd.grad((y * weight).sum(), s)[0])


@pytest.mark.filterwarnings("ignore:.*should not be instantiated")  # dynamo's way with autograd functions
@pytest.mark.parametrize("name", [n for n in CHOICES if n not in ALONE])
def test_straight_through_compiles_as_one_graph(name):
    s = scores(name, 2)
    torch.compiler.reset()
    compiled = torch.compile(lambda x: call(name, "StraightThrough()", "pick", x), fullgraph=True, backend="eager")
    y, twin = compiled(s), call(name, "StraightThrough()", "pick", s)
    assert torch.equal(y, twin)
    close(pull_back(y, s), pull_back(twin, s))
