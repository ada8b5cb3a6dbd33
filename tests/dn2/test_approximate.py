"""Approximate search: what is found is measured exactly, and how much is missed is known."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from paper_lessons.dn2 import ApproximateNeighbors, nearest_neighbors, recall


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """The threads of faiss wait for each other in a loop, which takes minutes on a busy machine."""
    if importlib.util.find_spec("faiss"):
        pytest.importorskip("faiss").omp_set_num_threads(1)


@pytest.fixture(scope="module")
def clustered() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(30, 32))
    near = centres[generator.integers(0, 30, 3100)] + 0.3 * generator.normal(size=(3100, 32))
    return near[:3000].astype(np.float32), near[3000:].astype(np.float32)


def test_recall_counts_what_was_found() -> None:
    exact = np.array([[1, 2], [3, 4]])
    assert recall(exact[:, ::-1], exact) == 1
    assert recall(np.array([[1, -1], [-1, -1]]), exact) == 0.25
    with pytest.raises(ValueError, match="one shape"):
        recall(exact, exact[:1])


def test_a_sentence_says_how_to_get_faiss(monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ImportError, match=r'needs faiss: pip install "paper-lessons\[faiss\]"'):
        ApproximateNeighbors().fit(np.ones((3, 2)))


@pytest.mark.parametrize(
    ("options", "least"),
    [
        ({"kind": "ivf", "n_probe": 10}, 0.9),
        ({"kind": "pq", "n_bytes": 8, "rerank": 16}, 0.9),
        ({"kind": "ivfpq", "n_probe": 10, "n_bytes": 8}, 0.85),
    ],
)
def test_most_neighbours_are_found(clustered: Any, options: dict, least: float) -> None:
    pytest.importorskip("faiss")
    base, queries = clustered
    exact = nearest_neighbors(queries, base, 5)
    found = ApproximateNeighbors(**options).fit(base).kneighbors(queries, 5)
    assert recall(found[1], exact[1]) >= least
    true = np.square(queries[:, None] - base[found[1]]).sum(2)
    np.testing.assert_allclose(found[0], true, rtol=1e-4)
    assert (np.diff(found[0], axis=1) >= 0).all()


def test_all_cells_find_all_neighbours(clustered: Any) -> None:
    pytest.importorskip("faiss")
    base, queries = clustered
    exact = nearest_neighbors(queries, base, 3)
    found = ApproximateNeighbors(n_cells=20, n_probe=20).fit(base).kneighbors(queries, 3)
    np.testing.assert_array_equal(found[1], exact[1])
    np.testing.assert_allclose(found[0], exact[0], rtol=1e-6)


def test_measuring_again_finds_more(clustered: Any) -> None:
    pytest.importorskip("faiss")
    base, queries = clustered
    exact = nearest_neighbors(queries, base, 5)[1]
    shares = [
        recall(
            ApproximateNeighbors("pq", n_bytes=2, rerank=r).fit(base).kneighbors(queries, 5)[1],
            exact,
        )
        for r in (0, 1, 8)
    ]
    assert shares[0] == shares[1] < shares[2] - 0.2


def test_fewer_than_k_found_are_told(clustered: Any) -> None:
    pytest.importorskip("faiss")
    base, queries = clustered
    model = ApproximateNeighbors(n_cells=300, n_probe=1).fit(base)
    distances, indices = model.kneighbors(queries, 50)
    assert (indices == -1).any()
    assert (np.isinf(distances) == (indices == -1)).all()


def test_the_base_may_stay_on_the_disk(clustered: Any, tmp_path: Path) -> None:
    pytest.importorskip("faiss")
    base, queries = clustered
    np.save(tmp_path / "base.npy", base)
    model = ApproximateNeighbors().fit(np.load(tmp_path / "base.npy", mmap_mode="r"))
    assert isinstance(model.base_, np.memmap)
    expected = ApproximateNeighbors().fit(base).kneighbors(queries, 2)
    np.testing.assert_array_equal(model.kneighbors(queries, 2)[1], expected[1])


def test_parameters_are_checked(clustered: Any) -> None:
    for options, message in (
        ({"kind": "hnsw"}, "kind must be 'ivf', 'pq' or 'ivfpq', got 'hnsw'"),
        ({"n_probe": 0}, "n_probe must be a whole number from 1, got 0"),
        ({"rerank": -1}, "rerank must be a whole number from 0, got -1"),
    ):
        with pytest.raises(ValueError, match=message):
            ApproximateNeighbors(**options)
    with pytest.raises(ValueError, match="call fit first"):
        ApproximateNeighbors().kneighbors(clustered[1], 2)


def test_what_does_not_fit_is_refused(clustered: Any) -> None:
    pytest.importorskip("faiss")
    base, queries = clustered
    for options, rows, message in (
        ({"n_cells": 9}, base[:5], "n_cells must be at most 5, the rows of base, got 9"),
        (
            {"kind": "pq", "n_bytes": 5},
            base,
            "n_bytes must divide half the number of features, 32 / 2, got 5",
        ),
        ({"kind": "pq", "n_bytes": 4}, base[:9], "base must have 16 rows"),
        ({}, base[0], r"base must have shape \(rows, features\)"),
        ({}, np.full((9, 2), np.nan), "base must be finite"),
    ):
        with pytest.raises(ValueError, match=message):
            ApproximateNeighbors(**options).fit(rows)
    model = ApproximateNeighbors().fit(base)
    with pytest.raises(ValueError, match="k must be at most 3000"):
        model.kneighbors(queries, 3001)
    with pytest.raises(ValueError, match=r"queries must have shape \(q, 32\)"):
        model.kneighbors(queries[:, 1:], 1)
