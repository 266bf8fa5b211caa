"""`argrad cluster` as a user meets it."""

import csv
import json
import re
import sys
from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris

from argrad.cli.cluster import Options, cluster, parse_clusters
from argrad.cluster import KMeans
from argrad.cluster.saved import load_state, save_state
from argrad.cluster.solver import Settings, State, start

IRIS = load_iris().data


@pytest.fixture
def iris(tmp_path):
    path = tmp_path / "iris.csv"
    lines = [f"flower {i}," + ",".join(map(str, row)) for i, row in enumerate(IRIS)]
    path.write_text("name,sepal length,sepal width,petal length,petal width\n" + "\n".join(lines) + "\n")
    return path


def refused(capsys, *data, options, code=2):
    """What is said on standard error: one line, or two, and the exit code."""
    with pytest.raises(SystemExit) as stop:
        cluster(*data, options=options)
    said = capsys.readouterr().err
    assert stop.value.code == code
    assert "argrad cluster: " in said
    return said


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_labels_centroids_summary_and_picture(iris, tmp_path, capsys):
    out = tmp_path / "out"
    cluster(iris, options=Options("3", ids="name", out=out, plot=True))
    labels = rows_of(out / "labels.csv")
    assert [row["id"] for row in labels] == [f"flower {i}" for i in range(150)]
    expected = KMeans(3, random_state=0).fit(IRIS)
    assert [int(row["label"]) for row in labels] == expected.labels_.tolist()
    table = np.array([[float(v) for k, v in row.items() if k != "label"] for row in rows_of(out / "centroids.csv")])
    np.testing.assert_allclose(table, expected.cluster_centers_, rtol=1e-12)
    summary = json.loads((out / "summary.json").read_text())
    assert summary["inertia"] == pytest.approx(expected.inertia_)
    assert sum(summary["sizes"]) == 150
    assert (out / "clusters.png").read_bytes().startswith(b"\x89PNG")
    assert "k = 3: inertia" in capsys.readouterr().out


def test_a_screen_that_is_closed_costs_no_result(iris, tmp_path, monkeypatch):
    """`argrad cluster … | head -1`."""

    def closed(_found):
        raise BrokenPipeError

    monkeypatch.setattr("argrad.cli.cluster_job.tell", closed)
    with pytest.raises(SystemExit):
        cluster(iris, options=Options("3", ids="name", out=tmp_path))
    assert len(rows_of(tmp_path / "labels.csv")) == 150


def test_clusters_without_rows_are_named(tmp_path, capsys):
    np.save(tmp_path / "x.npy", np.repeat(np.arange(3.0), 20)[:, None])
    cluster(tmp_path / "x.npy", options=Options("5"))
    assert "2 of 5 clusters have no rows" in capsys.readouterr().out


def test_scale_is_standardising_and_centroids_come_back_in_the_datas_units(iris, tmp_path):
    cluster(iris, options=Options("3", ids="name", scale=True, out=tmp_path))
    scaled = (IRIS - IRIS.mean(0)) / IRIS.std(0)
    labels = np.array([int(row["label"]) for row in rows_of(tmp_path / "labels.csv")])
    inertia = sum(((scaled[labels == j] - scaled[labels == j].mean(0)) ** 2).sum() for j in range(3))
    assert json.loads((tmp_path / "summary.json").read_text())["inertia"] == pytest.approx(inertia)
    table = np.array([[float(v) for k, v in r.items() if k != "label"] for r in rows_of(tmp_path / "centroids.csv")])
    np.testing.assert_allclose(table, [IRIS[labels == j].mean(0) for j in range(3)])


def test_data_larger_than_the_memory_given_end_the_same(iris, tmp_path):
    for name, memory in (("inside", 4.0), ("outside", 0.0)):
        cluster(iris, options=Options("3", ids="name", out=tmp_path / name, memory=memory))
    inside, outside = ((tmp_path / name / "labels.csv").read_text() for name in ("inside", "outside"))
    assert inside == outside


@pytest.mark.parametrize("memory", [4.0, 0.0])
def test_an_interrupted_run_resumes_to_the_same_result(iris, tmp_path, memory, monkeypatch, capsys):
    whole = Options("9", ids="name", out=tmp_path / "whole", memory=memory)
    cluster(iris, options=whole)
    passes = []

    def stop_at_the_third(*arguments):
        save_state(*arguments)
        passes.append(1)
        if len(passes) == 3:
            raise KeyboardInterrupt

    part = Options("9", ids="name", out=tmp_path / "part", memory=memory)
    with monkeypatch.context() as patched:
        patched.setattr("argrad.cli.cluster_job.save_state", stop_at_the_third)
        assert "go on with --resume" in refused(capsys, iris, options=part, code=130)
    assert not (tmp_path / "part" / "labels.csv").exists()  # nothing half-written
    cluster(iris, options=Options("9", ids="name", out=tmp_path / "part", memory=memory, resume=True))
    for name in ("labels.csv", "centroids.csv") if memory == 0 else ("labels.csv",):
        assert (tmp_path / "whole" / name).read_text() == (tmp_path / "part" / name).read_text()


