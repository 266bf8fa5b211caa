"""The comparison as a whole: its rule, its words, its files."""

import csv
import json
import re
from dataclasses import replace
from math import inf, nan

import pytest
import torch

import argrad
from argrad.comparison import (
    Annealed,
    Comparison,
    Deterministic,
    Metric,
    Outcome,
    Problem,
    Quality,
    Row,
    Training,
    at,
    label,
    stages,
)

PRICES = torch.tensor([0.0, 1.0, 3.0])


def cost(y):
    return (y @ PRICES - 1.2) ** 2


def measured(name, bias=0.0, noise=0.0, seconds=1e-3, hard=()):
    quality = Quality(bias, 0.01, bias > 0, noise, 1.0, 1.0, seconds, 100, 10)
    curves = {seed: (Outcome(h / 2, h, 0.5), Outcome(h, h + 1)) for seed, h in enumerate(hard)}
    return Row(name, quality, Training(curves) if curves else None)


def test_without_training_it_takes_the_least_error_in_equal_time():
    slow, quick = measured("slow", noise=0.1, seconds=1.0), measured("quick", noise=0.5, seconds=0.01)
    found = Comparison("p", (slow, quick, measured("biased", bias=0.3, seconds=0.01)))
    assert found.winner is quick  # a hundred calls: 0.5/√100 = 0.05
    assert found.error_at_equal_time(quick) == pytest.approx(0.05)
    assert found.verdict.startswith("Take quick: ")
    assert "slow: its gradient is off by 0.100" in found.verdict


def test_a_gradient_that_is_not_a_number_is_not_taken():
    diverged, fine = measured("diverged", noise=nan), measured("fine", noise=0.5)
    assert Comparison("p", (diverged, fine)).winner is fine
    assert Comparison("p", (diverged,)).verdict == "None of these estimators suits the problem."


def test_with_training_it_takes_the_best_worst_seed():
    brilliant, steady = measured("brilliant", hard=(99, 50, 99)), measured("steady", hard=(90, 91, 89))
    metric = Metric("accuracy [%]", larger_is_better=True)
    found = Comparison("p", (brilliant, steady), metric)
    assert found.winner is steady
    assert [row.name for row in found.trained] == ["steady", "brilliant"]
    assert (found.worst(brilliant), brilliant.training.median, brilliant.training.gap) == (50, 99, 1)
    lucky, even = measured("lucky", hard=(1, 9, 1)), measured("even", hard=(3, 4, 3))
    assert Comparison("p", (lucky, even)).winner is even  # where less is better


def test_results_that_the_test_cannot_tell_apart_go_to_the_fastest():
    one, two = measured("one", seconds=2e-3, hard=(90.4,)), measured("two", seconds=1e-3, hard=(90.0,))
    metric = Metric("accuracy [%]", larger_is_better=True, resolution=0.5)
    assert Comparison("p", (one, two), metric).winner is two
    assert Comparison("p", (one, two), replace(metric, resolution=0.1)).winner is one


def test_a_training_that_ends_in_nan_is_the_worst():
    good, lost = measured("good", hard=(5.0, 6.0)), measured("lost", hard=(0.1, nan))
    assert Comparison("p", (lost, good)).winner is good


def test_trainings_that_all_end_in_nan_or_fail_take_nobody(tmp_path):
    lost = measured("lost", hard=(nan, 1.0)), measured("lost too", hard=(nan, nan))
    for metric in (Metric(), Metric(larger_is_better=True)):
        found = Comparison("p", lost, metric)
        assert found.winner is None
        assert "None of these estimators suits the problem." in str(found)
        found.to_html(tmp_path / "r.html")
    failed = replace(measured("failed", hard=(0.0,)), refused="it broke with the second seed")
    assert Comparison("p", (failed, measured("good", hard=(1.0, 2.0)))).winner.name == "good"
    assert Comparison("p", (failed,)).winner is None


@pytest.mark.parametrize(
    ("result", "end", "reason"),
    [
        (torch.tensor(2.0), 2.0, None),
        (3, 3.0, None),
        ((Outcome(1.0), Outcome(4.0)), 4.0, None),
        (None, None, "Got None"),
        ("good", None, "Got 'good'"),
        ([], None, "Got []"),
        ([1.0, 2.0], None, "Got 1.0"),
    ],
)
def test_what_a_training_may_return(result, end, reason):
    found = argrad.compare(cost, torch.zeros(3), [argrad.ReinMax()], train=lambda _e, _s: result, seeds=1, draws=2)
    (row,) = found.rows
    assert (row.training.hard[-1] if row.training else None) == end
    assert (reason or "") in (row.refused or "")


