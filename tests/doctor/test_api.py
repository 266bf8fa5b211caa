"""Watching from Python, asserting in tests, and the forms of the report."""

import importlib.metadata
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from argrad.doctor import assert_gradients_flow, explain, families, watch
from argrad.doctor.findings import findings_of, grouped
from argrad.doctor.page import to_html
from argrad.doctor.sarif import to_sarif
from argrad.doctor.terminal import text_of
from doctor.judge import CASES, run_quietly

PAGES = Path(families.__file__).parent / "explain.md"


def report_of(name):
    return run_quietly(CASES / "shared" / f"{name}.py").report


def statuses(watched):
    return {p.name: p.status for p in watched.report.parameters}


def test_watch_names_the_variable_and_measures_both_branches():
    encoder, decoder = nn.Linear(3, 3), nn.Linear(3, 1)
    optimizer = torch.optim.SGD([*encoder.parameters(), *decoder.parameters()], lr=0.1)
    with watch() as watched:
        for _ in range(2):
            loss = decoder(encoder(torch.randn(4, 3)).detach()).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert statuses(watched) == {
        "encoder.weight": "none",
        "encoder.bias": "none",
        "decoder.weight": "flows",
        "decoder.bias": "flows",
    }
    assert [cut.operation for cut in watched.report.harmful] == ["detach"]
    assert "error[ARG008]" in str(watched)
    assert "<pre>" in watched._repr_html_()
    assert watched.scalars()["doctor/starved_parameters"] == 2


def test_explain_leaves_gradients_and_random_state_alone():
    x = torch.randn(3, requires_grad=True)
    x.grad = torch.ones(3)
    state = torch.random.get_rng_state()
    watched = explain(lambda x: (x * torch.randn(3)).sum(), x)
    assert statuses(watched) == {"x": "flows"}
    assert torch.equal(x.grad, torch.ones(3))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_explain_judges_a_loss_without_any_history():
    assert statuses(explain(lambda s: (s > 0).sum(), torch.randn(3, requires_grad=True))) == {"s": "none"}


def test_assert_gradients_flow_shows_the_line_and_can_allow():
    model = nn.Linear(3, 2)

    def loss(model, x):
        return model(x).floor().sum()

    with pytest.raises(AssertionError, match=r"return model\(x\)\.floor"):
        assert_gradients_flow(loss, model, torch.ones(2, 3))
    assert_gradients_flow(loss, model, torch.ones(2, 3), allow=["model.*"])


@pytest.mark.parametrize(("call", "error"), [
    (lambda: watch(3), TypeError),
    (lambda: watch(steps=0), ValueError),
    (lambda: explain(3), TypeError),
    (lambda: assert_gradients_flow(lambda: torch.ones(())), AssertionError),
])  # fmt: skip
def test_bad_input_is_refused_at_the_door(call, error):
    with pytest.raises(error):
        call()


