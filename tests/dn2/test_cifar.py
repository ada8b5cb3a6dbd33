"""The lesson's bars on 7,000 real photographs of CIFAR-10, whose features are computed once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from paper_lessons.dn2.experiments import dirty, groups, one_class, thresholds
from paper_lessons.dn2.experiments.data import ClassFeatures, class_features, load_pictures

pytestmark = pytest.mark.slow

SIZE = 128
LAYERS = ("stage6", "stage", "pool")  # 192 + 320 + 1280 numbers


@pytest.fixture(scope="session")
def three_layers(test_data: Path) -> ClassFeatures:
    file = test_data / "cifar10_subset" / "cifar10_500x10_200x10.npz"
    if not file.is_file():
        pytest.skip("the CIFAR-10 sample is absent")
    return class_features(load_pictures(npz=file), size=SIZE, layer=LAYERS)


@pytest.fixture(scope="session")
def known(three_layers: ClassFeatures, test_data: Path) -> ClassFeatures:
    """The paper's layer alone. Joined layers have length 1 each, so plain lengths need a second pass."""
    pictures = load_pictures(npz=test_data / "cifar10_subset" / "cifar10_500x10_200x10.npz")
    return class_features(pictures, size=SIZE)


def means(data: ClassFeatures, *methods: str) -> dict[str, float]:
    found = one_class.run(data, methods=methods)["methods"]
    return {method: 100 * one["mean"] for method, one in found.items()}


def test_length_one_is_what_makes_it_work(known: ClassFeatures) -> None:
    found = means(known, "pixels", "features", "features, l2", "features, z-score")
    assert found["features, l2"] >= 89.0
    assert 71 <= found["features"] <= 74
    assert found["pixels"] == pytest.approx(59.4, abs=1.5)
    assert found["features, z-score"] >= 89.5


def test_whitening_three_layers_reaches_91(three_layers: ClassFeatures) -> None:
    assert means(three_layers, "features, whitened")["features, whitened"] >= 91.0


def test_cleaning_with_many_neighbours_gains(known: ClassFeatures) -> None:
    options: dict[str, Any] = {"shares": (0.2,), "cleaning_neighbors": (2, 50)}
    ways = dirty.run(known, **options)["ways"]
    areas = {way: 100 * np.mean(rows[0]["auc"]) for way, rows in ways.items()}
    assert areas["k = 50"] >= areas["as it is"] + 6
    assert areas["k = 50"] >= areas["k = 2"] + 2


def test_the_mean_is_the_best_pool_of_five_pictures_or_more(known: ClassFeatures) -> None:
    pools = groups.run(known, sizes=(5, 10), repeats=10)["pools"]
    for place in range(2):
        areas = {pool: np.mean(rows[place]["auc"]) for pool, rows in pools.items()}
        assert max(areas, key=lambda pool: areas[pool]) == "mean"
        assert areas["mean"] > 0.6


def test_only_leaving_out_keeps_the_promise(known: ClassFeatures) -> None:
    ways = thresholds.run(known)["ways"]
    alarms = {way: 100 * np.mean(one["false_alarms"]) for way, one in ways.items()}
    assert 3 <= alarms["leave-one-out"] <= 7
    assert 3 <= alarms["conformal p-value"] <= 7
    assert alarms["with itself (naive)"] > 90