@pytest.mark.parametrize("error", [KeyError("label"), ZeroDivisionError("no batch"), AttributeError("no head")])
def test_a_training_that_fails_leaves_the_others_what_they_had(error):
    def train(estimator, seed):
        if seed and isinstance(estimator, argrad.ReinMax):
            raise error
        return 1.0

    pair = [argrad.ReinMax(), argrad.StraightThrough()]
    found = argrad.compare(cost, torch.zeros(3), pair, train=train, seeds=2, draws=2)
    rows = {row.name: row for row in found.rows}
    assert str(error) in rows["ReinMax"].refused
    assert rows["StraightThrough"].training.hard == [1.0, 1.0]
    assert found.winner.name == "StraightThrough"


def test_a_cost_that_is_not_a_number_is_told():
    found = argrad.compare(lambda y: cost(y) + (y[..., 2] / 0).nan_to_num(0, inf), torch.zeros(3), draws=5)
    assert found.winner is None
    assert "The true gradient is not a number" in str(found)
    assert "< –" not in str(found)


def test_an_estimator_whose_gradient_is_never_a_number_is_not_exact():
    root = lambda y: (y @ PRICES).sqrt()  # noqa: E731 (without a derivative at the option worth 0)
    at_best = Deterministic(argrad.StraightThrough())
    found = argrad.compare(root, torch.zeros(3), [argrad.Enumerate(), at_best], draws=5)
    assert found.winner.name == "Enumerate"
    assert argrad.compare(root, torch.zeros(3), [at_best], draws=5).winner is None


@pytest.mark.parametrize("bad", [{"scores": None}, {"choice": "one_hot"}, {"metric": "loss"}, {"reference": "x"}])
def test_what_is_compared_is_checked_at_the_door(bad):
    ((parameter, given),) = bad.items()
    words = f"The '{parameter}' parameter of compare must be .* Got {given!r}"
    with pytest.raises(TypeError, match=words):
        argrad.compare(cost, **({"scores": torch.zeros(3)} | bad))


def test_gradients_are_compared_inside_of_no_grad_too():
    with torch.no_grad():
        found = argrad.compare(cost, torch.zeros(3), [argrad.ReinMax()], draws=2)
    assert found.row("ReinMax").quality is not None


def test_a_problem_takes_a_list_of_estimators():
    problem = Problem(cost, torch.zeros(3), [argrad.ReinMax()])
    *_, last = stages(problem, draws=2)
    assert [row.name for row in last.comparison.rows] == ["ReinMax"]


def test_a_real_comparison_prints_and_writes_everything(tmp_path):
    def train(_estimator, seed):
        for i in range(3):
            yield Outcome(hard=1.0 / (i + 1 + seed), soft=1.0, progress=(i + 1) / 3)

    found = argrad.compare(
        cost,
        torch.zeros(4, 3),
        {"<exact> & slow": argrad.Enumerate(), "cheap": argrad.ReinMax()},
        train=train,
        seeds=2,
        draws=50,
        metric=Metric("a loss"),
        name="toy",
    )
    assert found.complete
    assert found.row("cheap").training.hard == [1 / 3, 1 / 4]
    text = str(found)
    assert "<exact> & slow" in text
    assert found.verdict.split()[1] in text

    data = json.loads(found.to_json(tmp_path / "r.json").read_text(), parse_constant=pytest.fail)
    assert data["verdict"] == found.verdict
    assert data["estimators"][0]["signal_to_noise"] is None  # infinite: JSON has no such number
    assert data["curves"]["cheap"]["1"][-1]["hard"] == 0.25

    with found.to_csv(tmp_path / "r.csv").open() as file:
        records = list(csv.DictReader(file))
    assert [r["estimator"] for r in records] == ["<exact> & slow", "cheap"]
    assert float(records[1]["hard_worst"]) == 1 / 3

    page = found.to_html(tmp_path / "r.html").read_text()
    assert "&lt;exact&gt; &amp; slow" in page
    assert "<exact>" not in page
    assert "<svg" in page
    assert not re.search(r"<script|<link|<img|(src|href)=\"(?!#)", page)  # nothing is fetched, nothing runs
    assert found.plot(tmp_path / "r.png").read_bytes().startswith(b"\x89PNG")