def test_the_fixture_works_and_costs_no_torch_at_start(tmp_path):
    (tmp_path / "test_it.py").write_text(
        "import sys\n\ndef test_start():\n    assert 'torch' not in sys.modules\n\n"
        "def test_flow(assert_gradients_flow):\n    import torch\n"
        "    assert_gradients_flow(lambda w: w.sum(), torch.ones(2, requires_grad=True))\n"
    )
    points = importlib.metadata.entry_points(group="pytest11")
    plugin = [] if any(point.value == "argrad._pytest" for point in points) else ["-p", "argrad._pytest"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugin, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_sarif_points_at_the_cut():
    log = json.loads(to_sarif(report_of("02_cls_reg_gather")))
    results = log["runs"][0]["results"]
    lines = [r["locations"][0]["physicalLocation"]["region"]["startLine"] for r in results]
    assert (log["version"], lines) == ("2.1.0", [12, 13])
    assert {r["ruleId"] for r in results} <= {rule["id"] for rule in log["runs"][0]["tool"]["driver"]["rules"]}


def test_html_is_self_contained_and_escapes_the_source():
    page = to_html(report_of("40_python_if_threshold"))
    assert 'class="harmful">    if gate &gt; 0.5:' in page
    assert not re.search(r"(src|href)=", page)


def test_the_harmless_verdict_of_k_means():
    text = text_of(report_of("01_kmeans_argmin"))
    assert "argmin is a constant to autograd, and that is fine here" in text
    assert "the gradient reaches `centroids`" in text
    assert "error" not in text


CHOSEN = {
    "sampled.detach()": ("harmless", "detach"),
    "sampled": ("partial", "index"),
    "torch.cat([sampled.detach(), sampled])": ("partial", "index"),
}


@pytest.mark.parametrize("use", CHOSEN)
def test_a_choice_that_is_detached_on_every_way_to_the_loss_is_meant_to_be_a_constant(tmp_path, use):
    (tmp_path / "train.py").write_text(
        "import torch\nfrom torch import nn\nfrom torch.nn import functional\n"
        "maker, judge = nn.Linear(3, 5), nn.Embedding(5, 1)\n"
        "opt = torch.optim.SGD([*maker.parameters(), *judge.parameters()], lr=0.1)\n"
        "for _ in range(3):\n    logits = maker(torch.randn(8, 3))\n    sampled = logits.argmax(-1)\n"
        f"    loss = judge({use}).pow(2).mean() + functional.cross_entropy(logits, torch.arange(8) % 5)\n"
        "    opt.zero_grad(); loss.backward(); opt.step()\n"
    )
    report = run_quietly(tmp_path / "train.py").report
    assert not report.starved
    (cut,) = [cut for cut in report.cuts if cut.operation == "argmax"]
    assert (cut.verdict, cut.family.name) == CHOSEN[use]


def test_a_dead_term_names_what_killed_it_though_it_is_detached_as_well():
    def loss(logits):
        wrong = (logits.argmax(-1) > 0).float().mean().detach()
        return logits.logsumexp(-1).sum() + wrong

    (cut,) = explain(loss, torch.randn(8, 3, requires_grad=True)).report.cuts
    assert (cut.operation, cut.family.name, cut.verdict) == ("argmax", "index", "partial")


def test_cuts_in_series_are_one_finding():
    (finding,) = findings_of(report_of("02_cls_reg_gather"))
    assert (finding.code, [cut.operation for cut in finding.cuts]) == ("ARG003", ["round", "long"])


@pytest.mark.parametrize(("name", "line", "operand"), [
    ("02_cls_reg_gather", 14, "self.reg(h)"),
    ("18_bucketize_embedding", 10, "table"),
    ("30_where_condition_params", 10, "left(x)"),
])  # fmt: skip
def test_the_operand_that_keeps_its_gradient_is_underlined(name, line, operand):
    report = report_of(name)
    source = (CASES / "shared" / f"{name}.py").read_text().splitlines()[line - 1]
    shown = text_of(report).splitlines()
    at = next(n for n, row in enumerate(shown) if row.endswith(source.strip()))
    assert shown[at + 1].endswith(f"the gradient goes on to `{operand}` from here; that part is fine")
    dashes = re.search("-{2,}|-", shown[at + 1].partition("|")[2])
    assert shown[at].partition("|")[2][dashes.start() : dashes.end()] == operand


def test_nothing_is_underlined_where_nothing_goes_on():
    assert "goes on" not in text_of(report_of("16_round_quantize"))


def test_the_range_of_saturated_values_is_measured():
    (cut,) = report_of("37_sigmoid_saturated").harmful
    assert cut.values == (200.0, 200.0)


def test_nothing_is_said_of_an_empty_parameter_or_of_a_term_that_is_switched_off():
    model = nn.Linear(3, 2)
    model.dummy = nn.Parameter(torch.empty(0))
    optimizer = torch.optim.SGD(model.to("cpu", torch.float32).parameters(), lr=0.1)
    with watch(model) as watched:
        for _ in range(2):
            out = model(torch.randn(4, 3))
            loss = out.pow(2).mean() - 0.0 * out.softmax(-1).log().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert statuses(watched) == {"model.weight": "flows", "model.bias": "flows"}
    assert watched.ok
    assert not watched.cuts


def test_a_line_is_silenced_with_a_reason(tmp_path):
    source = (CASES / "shared" / "16_round_quantize.py").read_text()
    silenced = tmp_path / "train.py"
    silenced.write_text(source.replace("#! harmful", "# argrad: ignore[ARG003] the codes are fixed on purpose"))
    outcome = run_quietly(silenced)
    assert outcome.exit_code == 0
    assert outcome.report.harmful[0].silenced == "the codes are fixed on purpose"
    silenced.write_text(source.replace("#! harmful", "# argrad: ignore[ARG001] another code"))
    assert run_quietly(silenced).exit_code == 1


def test_names_of_a_large_model_fit_one_screen():
    names = [f"model.layers.{i}.{part}.weight" for i in range(48) for part in ("q", "k", "v", "o")]
    assert grouped(names) == [f"model.layers.*.{part}.weight (48)" for part in ("q", "k", "v", "o")]
    assert grouped(names, 3) == ["model.layers.* (192)"]
    assert grouped(["head.bias", *names], 3) == ["head.bias", "model.layers.* (192)"]
    assert grouped(names[:4]) == names[:4]


def test_every_family_has_its_page():
    pages = re.findall(r"^## (ARG\d+)", PAGES.read_text(), re.MULTILINE)
    assert sorted(pages) == sorted(family.code for family in families.FAMILIES)
    assert len(set(pages)) == len(pages)