def test_a_saved_state_is_refused_for_another_problem(iris, tmp_path, capsys):
    cluster(iris, options=Options("3", ids="name", out=tmp_path))
    said = refused(capsys, iris, options=Options("4", ids="name", out=tmp_path, resume=True))
    assert "the saved run had k = 3, this one has 4" in said
    (tmp_path / "state.npz").write_bytes(b"nonsense")
    said = refused(capsys, iris, options=Options("3", ids="name", out=tmp_path, resume=True))
    assert "expected a state" in said


def test_a_state_comes_back_as_it_was(tmp_path):
    state = start(torch.randn(3, 2, dtype=torch.float64), Settings(momentum=0.8))
    state = State(state.centroids, state.velocity + 1, plain=True, history=(3.0, 2.5), changed=4, stopped="")
    save_state(tmp_path / "s.npz", state, {"k": 3})
    back = load_state(tmp_path / "s.npz", {"k": 3})
    assert torch.equal(back.centroids, state.centroids)
    assert torch.equal(back.velocity, state.velocity)
    assert (back.plain, back.history, back.changed, back.stopped) == (True, (3.0, 2.5), 4, "")
    assert [path.name for path in tmp_path.iterdir()] == ["s.npz"]


@pytest.mark.parametrize("arrays", [None, {"centroids": np.zeros((3, 2))}, {"about": np.array('{"problem": {}}')}])
def test_a_state_that_is_none_is_refused_by_its_file(arrays, tmp_path):
    path = tmp_path / "state.npz"
    empty = {
        "centroids": np.zeros((3, 2)),
        "velocity": np.zeros((3, 2)),
        "history": np.zeros(2),
        "about": np.array("1"),
    }
    np.savez(path, **(empty | arrays if arrays else empty))
    if arrays is None:
        path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"state\.npz: expected a state"):
        load_state(path, {})


