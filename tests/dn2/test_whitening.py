"""Whitening against scikit-learn's Mahalanobis distance, and what a whitening does to its own samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf, ledoit_wolf_shrinkage
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from paper_lessons.dn2 import DeepNearestNeighbors
from paper_lessons.dn2.normalizing import unit_rows
from paper_lessons.dn2.whitening import (
    LEAST_SHRINKAGE,
    _shrinkage,
    fit_whitening,
    held_out_distances,
)


def rows_and_new(n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(n)
    scales = np.geomspace(0.01, 3, d)
    return generator.normal(size=(n, d)) * scales + 1, generator.normal(size=(7, d)) * 2


@pytest.mark.parametrize(("n", "d"), [(30, 80), (80, 80), (200, 20), (50, 1)])
def test_white_lengths_are_mahalanobis_distances(n: int, d: int) -> None:
    rows, new = rows_and_new(n, d)
    white = fit_whitening(rows)(new)
    oracle = LedoitWolf().fit(rows)
    np.testing.assert_allclose(np.square(white).sum(1), oracle.mahalanobis(new), rtol=1e-8)
    # and so are all distances between two rows
    inverse = np.linalg.inv(oracle.covariance_)
    expected = np.einsum("d,de,e->", new[0] - new[1], inverse, new[0] - new[1])
    np.testing.assert_allclose(np.square(white[0] - white[1]).sum(), expected, rtol=1e-8)


@pytest.mark.parametrize(("n", "d"), [(30, 80), (200, 20)])
def test_the_shrinkage_is_scikit_learns(n: int, d: int) -> None:
    rows, _ = rows_and_new(n, d)
    centred = rows - rows.mean(0)
    products = centred @ centred.T if n <= d else centred.T @ centred
    level = np.trace(products) / (n * d)
    assert _shrinkage(centred, products, level) == pytest.approx(ledoit_wolf_shrinkage(rows))


def test_axes_are_orthonormal_and_fewer_than_samples() -> None:
    rows, _ = rows_and_new(30, 80)
    found = fit_whitening(rows)
    assert found.axes.shape == (80, 29)
    np.testing.assert_allclose(found.axes.T @ found.axes, np.eye(29), atol=1e-9)
    assert (found.along <= found.across * (1 + 1e-12)).all()


def test_rows_that_are_all_the_same_are_only_centred() -> None:
    rows = np.full((6, 4), 0.3)
    white = fit_whitening(rows)
    np.testing.assert_allclose(white(rows + np.arange(1, 5)), np.tile([1.0, 2, 3, 4], (6, 1)))


def test_directions_that_nothing_took_are_not_infinitely_far() -> None:
    rows = np.repeat(np.eye(2, 5), 500, axis=0)  # two different rows, many times: hardly any noise
    white = fit_whitening(rows)
    assert np.isfinite(white(np.eye(5))).all()
    assert white.across <= 1 / np.sqrt(LEAST_SHRINKAGE * 0.25 / 5) * 1.01


def test_own_samples_look_nearer_than_they_are() -> None:
    """In 200 dimensions a whitening of 60 samples has seen each direction in which they differ."""
    generator = np.random.default_rng(0)
    rows, new = generator.normal(size=(60, 200)), generator.normal(size=(60, 200))
    rows[:, :20] *= 5
    new[:, :20] *= 5
    white = fit_whitening(rows)

    def nearest(a: np.ndarray, b: np.ndarray, leave_out: bool) -> np.ndarray:
        squares = np.square(a[:, None] - b).sum(-1)
        if leave_out:
            np.fill_diagonal(squares, np.inf)
        return squares.min(1)

    own, fresh = nearest(white(rows), white(rows), True), nearest(white(new), white(rows), False)
    honest = held_out_distances(rows, 1, metric="sqeuclidean")[:, 0]
    assert (own > np.quantile(fresh, 0.05)).mean() < 0.3
    assert np.median(honest) == pytest.approx(np.median(fresh), rel=0.1)
    assert np.median(own) < 0.9 * np.median(fresh)


def test_held_out_distances_leave_the_fold_out() -> None:
    rows, _ = rows_and_new(25, 6)
    found = held_out_distances(rows, 2, metric="euclidean")
    out = np.arange(25) % 10 == 3
    white = fit_whitening(rows[~out])
    expected = np.linalg.norm(white(rows[out])[:, None] - white(rows[~out]), axis=-1)
    np.testing.assert_allclose(found[out], np.sort(expected, axis=1)[:, :2], rtol=1e-5)
    few = held_out_distances(rows[:4], 3, metric="sqeuclidean")  # three others, all of them needed
    assert few.shape == (4, 3)
    assert np.isfinite(few).all()
    projection = np.random.default_rng(0).normal(size=(6, 3))
    assert (held_out_distances(rows, 2, metric="euclidean", projection=projection) != found).any()


# -- as an option of the detector


def anisotropic(n: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.normal(size=(n, 60)) * np.geomspace(0.02, 1, 60) + 3


def test_the_detector_whitens_what_has_length_one() -> None:
    rows, new = anisotropic(80, 0), anisotropic(20, 1)
    detector = DeepNearestNeighbors(2, normalize="whiten").fit(rows)
    white = fit_whitening(unit_rows(rows))
    squares = np.square(white(unit_rows(new))[:, None] - white(unit_rows(rows))).sum(-1)
    expected = np.sort(squares, axis=1)[:, :2].mean(1)
    np.testing.assert_allclose(detector.anomaly_score(new), expected, rtol=1e-4)


def test_its_threshold_keeps_its_promise() -> None:
    rows, new = anisotropic(100, 0), anisotropic(1000, 1)
    detector = DeepNearestNeighbors(2, normalize="whiten", false_positive_rate=0.1).fit(rows)
    assert (detector.predict(new) == -1).mean() == pytest.approx(0.1, abs=0.07)
    assert len(detector.leave_one_out_scores_) == 100


def test_it_finds_what_leaves_the_usual_directions() -> None:
    rows, normal = anisotropic(200, 0), anisotropic(100, 1)
    strange = anisotropic(100, 2)
    strange[:, :10] += 0.3  # several deviations there, next to nothing for plain distances
    areas = {}
    for normalize in ("l2", "whiten"):
        detector = DeepNearestNeighbors(2, normalize=normalize).fit(rows)
        scores = detector.anomaly_score(np.concatenate([normal, strange]))
        areas[normalize] = roc_auc_score(np.repeat([0, 1], 100), scores)
    assert areas["whiten"] > areas["l2"] + 0.2


def test_it_can_be_saved_cleaned_and_projected(tmp_path: Path) -> None:
    rows, new = anisotropic(80, 0), anisotropic(20, 1)
    for options in ({}, {"clean": 0.25}, {"reduction": "projection", "reduction_size": 20}):
        detector = DeepNearestNeighbors(2, normalize="whiten", **options).fit(rows)
        loaded = DeepNearestNeighbors.load(detector.save(tmp_path / "white.npz"))
        np.testing.assert_array_equal(loaded.anomaly_score(new), detector.anomaly_score(new))
        assert loaded.threshold_ == detector.threshold_
        assert len(detector.leave_one_out_scores_) == len(detector.kept_)
    cleaned = DeepNearestNeighbors(2, normalize="whiten", clean=0.25).fit(rows)
    by_length = DeepNearestNeighbors(2, clean=0.25).fit(rows)
    np.testing.assert_array_equal(cleaned.kept_, by_length.kept_)
    for reduction in ("kmeans", "coreset"):
        with pytest.raises(ValueError, match=f"'projection' or None, got '{reduction}'"):
            DeepNearestNeighbors(normalize="whiten", reduction=reduction, reduction_size=9).fit(
                rows
            )


@parametrize_with_checks([DeepNearestNeighbors(normalize="whiten")])
def test_scikit_learn_accepts_it(estimator: Any, check: Any) -> None:
    check(estimator)
