"""Groups of samples: pooling, ragged sizes, order, and the anomaly that no single sample shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from paper_lessons.dn2 import (
    DeepNearestNeighbors,
    GroupNearestNeighbors,
    nearest_neighbors,
    pool_groups,
)

POOLS = ["mean", "max", "concat"]


def groups_of_kinds(seed: int, repeats: bool, count: int = 60, size: int = 4) -> list[np.ndarray]:
    """Groups with a sample of each kind, or of kinds drawn with repetition; each sample alone is normal."""
    generator = np.random.default_rng(seed)
    kinds = 3 * np.eye(8)[:size] + 1
    found = []
    while len(found) < count:
        chosen = generator.choice(size, size, replace=repeats)
        if repeats and len(set(chosen)) == size:
            continue
        found.append(kinds[chosen] + 0.2 * generator.normal(size=(size, 8)))
    return found


@st.composite
def ragged(draw: Any) -> tuple[np.ndarray, np.ndarray]:
    sizes = draw(st.lists(st.integers(1, 5), min_size=1, max_size=6))
    generator = np.random.default_rng(draw(st.integers(0, 1000)))
    labels = np.repeat(np.arange(len(sizes)) * 3 - 1, sizes)
    return generator.normal(size=(len(labels), 3)).astype(np.float32), generator.permutation(labels)


@settings(max_examples=60, deadline=None)
@given(ragged(), st.integers(0, 1000))
def test_pooling_ragged_groups_in_any_order(problem: Any, seed: int) -> None:
    rows, labels = problem
    parts = [rows[labels == label] for label in np.unique(labels)]
    for pool, by_hand in (("mean", np.mean), ("max", np.max)):
        pooled = pool_groups(rows, labels, pool)
        expected = np.stack([by_hand(part, axis=0) for part in parts])
        np.testing.assert_allclose(pooled, expected, rtol=1e-5, atol=1e-6)
        assert pooled.dtype == np.float32
        np.testing.assert_array_equal(pool_groups(parts, pool=pool), pooled)
        order = np.random.default_rng(seed).permutation(len(rows))
        again = pool_groups(rows[order], labels[order], pool)
        np.testing.assert_allclose(again, pooled, rtol=1e-6, atol=1e-7)


def test_concat_keeps_the_order_of_samples() -> None:
    rows = np.arange(8.0).reshape(4, 2)
    assert pool_groups(rows, [1, 0, 1, 0], "concat").tolist() == [[2, 3, 6, 7], [0, 1, 4, 5]]
    assert pool_groups([rows[:2], rows[2:]], pool="concat").tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert pool_groups(rows.reshape(2, 2, 2), pool="concat").tolist() == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
    ]


@pytest.mark.parametrize("pool", ["mean", "max"])
def test_order_inside_a_group_does_not_matter(pool: str) -> None:
    train, test = groups_of_kinds(0, False), groups_of_kinds(1, True)
    model = GroupNearestNeighbors(pool).fit(train)
    turned = GroupNearestNeighbors(pool).fit([group[::-1] for group in train])
    generator = np.random.default_rng(2)
    shuffled = [generator.permutation(group) for group in test]
    np.testing.assert_allclose(model.anomaly_score(shuffled), model.anomaly_score(test), rtol=1e-5)
    np.testing.assert_allclose(turned.anomaly_score(test), model.anomaly_score(test), rtol=1e-5)
    assert turned.threshold_ == pytest.approx(model.threshold_, rel=1e-5)


def test_groups_are_anomalous_where_no_sample_is() -> None:
    train, normal, odd = (
        groups_of_kinds(0, False),
        groups_of_kinds(1, False),
        groups_of_kinds(2, True),
    )
    truth = np.repeat([0, 1], 60)
    groups = GroupNearestNeighbors().fit(train)
    assert roc_auc_score(truth, groups.anomaly_score(normal + odd)) == 1
    assert (groups.predict(odd) == -1).all()
    assert (groups.predict(normal) == 1).mean() > 0.85
    assert (groups.p_values(odd) <= 1 / 60).all()
    samples = DeepNearestNeighbors().fit(np.concatenate(train))
    single = samples.anomaly_score(np.concatenate(normal + odd)).reshape(-1, 4).max(axis=1)
    assert roc_auc_score(truth, single) < 0.65


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("normalize", ["l2", None])
def test_the_score_is_that_of_pooled_samples(pool: str, normalize: str | None) -> None:
    train, test = groups_of_kinds(0, False), groups_of_kinds(1, True)
    model = GroupNearestNeighbors(pool, 3, normalize=normalize).fit(train)

    def pooled(groups: list[np.ndarray]) -> np.ndarray:
        if normalize:
            groups = [g / np.linalg.norm(g, axis=1, keepdims=True) for g in groups]
        return pool_groups(groups, pool=pool)

    expected = nearest_neighbors(pooled(test), pooled(train), 3)[0].mean(1)
    np.testing.assert_allclose(model.anomaly_score(test), expected, rtol=1e-4)
    np.testing.assert_array_equal(model.score_samples(test), -model.anomaly_score(test))
    np.testing.assert_array_equal(
        model.decision_function(test), model.threshold_ - model.anomaly_score(test)
    )
    assert len(model.leave_one_out_scores_) == len(model.kept_) == 60


def test_labels_and_lists_are_the_same() -> None:
    train, test = groups_of_kinds(0, False), groups_of_kinds(1, True, size=4)
    rows, labels = np.concatenate(train), np.repeat(np.arange(60), 4)
    order = np.random.default_rng(0).permutation(len(rows))
    by_label = GroupNearestNeighbors().fit(rows[order], labels[order])
    by_list = GroupNearestNeighbors().fit(train)
    np.testing.assert_allclose(by_label.anomaly_score(test), by_list.anomaly_score(test), rtol=1e-5)
    names = np.array([f"group {n:02d}" for n in labels])
    by_name = GroupNearestNeighbors().fit(rows, names)
    np.testing.assert_array_equal(by_name.anomaly_score(test), by_list.anomaly_score(test))


def test_cleaning_drops_groups() -> None:
    train = groups_of_kinds(0, False, count=50) + groups_of_kinds(1, True, count=10)
    model = GroupNearestNeighbors(clean=0.25).fit(train)
    assert len(model.kept_) == 45
    assert model.kept_.max() < 50


@pytest.mark.parametrize("options", [{}, {"pool": "concat", "normalize": None, "clean": 0.1}])
def test_a_saved_model_is_the_same(options: dict, tmp_path: Path) -> None:
    train, test = groups_of_kinds(0, False), groups_of_kinds(1, True)
    model = GroupNearestNeighbors(**options).fit(train)
    loaded = GroupNearestNeighbors.load(model.save(tmp_path / "groups.npz"))
    assert loaded.get_params() == model.get_params() == clone(model).get_params()
    np.testing.assert_array_equal(loaded.anomaly_score(test), model.anomaly_score(test))
    np.testing.assert_array_equal(loaded.p_values(test), model.p_values(test))
    with pytest.raises(ValueError, match="must be a file that DeepNearestNeighbors"):
        DeepNearestNeighbors.load(tmp_path / "groups.npz")
    with pytest.raises(ValueError, match="features must have 8 columns, as in fit, got 7"):
        loaded.predict([group[:, 1:] for group in test])


@pytest.mark.parametrize(
    ("features", "labels", "pool", "message"),
    [
        ([np.ones((2, 3)), np.ones((0, 3))], None, "mean", "no empty group, got none for group 1"),
        ([], None, "mean", "must be a sequence of arrays"),
        (np.ones((2, 3)), None, "mean", "must be a sequence of arrays"),
        ([np.ones((2, 3)), np.ones((2, 4))], None, "mean", r"got shape \(2, 4\) for group 1"),
        ([np.ones(3)], None, "mean", r"got shape \(3,\) for group 0"),
        (np.ones((2, 3)), [0, 1, 1], "mean", r"got \(2, 3\) and \(3,\)"),
        (np.ones((0, 3)), [], "mean", r"got \(0, 3\) and \(0,\)"),
        (
            [np.ones((2, 3)), np.ones((1, 3))],
            None,
            "concat",
            "groups of one size, got sizes from 1 to 2",
        ),
        ([np.full((2, 3), np.nan)], None, "mean", "must be finite numbers"),
        ([np.full((2, 3), "a")], None, "mean", "must be finite numbers"),
        ([np.ones((2, 3))], None, "median", "pool must be 'mean', 'max' or 'concat', got 'median'"),
    ],
)
def test_pooling_refuses(features: Any, labels: Any, pool: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pool_groups(features, labels, pool)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"pool": "sum"}, "pool must be 'mean', 'max' or 'concat', got 'sum'"),
        ({"normalize": "zscore"}, "normalize must be 'l2' or None, got 'zscore'"),
        ({"n_neighbors": 60}, "got n_neighbors=60 with n_samples = 60"),
    ],
)
def test_the_model_refuses(parameters: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GroupNearestNeighbors(**parameters).fit(groups_of_kinds(0, False))
