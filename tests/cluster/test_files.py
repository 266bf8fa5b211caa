"""Files larger than memory: the same result as in memory, and every mistake by line and column."""

import numpy as np
import pytest
import torch

from argrad.cluster import Files, KMeans

polars = pytest.importorskip("polars")


@pytest.fixture(scope="module")
def points():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(1003, 3, generator=generator, dtype=torch.float64) + 4 * torch.arange(1003).remainder(3)[:, None]


def write(path, points):
    frame = polars.DataFrame(points.numpy(), schema=["x", "y", "z"])
    if path.suffix == ".npy":
        np.save(path, points.numpy())
    elif path.suffix == ".npz":
        np.savez(path, points=points.numpy(), names=np.array(["a"]))
    elif path.suffix == ".parquet":
        frame.write_parquet(path)
    elif path.suffix == ".arrow":
        frame.write_ipc(path)
    else:
        separator = "\t" if path.suffix == ".tsv" else ","
        frame.write_csv(path, include_header="bare" not in path.name, separator=separator)
    return path


@pytest.mark.parametrize("name", ["p.npy", "p.npz", "p.csv", "bare.csv", "p.tsv", "p.parquet", "p.arrow"])
def test_every_format_ends_where_memory_ends_bit_for_bit_whatever_the_batch(name, points, tmp_path):
    path = write(tmp_path / name, points)
    inside = KMeans(5, random_state=0).fit(points)
    runs = [KMeans(5, random_state=0, batch_size=size).fit(Files([path])) for size in (None, 300)]
    assert torch.equal(runs[0].cluster_centers_, runs[1].cluster_centers_)
    assert runs[0].history_ == runs[1].history_
    assert torch.equal(runs[0].labels_, inside.labels_)
    assert torch.allclose(runs[0].cluster_centers_, inside.cluster_centers_, rtol=1e-12)
    assert torch.equal(runs[0].predict(Files([path])), inside.labels_)


def test_several_files_are_one_below_the_other(points, tmp_path):
    parts = [write(tmp_path / f"{i}.npy", part) for i, part in enumerate(points.split(400))]
    whole = write(tmp_path / "whole.npy", points)
    several, one = (KMeans(5, random_state=0).fit(Files(paths)) for paths in (parts, [whole]))
    assert torch.equal(several.labels_, one.labels_)
    assert torch.equal(several.cluster_centers_, one.cluster_centers_)


def test_parts_are_a_partition_of_the_rows(points, tmp_path):
    paths = [write(tmp_path / f"{i}.csv", part) for i, part in enumerate(points.split(400))]
    parts = [[batch.points for batch in Files(paths, batch_size=90, part=(i, 3)).batches()] for i in range(3)]
    assert torch.equal(torch.cat([torch.cat(part) for part in parts]), points)


def test_columns_and_weights(points, tmp_path):
    weights = torch.randint(0, 3, (1003,), generator=torch.Generator().manual_seed(1)).double()
    path = tmp_path / "w.csv"
    schema = {"name": ["a"] * 1003, "x": points[:, 0].numpy(), "w": weights.numpy(), "y": points[:, 1].numpy()}
    polars.DataFrame(schema).write_csv(path)
    found = KMeans(4, random_state=0).fit(Files([path], columns=["x", "y"], weights="w"))
    inside = KMeans(4, random_state=0).fit(points[:, :2], sample_weight=weights)
    assert torch.equal(found.labels_, inside.labels_)
    with pytest.raises(ValueError, match="text in column 'name'"):
        Files([path], weights="w")
    with pytest.raises(ValueError, match="expected a column 'q'; there are name, x, w, y"):
        Files([path], columns=["q"])


def test_empty_clusters_move_to_the_farthest_rows(points, tmp_path):
    far = torch.cat([points, torch.tensor([[500.0, 0, 0], [0, 900.0, 0]])])
    start = torch.cat([points[:2], torch.full((2, 3), 1e9)])
    path = write(tmp_path / "far.npy", far)
    inside, outside = (KMeans(4, init=start.numpy()).fit(rows) for rows in (far, Files([path], batch_size=100)))
    assert torch.equal(inside.labels_, outside.labels_)
    assert {900.0, 500.0} <= set(outside.cluster_centers_.flatten().tolist())


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("1,abc,3", r"line 500, column 'y': expected a finite number, got 'abc'"),
        ("1,,3", r"line 500, column 'y': expected a finite number, got an empty cell"),
        ("1,2", r"line 500, column 'z': expected a finite number, got an empty cell"),
        ("1,2,inf", r"line 500, column 'z': expected a finite number, got 'inf'"),
        ("1,2,3,4", r"line 500: expected 3 cells, got 4"),
    ],
)
def test_a_bad_cell_is_named_by_line_and_column(line, words, points, tmp_path):
    path = write(tmp_path / "p.csv", points)
    lines = path.read_text().splitlines()
    lines[499] = line
    path.write_text("\n".join(lines))
    with pytest.raises(ValueError, match=words):
        KMeans(3).fit(Files([path], batch_size=300))


