"""What the pictures of a clustering say."""

import pytest
import torch

from argrad.cluster import plots

pytest.importorskip("matplotlib")


def panels(k, monkeypatch):
    """The axes of the picture of a clustering in which cluster j has 7 j modulo k points."""
    drawn = []
    figure_of = plots._figure  # noqa: SLF001
    monkeypatch.setattr(plots, "_figure", lambda count: drawn.append(made := figure_of(count)) or made)
    sizes = 7 * torch.arange(k) % k
    labels = torch.arange(k).repeat_interleave(sizes)
    centroids = torch.randn(k, 3, generator=torch.Generator().manual_seed(0))
    return sizes, labels, centroids, drawn


@pytest.mark.parametrize("k", [2, 10, 30])
def test_a_bar_stands_over_its_clusters_label_in_its_colour(k, monkeypatch, tmp_path):
    sizes, labels, centroids, drawn = panels(k, monkeypatch)
    plots.plot_clusters(tmp_path / "c.png", centroids[labels], labels, centroids, sizes, [2.0, 1.0])
    _, (map_, bars, _) = drawn[0]
    written = [int(tick.get_text()) for tick in bars.get_xticklabels()]
    assert (
        [bar.get_height() for bar in bars.patches] == sizes[written].tolist() == sizes.sort(descending=True)[0].tolist()
    )
    dots = map_.collections[0]
    colour_of = {
        int(label): tuple(rgba[:3]) for label, rgba in zip(labels, dots.to_rgba(dots.get_array()), strict=True)
    }
    for label, bar in zip(written, bars.patches, strict=True):
        assert label not in colour_of or bar.get_facecolor()[:3] == pytest.approx(colour_of[label])
    assert [text.get_text() for text in map_.texts] == [str(j) for j in range(k)]
    flat = map_.collections[1].get_offsets()
    assert all(text.xy == pytest.approx(flat[j]) for j, text in enumerate(map_.texts))


def test_too_many_clusters_to_label_are_shown_by_rank(monkeypatch, tmp_path):
    sizes, labels, centroids, drawn = panels(31, monkeypatch)
    plots.plot_clusters(tmp_path / "c.png", centroids[labels], labels, centroids, sizes, [2.0, 1.0])
    _, (map_, bars, _) = drawn[0]
    assert not map_.texts
    assert bars.get_xlabel() == "rank: 31 clusters, largest first"
    assert [bar.get_height() for bar in bars.patches] == sizes.sort(descending=True)[0].tolist()
