"""The chapter's drawings show what the detector computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.metrics.pairwise import euclidean_distances

from paper_lessons import plotting
from paper_lessons.dn2 import DeepNearestNeighbors, Finding, figures
from paper_lessons.dn2.report.thumbnails import Picture

NORMAL = np.array([[3.0, 4.0], [4.0, 3.0], [6.0, 8.0], [8.0, 6.0], [5.0, 5.0]])
DIRTY = np.vstack([NORMAL, [[12.0, 2.0], [13.0, 1.0]]])
NEW = {"ordinary": (7.0, 9.0), "strange": (12.0, 1.0)}
COLORS = {value: name for name, value in plotting.COLORS.items()}


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def marks(axes: Any, color: str) -> list[tuple[float, float]]:
    """Points of all lines of a colour."""
    return [
        point
        for line in axes.lines
        if COLORS.get(to_hex(line.get_color())) == color
        for point in np.column_stack(line.get_data()).tolist()
    ]


@pytest.mark.parametrize("normalize", [None, "l2"])
def test_points_in_the_plane_have_the_colour_of_their_prediction(normalize: str | None) -> None:
    axes = plotting.figure()[1]
    new = NEW | {"loud": (12.0, 16.0), "quiet": (4.0, 1.0)}
    figures.draw_plane(axes, NORMAL, new, normalize=normalize)
    detector = DeepNearestNeighbors(normalize=normalize).fit(NORMAL)
    for text in axes.texts:
        predicted = detector.predict([new[text.get_text()]])[0]
        assert COLORS[text.get_color()] == ("green" if predicted == 1 else "red")
    assert len(axes.texts) == len(new)


def test_scores_with_and_without_themselves() -> None:
    axes = plotting.figure()[1]
    figures.draw_self_and_left_out(axes, NORMAL, NEW)
    # Squared distances by hand: the first point has itself, then (4, 3) at 2, then (5, 5) at 5.
    assert [1.0, 0.0] in marks(axes, "red")
    assert [3.5, 1.0] in marks(axes, "green")
    assert sorted(marks(axes, "blue")) == [[6.0, 2.0], [53.0, 2.0]]


@pytest.mark.parametrize(
    ("neighbors", "crossed"), [(1, NORMAL[2:4].tolist()), (3, DIRTY[5:].tolist())]
)
def test_cleaning_crosses_out_what_it_drops(neighbors: int, crossed: Any) -> None:
    axes = plotting.figure()[1]
    figures.draw_cleaning(axes, DIRTY, clean=0.3, clean_neighbors=neighbors)
    assert sorted(marks(axes, "red")) == sorted(crossed)


def test_the_axis_is_the_first_principal_component() -> None:
    axis = figures.draw_principal_axis(plotting.figure()[1], NORMAL, NEW)
    expected = PCA(1).fit(NORMAL).components_[0]
    np.testing.assert_allclose(axis, expected * np.sign(expected.sum()), atol=1e-12)
    np.testing.assert_allclose(axis, [0.5**0.5] * 2, atol=1e-12)


def test_parts_make_the_squared_distance() -> None:
    features = np.random.default_rng(0).normal(size=(12, 5))
    parts = figures.distance_parts(features)
    pairs = np.triu_indices(12, 1)
    expected = euclidean_distances(features, squared=True)[pairs]
    np.testing.assert_allclose(parts["distance"], expected)
    made = parts["difference"] + parts["lengths"] * parts["angle"]
    np.testing.assert_allclose(made, expected)
    axes = plotting.figure(ncols=2)[1]
    figures.draw_distance_parts(axes, features)
    for one, part in zip(axes, ("lengths", "angle"), strict=True):
        drawn = np.column_stack(one.lines[0].get_data())
        np.testing.assert_allclose(drawn, np.column_stack([parts[part], parts["distance"]]))


def test_pictures_and_empty_places() -> None:
    axes = plotting.figure(ncols=3)[1]
    figures.draw_pictures(axes, [np.zeros((4, 4)), np.ones((4, 4, 3))], ["dark", "light"])
    assert [len(one.images) for one in axes] == [1, 1, 0]
    assert [one.get_title(loc="center") for one in axes] == ["dark", "light", ""]


def test_findings_stand_over_their_neighbours(tmp_path: Path) -> None:
    for name, value in (("odd", 255), ("good", 100)):
        Image.fromarray(np.full((8, 8, 3), value, np.uint8)).save(tmp_path / f"{name}.png")
    odd, good = (Picture(f"{name}.png", tmp_path / f"{name}.png") for name in ("odd", "good"))
    found = Finding(odd, 2.5, 0.02, True, ((good, 2.5),))
    axes = plotting.figure(nrows=2, ncols=1, squeeze=False)[1]
    figures.draw_findings(axes, [found])
    assert [int(one[0].images[0].get_array().max()) for one in axes] == [255, 100]
    title = axes[0, 0].title
    assert (axes[0, 0].get_title(loc="center"), COLORS[title.get_color()]) == (
        "odd.png\np = 0.02",
        "red",
    )
    assert axes[1, 0].get_title(loc="center") == "at 2.50"
