"""Smaller bases: k-means, coresets, random projections, and thresholds that leave samples out of them."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.metrics import pairwise_distances

from paper_lessons.dn2 import (
    DeepNearestNeighbors,
    greedy_coreset,
    kmeans_centroids,
    nearest_neighbors,
    random_projection,
)


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return load_digits(n_class=3, return_X_y=True)[0].astype(np.float32)


def within(rows: np.ndarray, centroids: np.ndarray) -> float:
    return float(nearest_neighbors(rows, centroids, 1)[0].sum())


@pytest.mark.parametrize("count", [1, 3, 20])
def test_kmeans_is_as_good_as_that_of_scikit_learn(rows: Any, count: int) -> None:
    centroids, members = kmeans_centroids(rows, count)
    expected = KMeans(count, n_init=1, random_state=0).fit(rows).inertia_
    assert within(rows, centroids) <= 1.05 * expected
    means = np.stack([rows[members == c].mean(0) for c in range(count)])
    np.testing.assert_allclose(centroids, means, rtol=1e-4, atol=1e-4)
    assert (members == nearest_neighbors(rows, centroids, 1)[1][:, 0]).mean() > 0.99


def test_kmeans_repeats_itself(rows: Any) -> None:
    np.testing.assert_array_equal(kmeans_centroids(rows, 9)[0], kmeans_centroids(rows, 9)[0])
    assert (kmeans_centroids(rows, 9)[0] != kmeans_centroids(rows, 9, seed=1)[0]).any()


def test_kmeans_of_few_different_samples() -> None:
    rows = np.array([[0.0], [5.0], [0.0], [5.0], [0.0]])
    centroids, members = kmeans_centroids(rows, 4)
    assert sorted(centroids.ravel().tolist()) == [0, 5]
    np.testing.assert_array_equal(centroids[members], rows)
    every, members = kmeans_centroids(np.arange(6.0)[:, None], 6)
    np.testing.assert_array_equal(every[members].ravel(), np.arange(6))


def test_a_coreset_covers_within_twice_the_best() -> None:
    rows = np.random.default_rng(0).normal(size=(14, 2))
    distances = pairwise_distances(rows)
    for size in (1, 2, 3, 4):
        best = min(distances[:, list(c)].min(1).max() for c in combinations(range(14), size))
        for start in range(14):
            chosen = greedy_coreset(rows, size, start=start)
            assert len(set(chosen.tolist())) == size
            assert distances[:, chosen].min(1).max() <= 2 * best * (1 + 1e-5)


def test_a_coreset_takes_the_farthest_each_time(rows: Any) -> None:
    chosen = greedy_coreset(rows, 30)
    distances = pairwise_distances(rows.astype(np.float64), metric="sqeuclidean")
    for count in range(1, 30):
        nearest = distances[:, chosen[:count]].min(1)
        assert nearest[chosen[count]] == pytest.approx(nearest.max(), rel=1e-4)


def test_duplicates_come_last_in_a_coreset() -> None:
    rows = np.array([[1.0, 0.1], [1.0, 0.1], [7.0, 0.3], [1.0, 0.1], [4.0, 0.2]])
    chosen = greedy_coreset(rows, 5, start=1).tolist()
    assert chosen[:3] == [1, 2, 4]
    assert sorted(chosen) == [0, 1, 2, 3, 4]


def test_projections_keep_distances_on_the_average(rows: Any) -> None:
    before = pairwise_distances(rows[:50], metric="sqeuclidean")
    ratios = []
    for seed in range(20):
        after = rows[:50] @ random_projection(64, 16, seed=seed)
        ratios.append(
            (pairwise_distances(after, metric="sqeuclidean")[0, 1:] / before[0, 1:]).mean()
        )
    assert np.mean(ratios) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: kmeans_centroids(np.ones((3, 2)), 4),
            "n_centroids must be a whole number from 1 to 3",
        ),
        (lambda: kmeans_centroids(np.ones((3, 2)), 0), "n_centroids must be a whole number from 1"),
        (lambda: kmeans_centroids(np.ones(3), 1), "features must have shape"),
        (lambda: kmeans_centroids([[np.nan]], 1), "features must be finite"),
        (lambda: greedy_coreset(np.ones((3, 2)), 4), "size must be a whole number from 1 to 3"),
        (lambda: greedy_coreset(np.ones((3, 2)), 2, start=3), "start must be a sample from 0 to 2"),
        (lambda: random_projection(4, 5), "size must be a whole number from 1 to 4"),
        (lambda: random_projection(4, 0), "size must be a whole number from 1"),
    ],
)
def test_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


# -- in the detector


@pytest.mark.parametrize("metric", ["sqeuclidean", "euclidean"])
@pytest.mark.parametrize(("count", "k"), [(5, 2), (40, 2), (59, 1), (3, 3)])
def test_centroids_are_left_by_the_sample_that_is_measured(metric: str, count: int, k: int) -> None:
    rows = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    model = DeepNearestNeighbors(
        k, normalize=None, metric=metric, reduction="kmeans", reduction_size=count
    ).fit(rows)
    centroids, members = kmeans_centroids(rows, count)
    for row in range(60):
        others = [
            rows[(members == c) & (np.arange(60) != row)].mean(0)
            for c in range(len(centroids))
            if ((members == c) & (np.arange(60) != row)).any()
        ]
        distances = np.square(rows[row] - np.array(others)).sum(1)
        distances = np.sqrt(distances) if metric == "euclidean" else distances
        expected = np.sort(distances)[:k].mean()
        assert model.leave_one_out_scores_[row] == pytest.approx(expected, rel=1e-3)


def test_a_coreset_does_not_count_a_sample_as_its_own_neighbour(rows: Any) -> None:
    model = DeepNearestNeighbors(normalize=None, reduction="coreset", reduction_size=0.1).fit(rows)
    assert len(model.base_indices_) == round(0.1 * len(rows))
    distances = pairwise_distances(rows, rows[model.base_indices_], metric="sqeuclidean")
    distances[model.base_indices_, np.arange(len(model.base_indices_))] = np.inf
    expected = np.sort(distances, axis=1)[:, :2].mean(1)
    np.testing.assert_allclose(model.leave_one_out_scores_, expected, rtol=1e-5)
    found = model.kneighbors(rows[:4])[1]
    assert set(found.ravel()) <= set(model.base_indices_)


@pytest.mark.parametrize(
    ("reduction", "size"), [("kmeans", 20), ("coreset", 0.3), ("projection", 0.5)]
)
@pytest.mark.parametrize("normalize", ["l2", "zscore"])
def test_smaller_bases_keep_the_false_positive_rate(
    reduction: str, size: Any, normalize: str
) -> None:
    generator = np.random.default_rng(0)
    train, held_out = generator.normal(size=(2, 1500, 20)) + 1
    model = DeepNearestNeighbors(normalize=normalize, reduction=reduction, reduction_size=size)
    false = (model.fit(train).predict(held_out) == -1).mean()
    assert 0.03 <= false <= 0.07


def test_fewer_different_samples_than_centroids() -> None:
    rows = np.repeat([[1.0, 0.0], [0.0, 1.0]], 10, axis=0)
    model = DeepNearestNeighbors(3, reduction="kmeans", reduction_size=5).fit(rows)
    np.testing.assert_allclose(model.anomaly_score(rows), 1.0)