def test_the_report_says_only_what_the_table_shows():
    hard = Row("hard", measured("hard").quality, Training({0: (Outcome(1.0),)}))
    assert "soft" not in str(Comparison("p", (hard,)))
    assert "objective" not in str(Comparison("p", (hard,)))
    both = str(Comparison("p", (measured("Relaxed", hard=(1.0,)), hard)))
    assert "soft − hard" in both
    assert "Relaxed has an objective of its own" in both
    assert "None of these" in str(Comparison("p", (Row("unfit", refused="needs a law"),)))


def test_an_estimator_that_does_not_suit_has_the_reason_in_its_row():
    black_box = lambda y: y.argmax(-1).float()  # noqa: E731
    found = argrad.compare(black_box, torch.zeros(3), [argrad.Enumerate(), argrad.ReinMax()], draws=10)
    assert found.row("Enumerate").refused is None
    assert "differentiable" in found.row("ReinMax").refused
    assert "ReinMax is left out" in str(found)
    assert [r["refused"] for r in found.records()] == [None, found.row("ReinMax").refused]


def test_an_early_stop_leaves_the_same_seeds_for_all():
    estimators = {"a": argrad.Enumerate(), "b": argrad.ReinMax()}
    problem = Problem(cost, torch.zeros(3), estimators, train=lambda _e, seed: float(seed))
    seen = [stage.comparison for stage in stages(problem, seeds=3, draws=5)]
    counts = [[len(r.training.curves) if r.training else 0 for r in c.rows] for c in seen]
    assert all(a - b in (0, 1) for a, b in counts)
    assert not any(c.complete for c in seen[:-1])
    assert seen[-1].complete
    assert seen[-1].verdict


def test_progress_never_goes_back():
    problem = Problem(cost, torch.zeros(3), {"a": argrad.ReinMax()}, train=lambda _e, _s: [Outcome(1.0, progress=0.5)])
    done = [stage.done for stage in stages(problem, seeds=2, draws=5)]
    assert done == sorted(done)
    assert done[-1] == 4  # truth, gradient, two trainings


def test_annealing_goes_by_equal_factors_and_meets_its_ends():
    annealed = Annealed(argrad.MarginalLikelihood(), 4.0, 0.25)
    assert [at(annealed, t).temperature for t in (0, 0.25, 0.5, 1)] == pytest.approx([4, 2, 1, 0.25])
    assert at(argrad.ReinMax(), 0.7) == argrad.ReinMax()


def test_deterministic_evaluates_at_the_argmax():
    scores = torch.tensor([[0.0, 2.0, 1.0]], requires_grad=True)
    value = argrad.expect(cost, scores, grad=Deterministic(argrad.StraightThrough()))
    assert value.item() == pytest.approx((1 - 1.2) ** 2)
    (grad,) = torch.autograd.grad(value.sum(), scores)
    y = argrad.argmax(scores)
    assert torch.allclose(grad, torch.autograd.grad(cost(y).sum(), scores)[0])


def test_labels_say_what_differs():
    assert label(argrad.StraightThrough(noise=argrad.noise.Gumbel())) == "StraightThrough(noise=Gumbel)"
    assert label(argrad.Relaxed(relaxation=argrad.sparsemax)) == "Relaxed(relaxation=sparsemax)"
    assert label(Deterministic(argrad.Spigot())) == "Spigot at the argmax"


@pytest.mark.parametrize(
    ("call", "error", "word"),
    [
        (lambda: argrad.compare(cost, torch.zeros(3, dtype=torch.long)), TypeError, "scores"),
        (lambda: argrad.compare(cost, torch.zeros(3), []), ValueError, "estimators"),
        (lambda: argrad.compare(cost, torch.zeros(3), [argrad.ReinMax(), argrad.ReinMax()]), ValueError, "different"),
        (lambda: argrad.compare(cost, torch.zeros(3), draws=1), ValueError, "draws"),
        (lambda: argrad.compare(cost, torch.zeros(3), train=lambda _e, _s: 1.0, seeds=0), ValueError, "seeds"),
        (lambda: Deterministic(argrad.ReinMax()), TypeError, "deterministic"),
        (lambda: Annealed(argrad.Enumerate(), 1.0, 0.1), TypeError, "temperature"),
    ],
)
def test_errors_name_the_parameter(call, error, word):
    with pytest.raises(error, match=word):
        call()