def test_a_bad_number_of_an_array_is_named_by_row_and_column(points, tmp_path):
    bad = points.clone()
    bad[700, 1] = float("nan")
    with pytest.raises(ValueError, match="row 700, column 1"):
        KMeans(3).fit(Files([write(tmp_path / "p.npy", bad)], batch_size=300))


def test_what_is_no_data_is_refused(points, tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        Files([tmp_path / "none.npy"])
    (tmp_path / "a.txt").write_text("1,2")
    with pytest.raises(ValueError, match="ends in one of"):
        Files([tmp_path / "a.txt"])
    np.save(tmp_path / "objects.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="expected a NumPy file of numbers"):
        Files([tmp_path / "objects.npy"])
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(ValueError, match="line 1"):
        Files([tmp_path / "empty.csv"])
    paths = [write(tmp_path / "p.csv", points), write(tmp_path / "q.npy", points)]
    with pytest.raises(ValueError, match="other columns"):
        Files(paths)


@pytest.mark.parametrize("name", ["p.npz", "p.parquet", "p.csv"])
def test_a_file_that_is_damaged_is_named(name, points, tmp_path):
    np.savez(tmp_path / "p.npz", points.numpy())
    path = tmp_path / name if name == "p.npz" else write(tmp_path / name, points)
    whole = path.read_bytes()
    half = len(whole) // 2
    damaged = {
        ".npz": whole[:half],
        ".parquet": whole[:4] + b"z" * half + whole[4 + half :],
        ".csv": whole + b"1,\xe92\n",
    }
    path.write_bytes(damaged[path.suffix])
    with pytest.raises(ValueError, match=rf"{name}: expected "):
        KMeans(3).fit(Files([path]))


def test_an_archive_of_objects_is_named(tmp_path):
    np.savez(tmp_path / "objects.npz", np.array([["a", 1]], dtype=object))
    with pytest.raises(ValueError, match=r"objects\.npz: expected a NumPy file of numbers"):
        Files([tmp_path / "objects.npz"])


@pytest.mark.parametrize(("columns", "weights"), [(["1", "0", "1"], None), (["0", "1"], "1")])
def test_a_column_named_twice_is_refused(columns, weights, points, tmp_path):
    with pytest.raises(ValueError, match=r"each column once.* Got '1' twice"):
        Files([write(tmp_path / "p.npy", points)], columns=columns, weights=weights)


def test_the_finest_file_decides_the_dtype(points, tmp_path):
    paths = [write(tmp_path / name, x) for name, x in (("a.npy", points.float()), ("b.npy", points.double()))]
    assert [Files(p).dtype for p in (paths, paths[::-1], paths[:1])] == [torch.float64, torch.float64, torch.float32]


def test_the_score_of_rows_counts_their_weights(points, tmp_path):
    files = Files([write(tmp_path / "p.npy", points.abs())], weights="0")
    for metric in ("euclidean", "cosine"):
        model = KMeans(5, metric=metric, random_state=0).fit(files)
        assert model.score(files) == pytest.approx(-model.inertia_)


@pytest.mark.parametrize("name", ["none.csv", "none.tsv", "none.parquet"])
def test_a_file_without_rows_is_named_and_adds_nothing_to_others(name, points, tmp_path):
    none, some = write(tmp_path / name, points[:0]), write(tmp_path / "some.csv", points)
    with pytest.raises(ValueError, match=rf"{name}: expected rows of numbers, got none"):
        Files([none])
    both, one = (KMeans(5, random_state=0).fit(Files(paths)) for paths in ([none, some], [some]))
    assert torch.equal(both.labels_, one.labels_)


def test_a_header_that_repeats_a_name_is_warned_of(tmp_path):
    path = tmp_path / "twice.csv"
    path.write_text('"a, b",c,"a, b",c\n1,2,3,4\n')
    with pytest.warns(
        UserWarning, match=r"twice\.csv, line 1: .* 'a, b_duplicated_0' \(column 3\), 'c_dup.* \(column 4\)"
    ):
        files = Files([path])
    assert files.names == ("a, b", "c", "a, b_duplicated_0", "c_duplicated_0")