def test_a_range_of_k_is_scanned(iris, tmp_path, capsys):
    cluster(iris, options=Options("2:6:2", ids="name", out=tmp_path, plot=True))
    scan = json.loads((tmp_path / "scan.json").read_text())
    assert [row["k"] for row in scan] == [2, 4, 6]
    assert all(a["inertia"] > b["inertia"] for a, b in pairwise(scan))
    assert scan[0]["silhouette"] == pytest.approx(0.6810, abs=1e-4)  # iris in two clusters, as published widely
    assert (tmp_path / "scan.png").read_bytes().startswith(b"\x89PNG")
    assert "the largest silhouette: k = 2" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Options("3"), "text in column 'name'.*--columns.*--id"),
        (Options("0", ids="name"), "-k: expected a number above 0"),
        (Options("5:2", ids="name"), "-k: expected a number above 0"),
        (Options("many", ids="name"), "Got 'many'"),
        (Options("3", ids="name", plot=True), "--plot and --resume need --out"),
        (Options("3", ids="name", momentum=1.5), "--momentum"),
        (Options("3", ids="name", memory=-1.0), "--memory: expected a number of gigabytes, at least 0"),
        (Options("3", ids="name", memory=float("nan")), "--memory"),
        (Options("3", ids="name", device="nowhere"), "--device nowhere cannot be used here"),
        (Options("3", ids="nobody"), "expected a column 'nobody'; there are name, sepal length, .*petal width"),
        (Options("2:4", ids="nobody"), "expected a column 'nobody'"),
        (Options("3", ids="nobody", columns=["petal width"]), "expected a column 'nobody'"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(iris, options, words, capsys):
    said = refused(capsys, iris, options=options)
    assert re.fullmatch(f"argrad cluster: .*({words}).*\n", said)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA")
def test_a_device_that_is_not_there_is_refused(iris, capsys):
    said = refused(capsys, iris, options=Options("3", ids="name", device="cuda"))
    assert "--device cuda cannot be used here" in said


@pytest.mark.parametrize("init", ["k-means||", "k-means++", "random"])
@pytest.mark.parametrize("k", ["151", "2:200"])
def test_more_clusters_than_rows_are_refused_before_any_work(k, init, iris, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("argrad.cli.cluster_job.seed_centroids", None)
    out = tmp_path / "new"
    said = refused(capsys, iris, options=Options(k, ids="name", init=init, out=out))
    assert re.fullmatch(r"argrad cluster: .*at most 150, the number of rows\. Got .*\n", said)
    assert not out.exists()


@pytest.mark.parametrize(("k", "left"), [("3", "labels.csv, centroids.csv, summary.json, state.npz"), ("2:3", "scan.")])
def test_an_earlier_result_is_refused_before_any_work(k, left, iris, tmp_path, capsys, monkeypatch):
    options = Options(k, ids="name", out=tmp_path / "out")
    cluster(iris, options=options)
    before = {path.name: path.read_bytes() for path in options.out.iterdir()}
    monkeypatch.setattr("argrad.cli.cluster_job.seed_centroids", None)
    capsys.readouterr()
    said = refused(capsys, iris, options=options)
    assert re.fullmatch(
        r"argrad cluster: --out \S+ holds an earlier result \(.*\)\. Name another .*--overwrite.*\.\n", said
    )
    assert left in said
    assert ("--resume" in said) == (k == "3")
    assert {path.name: path.read_bytes() for path in options.out.iterdir()} == before


def test_overwrite_leaves_nothing_of_the_earlier_result(iris, tmp_path):
    cluster(iris, options=Options("3", ids="name", out=tmp_path, plot=True))
    cluster(iris, options=Options("2:3", ids="name", out=tmp_path))  # a scan is another result, and may lie beside
    cluster(iris, options=Options("4", ids="name", out=tmp_path, overwrite=True))
    assert json.loads((tmp_path / "summary.json").read_text())["k"] == 4
    assert not (tmp_path / "clusters.png").exists()  # it showed three
    assert (tmp_path / "scan.csv").exists()


def test_data_are_never_overwritten(iris, tmp_path, capsys):
    cluster(iris, options=Options("9", ids="name", out=tmp_path))
    centroids = tmp_path / "centroids.csv"
    said = refused(capsys, centroids, options=Options("3", ids="label", out=tmp_path, overwrite=True))
    assert f"would overwrite {centroids}, which is read. Name another folder." in said
    assert len(rows_of(centroids)) == 9


def test_columns_that_were_renamed_are_told_in_a_line(tmp_path, capsys):
    path = tmp_path / "twice.csv"
    path.write_text("name,a,b,a\n" + "".join(f"r{i},{i},{i % 3},{i * i}\n" for i in range(9)))
    cluster(path, options=Options("2", ids="name", out=tmp_path / "out"))
    said = [line for line in capsys.readouterr().err.splitlines() if "argrad cluster:" in line]
    repeats = "the header repeats names of columns, so these are read as 'a_duplicated_0' (column 4)."
    assert said == [f"argrad cluster: {path}, line 1: {repeats}"]
    header = (tmp_path / "out" / "centroids.csv").read_text().splitlines()[0]
    assert header == "label,a,b,a_duplicated_0"


@pytest.mark.parametrize("k", ["3", "2:4"])
def test_a_folder_that_cannot_be_is_refused_before_the_first_fit(k, iris, capsys, monkeypatch):
    monkeypatch.setattr("argrad.cli.cluster_job.solve", None)
    for out in (iris, iris / "below a file"):
        said = refused(capsys, iris, options=Options(k, ids="name", out=out))
        assert f"--out {out} cannot be made: " in said


def test_resume_needs_one_k_and_a_state(iris, tmp_path, capsys):
    out = tmp_path / "new"
    said = refused(capsys, iris, options=Options("3", ids="name", out=out, resume=True))
    assert f"no state of an earlier run in {out}" in said
    assert "one number of clusters" in refused(capsys, iris, options=Options("2:4", ids="name", out=out, resume=True))
    assert not out.exists()


def test_control_c_during_the_imports_ends_in_a_line(iris, capsys, monkeypatch):
    class Importing:
        @property
        def run(self):
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "argrad.cli.cluster_job", Importing())
    assert "interrupted." in refused(capsys, iris, options=Options("3", ids="name"), code=130)


def test_no_such_file(tmp_path, capsys):
    assert "no such file" in refused(capsys, tmp_path / "none.csv", options=Options("3"))


def test_ranges_of_k():
    assert parse_clusters("20") == [20]
    assert parse_clusters("2:5") == [2, 3, 4, 5]
    assert parse_clusters("2:9:3") == [2, 5, 8]
