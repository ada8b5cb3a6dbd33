"""The experiments: same seed, same numbers; parts do not overlap; what is drawn is what was found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from paper_lessons import plotting
from paper_lessons.datasets import ImageSet, digits
from paper_lessons.dn2.experiments import (
    ablations,
    corruptions,
    dirty,
    groups,
    one_class,
    photographs,
    thresholds,
)
from paper_lessons.dn2.experiments.data import ClassFeatures, class_features, load_pictures

matplotlib.use("agg")

NAMES = ("ant", "bee", "cow", "dog")


@pytest.fixture
def axes() -> Any:
    figure, axes = plotting.figure()
    yield axes
    matplotlib.pyplot.close(figure)


def plain(result: Any) -> Any:
    """The result itself if JSON can hold it without a change."""
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    return result


def clusters(per_class: int = 40, width: int = 12, noise: float = 0.5) -> ClassFeatures:
    """Four classes around four directions; lengths vary as much as directions, and say nothing."""
    generator = np.random.default_rng(0)
    centres = np.abs(generator.normal(size=(4, width)))

    def draw(count: int) -> tuple[np.ndarray, np.ndarray]:
        labels = np.repeat(np.arange(4), count)
        rows = centres[labels] + noise * np.abs(generator.normal(size=(4 * count, width)))
        return (rows * generator.uniform(0.2, 5, size=(len(rows), 1))).astype(np.float32), labels

    train, train_labels = draw(per_class)
    test, test_labels = draw(20)
    pixels = generator.random((len(train) + len(test), 6)).astype(np.float32)
    return ClassFeatures(
        "clusters",
        NAMES,
        train,
        train_labels,
        test,
        test_labels,
        pixels[: len(train)],
        pixels[len(train) :],
        {"backbone": "none", "size": 1},
    )


@pytest.fixture(scope="module")
def known() -> ClassFeatures:
    return clusters()


# -- pictures and features


def test_the_parts_do_not_overlap_and_keep_their_labels() -> None:
    everything = digits()
    pictures = load_pictures("digits", train_per_class=20, test_per_class=7, seed=3)
    assert pictures.test_from == 200
    assert len(pictures) == 270
    for part, count in ((pictures.labels[:200], 20), (pictures.labels[200:], 7)):
        assert torch.bincount(part).tolist() == [count] * 10
    rows = {tuple(image.flatten().tolist()) for image in pictures.images}
    assert len(rows) == 270
    where = {
        tuple(i.flatten().tolist()): int(c)
        for i, c in zip(everything.images, everything.labels, strict=True)
    }
    for image, label in zip(pictures.images[::9], pictures.labels[::9], strict=True):
        assert where[tuple(image.flatten().tolist())] == label
    again = load_pictures("digits", train_per_class=20, test_per_class=7, seed=3)
    assert torch.equal(again.images, pictures.images)
    other = load_pictures("digits", train_per_class=20, test_per_class=7, seed=4)
    assert not torch.equal(other.images, pictures.images)


def test_a_quarter_of_a_set_in_one_piece_is_for_testing() -> None:
    pictures = load_pictures("digits")
    assert len(pictures) == 1797
    assert len(pictures) - pictures.test_from == pytest.approx(0.25 * 1797, abs=5)


@pytest.fixture
def npz(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    arrays = {
        "x_train": generator.integers(0, 256, (12, 5, 6, 3), dtype=np.uint8),
        "y_train": np.arange(12, dtype=np.uint8) % 3,
        "x_test": generator.integers(0, 256, (6, 5, 6, 3), dtype=np.uint8),
        "y_test": np.arange(6, dtype=np.uint8) % 3,
    }
    path = tmp_path / "mine.npz"
    np.savez(path, **arrays, classes=np.array(NAMES[:3]))
    return path


def test_a_file_of_arrays_is_read_as_it_is(npz: Path) -> None:
    pictures = load_pictures(npz=npz)
    assert (pictures.name, pictures.classes, pictures.test_from) == ("mine", NAMES[:3], 12)
    assert pictures.images.shape == (18, 3, 5, 6)
    stored = np.load(npz)
    first = stored["x_test"][stored["y_test"] == 0][0]
    np.testing.assert_allclose(pictures.images[12].permute(1, 2, 0), first / 255, rtol=1e-6)
    few = load_pictures(npz=npz, train_per_class=2, test_per_class=1)
    assert len(few) == 9


def test_other_files_are_refused(npz: Path, tmp_path: Path) -> None:
    stored = dict(np.load(npz))
    with pytest.raises(FileNotFoundError):
        load_pictures(npz=tmp_path / "absent.npz")
    text = tmp_path / "text.npz"
    text.write_text("no", encoding="utf-8")
    with pytest.raises(ValueError, match=r"npz must be a file of numpy.savez, got 'text.npz'"):
        load_pictures(npz=text)
    for changed, message in (
        ({"y_test": None}, "lacks \\['y_test'\\]"),
        ({"x_train": stored["x_train"] / 255}, "must be uint8"),
        ({"y_train": stored["y_train"] + 1}, "labels must lie from 0 to 2, got 3"),
    ):
        kept = {key: value for key, value in (stored | changed).items() if value is not None}
        np.savez(tmp_path / "other.npz", **kept)
        with pytest.raises(ValueError, match=message):
            load_pictures(npz=tmp_path / "other.npz")
    with pytest.raises(ValueError, match="train_per_class must be at least 1, got 0"):
        load_pictures("digits", train_per_class=0)


def test_features_of_pictures_belong_to_their_labels() -> None:
    pictures = load_pictures("digits", train_per_class=4, test_per_class=2)
    found = class_features(pictures, size=32, layer="stage")
    assert found.train.shape == (40, 320)
    assert found.test.shape == (20, 320)
    assert found.about["size"] == 32
    last = class_features(
        ImageSet("two", pictures.images[[0, 59]], pictures.labels[[0, 59]], pictures.classes, 1),
        size=32,
        layer="stage",
    )
    np.testing.assert_allclose(last.train[0], found.train[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(last.test[0], found.test[-1], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.test_pixels[-1], pictures.images[-1].flatten())
    assert class_features(found) is found
    with pytest.raises(ValueError, match="data must have a training and a test part"):
        class_features(digits(), size=32)


# -- one class


@pytest.fixture(scope="module")
def all_methods(known: ClassFeatures) -> dict[str, Any]:
    return one_class.run(known)


def test_one_class_scores_as_a_search_by_hand_does(
    known: ClassFeatures, all_methods: dict[str, Any]
) -> None:
    result = plain(all_methods)
    assert list(result["methods"]) == list(one_class.METHODS)
    unit = one_class.unit_rows
    for method, prepare in (("features", lambda rows: rows), ("features, l2", unit)):
        for normal in range(4):
            search = NearestNeighbors(n_neighbors=2).fit(
                prepare(known.train[known.train_labels == normal])
            )
            scores = (search.kneighbors(prepare(known.test))[0] ** 2).mean(1)
            expected = roc_auc_score(known.test_labels != normal, scores)
            assert result["methods"][method]["auc"][normal] == pytest.approx(expected, abs=1e-3)
    for found in result["methods"].values():
        assert found["mean"] == pytest.approx(np.mean(found["auc"]))
    again = one_class.run(known, methods=("isolation forest", "features, whitened"))["methods"]
    assert again == {method: result["methods"][method] for method in again}


def test_length_spoils_plain_distances_and_pixels_of_noise_say_nothing(
    all_methods: dict[str, Any],
) -> None:
    means = {name: one["mean"] for name, one in all_methods["methods"].items()}
    assert means["features, l2"] > means["features"] + 0.1
    assert means["features, l2"] > 0.85
    assert abs(means["pixels"] - 0.5) < 0.1
    for rival in ("LOF", "one-class SVM", "isolation forest", "Mahalanobis"):
        assert means[rival] > 0.75


def test_test_labels_do_not_change_a_score(known: ClassFeatures) -> None:
    for method in one_class.METHODS:
        arrays: dict[str, Any] = known.arrays()
        _, scores = one_class.score_pictures(method, 1, **arrays)
        arrays["test_labels"] = arrays["test_labels"][::-1]
        np.testing.assert_array_equal(one_class.score_pictures(method, 1, **arrays)[1], scores)


def test_one_class_refuses(known: ClassFeatures) -> None:
    with pytest.raises(ValueError, match="methods must be some of pixels"):
        one_class.run(known, methods=("GAN",))
    alone = ClassFeatures("one", ("a",), *list(known.arrays().values())[:6], {})
    with pytest.raises(ValueError, match="data must have two classes or more"):
        one_class.run(alone)


def test_one_class_plots(known: ClassFeatures, axes: Any) -> None:
    result = one_class.run(known, methods=("features", "features, l2"))
    one_class.plot_classes(result, axes)
    assert [text.get_text() for text in axes.get_yticklabels()] == ["features", "features, l2"]
    np.testing.assert_allclose(
        axes.lines[0].get_xdata(), 100 * np.array(result["methods"]["features"]["auc"])
    )
    axes.clear()
    one_class.plot_roc(known, axes)
    assert len(axes.lines) == 4 + 2
    for line in axes.lines[:4]:
        assert (np.diff(line.get_ydata()) >= 0).all()


# -- dirty data


def test_the_dirty_part_has_the_share_that_is_asked_for(known: ClassFeatures) -> None:
    for share in (0.0, 0.1, 0.2, 0.5):
        rows = dirty.dirty_rows(known.train_labels, 2, share, 24, seed=0)
        wrong = known.train_labels[rows] != 2
        assert wrong.mean() == pytest.approx(share, abs=0.02)
        assert (~wrong).sum() == 24
        assert len(set(rows.tolist())) == len(rows)
    few, many = (dirty.dirty_rows(known.train_labels, 2, share, 24, 0) for share in (0.1, 0.3))
    assert set(few) < set(many)
    with pytest.raises(ValueError, match="needs 360 anomalies for 40 normal pictures"):
        dirty.dirty_rows(known.train_labels, 2, 0.9, 40, seed=0)


def test_cleaning_helps_where_there_is_dirt(known: ClassFeatures) -> None:
    size: dict[str, Any] = {"normal_pictures": 36, "cleaning_neighbors": (2, 12)}
    result = plain(dirty.run(known, shares=(0.0, 0.25), **size))
    assert list(result["ways"]) == ["as it is", "k = 2", "k = 12"]
    means = {way: [np.mean(row["auc"]) for row in rows] for way, rows in result["ways"].items()}
    assert means["as it is"][1] < means["as it is"][0] - 0.03
    assert means["k = 12"][1] > means["as it is"][1] + 0.03
    assert result["ways"]["k = 12"][0]["found"] == []
    found = {way: np.mean(rows[1]["found"]) for way, rows in result["ways"].items()}
    assert found["k = 2"] == found["as it is"]  # the same leave-one-out scores
    assert found["k = 12"] > 0.8
    assert dirty.run(known, shares=(0.0, 0.25), **size) == result


def test_dirty_refuses_and_plots(known: ClassFeatures, axes: Any) -> None:
    with pytest.raises(ValueError, match=r"shares must lie in \[0, 0.9\]"):
        dirty.run(known, shares=(1.0,))
    with pytest.raises(ValueError, match="normal_pictures must be at least 4"):
        dirty.run(known, normal_pictures=3)
    result = dirty.run(known, shares=(0.0, 0.2), normal_pictures=20, cleaning_neighbors=(2,))
    dirty.plot(result, axes)
    assert [line.get_label() for line in axes.lines] == ["as it is", "k = 2"]


# -- groups


@pytest.mark.parametrize("odd", [False, True])
def test_a_set_has_each_class_once_or_one_twice(known: ClassFeatures, odd: bool) -> None:
    classes = np.array([3, 0, 1])
    rows = groups.draw_groups(known.test_labels, classes, 300, odd, np.random.default_rng(0))
    drawn = known.test_labels[rows]
    different = np.array([len(set(one)) for one in drawn])
    assert set(drawn.ravel()) == {0, 1, 3}
    assert (different < 3).all() if odd else (different == 3).all()
    orders = {tuple(one) for one in drawn}
    assert len(orders) > (6 if odd else 5)  # no order is preferred


def test_the_mean_tells_odd_sets(known: ClassFeatures) -> None:
    size: dict[str, Any] = {"repeats": 2, "train_groups": 150, "test_groups": 60}
    result = plain(groups.run(known, sizes=(2, 4), seed=5, **size))
    means = {
        pool: {row["pictures"]: np.mean(row["auc"]) for row in rows}
        for pool, rows in result["pools"].items()
    }
    assert means["mean"][4] > 0.8
    assert means["mean"][4] > means["max"][4]
    assert all(len(row["auc"]) == 2 for row in result["pools"]["max"])
    assert groups.run(known, sizes=(2, 4), seed=5, **size) == result
    later = groups.run(known, sizes=(2,), seed=6, **size | {"repeats": 1})
    assert later["pools"]["mean"][0]["auc"][0] == result["pools"]["mean"][0]["auc"][1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pools": ("median",)}, "pools must be some of mean, max, concat"),
        ({"repeats": 0}, "repeats must be at least 1"),
        ({"sizes": (5,)}, r"sizes must lie from 2 to 4 \(classes\), got \[5\]"),
        ({"sizes": ()}, "sizes must lie from 2"),
    ],
)
def test_groups_refuse(known: ClassFeatures, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        groups.run(known, **options)


def test_groups_plot(known: ClassFeatures, axes: Any) -> None:
    result = groups.run(known, sizes=(2, 3), repeats=2, train_groups=20, test_groups=10)
    groups.plot(result, axes)
    labelled = [line.get_label() for line in axes.lines if not line.get_label().startswith("_")]
    assert labelled == ["mean", "max", "concat"]


# -- thresholds


def test_only_thresholds_without_self_keep_their_promise() -> None:
    known = clusters(per_class=120)
    result = plain(thresholds.run(known, n_neighbors=1))
    alarms = {way: np.mean(one["false_alarms"]) for way, one in result["ways"].items()}
    # with k = 1 a training picture that finds itself has score 0, and so has the threshold
    assert alarms["with itself (naive)"] == 1
    assert alarms["leave-one-out"] < 0.12
    assert alarms["conformal p-value"] == alarms["leave-one-out"]
    detected = result["ways"]["leave-one-out"]["detected"]
    assert np.mean(detected) > 3 * alarms["leave-one-out"]
    assert thresholds.run(known, n_neighbors=1) == result


def test_thresholds_plot(known: ClassFeatures, axes: Any) -> None:
    thresholds.plot(thresholds.run(known), axes)
    assert [text.get_text() for text in axes.get_yticklabels()] == list(thresholds.WAYS)
    axes.clear()
    thresholds.plot_histogram(known, axes, normal=1)
    assert len(axes.get_legend().get_texts()) == 4
    for line in axes.lines[:4]:
        assert np.sum(line.get_ydata()) == pytest.approx(100)


# -- ablations


def test_ablations_on_features(known: ClassFeatures) -> None:
    options: dict[str, Any] = {
        "parts": ablations.ON_FEATURES,
        "neighbors": (1, 3, 100),
        "normals": (3, 40, 500),
        "dimensions": (8,),
        "base_sizes": (3, 10),
    }
    result = plain(ablations.run(known, **options))
    assert list(result["parts"]) == list(ablations.ON_FEATURES)
    parts = result["parts"]
    assert [row["value"] for row in parts["neighbors"]["nearest neighbours"]] == [1, 3]
    assert [row["value"] for row in parts["normals"]["random subsets"]] == [3, 40]
    baseline = one_class.run(known, methods=("features, l2",))["methods"]["features, l2"]["auc"]
    assert parts["normals"]["random subsets"][1]["auc"] == pytest.approx(baseline)
    assert parts["storage"]["features, l2"][0]["auc"] == pytest.approx(baseline)
    for row in parts["storage"]["features, l2"][1:]:
        np.testing.assert_allclose(row["auc"], baseline, atol=0.02)
    assert list(parts["reduction"]) == ["k-means centroids", "coreset"]
    options |= {"parts": ("neighbors", "normals", "reduction")}
    again = ablations.run(known, **options)["parts"]
    assert again == {part: parts[part] for part in options["parts"]}
    other = ablations.run(known, **options, seed=1)["parts"]
    assert other["normals"]["random subsets"][0] != parts["normals"]["random subsets"][0]
    assert other["neighbors"] == parts["neighbors"]


def test_principal_axes_of_the_normal_class_lose_what_marks_anomalies() -> None:
    """Normal rows vary along two axes, anomalies differ along others: PCA keeps the wrong ones."""
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(240, 40)) * np.array([3.0] * 4 + [0.1] * 36) + 2
    labels = np.repeat([0, 1], 120)
    rows[labels == 1, 20:] += 1.5
    part = np.arange(240) % 3 == 0
    known = ClassFeatures(
        "planes",
        ("a", "b"),
        rows[~part],
        labels[~part],
        rows[part],
        labels[part],
        rows[~part],
        rows[part],
        {},
    )
    lines = ablations.run(known, parts=("dimensions",), dimensions=(4,))["parts"]["dimensions"]
    pca, projected = (
        np.mean(lines[line][0]["auc"]) for line in ("PCA of the normal class", "random projection")
    )
    whole = one_class.run(known, methods=("features, l2",))["methods"]["features, l2"]["mean"]
    assert pca < 0.65 < whole
    assert pca < projected


def test_ablations_on_pictures() -> None:
    pictures = load_pictures("digits", train_per_class=6, test_per_class=3)
    result = plain(
        ablations.run(
            pictures,
            parts=("resolution", "layer", "backbone"),
            size=32,
            resolutions=(8, 32),
            layers=("stage", "pool", "stage + pool"),
        )
    )
    parts = {name: lines["features, l2"] for name, lines in result["parts"].items()}
    assert [row["value"] for row in parts["resolution"]] == [8, 32]
    expected = one_class.run(pictures, size=32, methods=("features, l2",))["methods"]
    for rows, place in ((parts["resolution"], 1), (parts["layer"], 1), (parts["backbone"], 1)):
        assert rows[place]["auc"] == expected["features, l2"]["auc"]
    assert parts["backbone"][0]["value"] == "random weights"
    assert len({tuple(row["auc"]) for row in parts["layer"]}) == 3


def test_ablations_refuse(known: ClassFeatures) -> None:
    with pytest.raises(ValueError, match="parts must be some of neighbors"):
        ablations.run(known, parts=("colour",))
    with pytest.raises(ValueError, match="data must be pictures for resolution, got features"):
        ablations.run(known, parts=("neighbors", "resolution"))


def test_random_weights_leave_the_callers_random_numbers_alone() -> None:
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    ablations.random_lite0(0)
    assert torch.rand(1) == expected


def test_ablation_plots(known: ClassFeatures, axes: Any) -> None:
    result = ablations.run(known, parts=("dimensions", "storage"), dimensions=(2, 4))
    ablations.plot(result, "dimensions", axes)
    assert [line.get_label() for line in axes.lines] == [
        "random projection",
        "PCA of the normal class",
    ]
    axes.clear()
    ablations.plot(result, "storage", axes)
    assert [text.get_text() for text in axes.get_yticklabels()] == list(ablations.STORAGES)


# -- photographs


@pytest.mark.parametrize("name", photographs.PHOTOGRAPHS)
def test_photographs_travel_with_packages(name: str) -> None:
    picture = photographs.photograph(name)
    assert picture.ndim == 3
    assert picture.shape[2] == 3
    assert 0 <= picture.min() < picture.max() <= 1
    assert min(picture.shape[:2]) >= 300


def test_tiles_lie_side_by_side_and_are_not_flat() -> None:
    picture = np.zeros((20, 31, 3))
    picture[:10, :10] = np.random.default_rng(0).random((10, 10, 3))
    picture[10:, 20:30] = np.random.default_rng(1).random((10, 10, 3))
    tiles = photographs.cut_tiles(picture, 10)
    assert len(tiles) == 2
    np.testing.assert_array_equal(tiles[1], picture[10:, 20:30])
    with pytest.raises(ValueError, match="side must be from 1 to 20 pixels, got 21"):
        photographs.cut_tiles(picture, 21)
    with pytest.raises(ValueError, match="name must be one of astronaut"):
        photographs.photograph("lena")


@pytest.mark.parametrize("name", photographs.CORRUPTIONS)
def test_corruptions_grow_with_their_level_and_repeat(name: str) -> None:
    tiles = photographs.cut_tiles(photographs.photograph("coffee"), 64)[:6]
    clean = np.stack(tiles)
    before = clean.copy()
    changes = []
    for level in (1, 2, 3):
        spoiled = photographs.corrupt(tiles, name, level)
        assert spoiled.dtype == np.float32
        assert 0 <= spoiled.min() <= spoiled.max() <= 1
        np.testing.assert_array_equal(
            photographs.corrupt(tiles[2:3], name, level)[0].shape, (64, 64, 3)
        )
        changes.append(np.abs(spoiled - clean).mean())
    assert 0 < changes[0] < changes[1] < changes[2]
    np.testing.assert_array_equal(clean, before)
    again = photographs.corrupt(tiles, name, 3)
    np.testing.assert_array_equal(again, spoiled)
    np.testing.assert_array_equal(photographs.corrupt(tiles[:2], name, 3), spoiled[:2])


def test_corruptions_are_what_they_are_called() -> None:
    tile = photographs.cut_tiles(photographs.photograph("coffee"), 64)[9]
    columns = (photographs.corrupt([tile], "dead lines", 2)[0] != tile.astype(np.float32)).any(
        (0, 2)
    )
    assert columns.sum() == 3
    blurred = photographs.corrupt([tile], "blur", 2)[0]
    assert np.abs(np.diff(blurred, axis=1)).mean() < 0.7 * np.abs(np.diff(tile, axis=1)).mean()
    assert blurred.mean() == pytest.approx(tile.mean(), abs=0.01)
    bright = photographs.corrupt([tile / 2], "overexposure", 2)[0]
    np.testing.assert_allclose(bright, tile, atol=1e-6)
    dark = photographs.corrupt([np.ones((64, 64, 3))], "smudge", 3)[0]
    assert (dark < 0.5).mean() == pytest.approx(0.3, abs=0.12)
    with pytest.raises(ValueError, match="corruption must be one of blur"):
        photographs.corrupt([tile], "rain", 1)
    with pytest.raises(ValueError, match="level must be from 1 to 3, got 4"):
        photographs.corrupt([tile], "blur", 4)


def test_tiles_to_know_and_to_test_are_not_the_same() -> None:
    normal, held_out = corruptions.split_tiles(["coffee", "brick"], side=100, tiles=12)
    assert len(normal) + len(held_out) == 24
    rows = {tile.tobytes() for tile in np.concatenate([normal, held_out])}
    assert len(rows) == 24
    with pytest.raises(ValueError, match="side must leave tiles to know and to test"):
        corruptions.split_tiles(["coffee"], side=400)


def test_spoiled_tiles_stand_out(axes: Any) -> None:
    size: dict[str, Any] = {
        "corruptions": ("dead lines",),
        "levels": (1, 3),
        "size": 48,
        "tiles": 20,
    }
    result = plain(corruptions.run(("brick", "grass"), **size))
    slight, strong = (row["auc"]["features, l2"] for row in result["corruptions"]["dead lines"])
    assert slight < strong
    assert strong > 0.85
    assert corruptions.run(("brick", "grass"), **size) == result
    corruptions.plot(result, axes)
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [100 * slight, 100 * strong])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"photographs": ("lena",)}, "photographs must be some of astronaut"),
        ({"corruptions": ()}, "corruptions must be some of blur"),
        ({"levels": (0,)}, "levels must be some of 1, 2, 3"),
        ({"test_share": 1.0}, "test_share must lie between 0 and 1"),
    ],
)
def test_corruptions_refuse(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        corruptions.run(**options)


def test_the_tiles_can_be_shown() -> None:
    figure, panels = plotting.figure(ncols=7)
    corruptions.plot_tiles(panels)
    assert [panel.get_title(loc="center") for panel in panels] == [
        "as it is",
        *photographs.CORRUPTIONS,
    ]
    assert all(len(panel.images) == 1 for panel in panels)
    matplotlib.pyplot.close(figure)
