"""Exact search: against brute force and scikit-learn, and the same whatever the order of work."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics.pairwise import cosine_distances
from sklearn.neighbors import NearestNeighbors

from paper_lessons.dn2 import merge_neighbors, nearest_neighbors
from paper_lessons.dn2.search import exact as exact_search
from paper_lessons.dn2.search import tiles

METRICS = ["sqeuclidean", "euclidean", "cosine"]
MEASURES_OF_WORK = [(256, 4096), (1, 64), (7, 128), (64, 192)]


def brute_force(
    queries: Any, base: Any, k: int, metric: str = "sqeuclidean", exclude_self: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """All distances in float64, sorted by distance and then by index."""
    queries, base = np.asarray(queries, np.float64), np.asarray(base, np.float64)
    if metric == "cosine":
        distances = cosine_distances(queries, base)
    else:
        distances = np.square(queries[:, None] - base[None]).sum(2)
        distances = np.sqrt(distances) if metric == "euclidean" else distances
    if exclude_self:
        np.fill_diagonal(distances, np.inf)
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(distances, order, 1), order


@pytest.fixture(scope="module")
def features() -> np.ndarray:
    """500 rows that are not negative and of similar length, as features of a network are."""
    generator = np.random.default_rng(0)
    return np.abs(generator.normal(size=(500, 24)) + 1).astype(np.float32)


# -- the right neighbours


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [1, 2, 5, 60])
@pytest.mark.parametrize("exclude_self", [False, True])
def test_brute_force(features: Any, metric: str, k: int, exclude_self: bool) -> None:
    queries = features if exclude_self else features[:200] + np.float32(0.1)
    found = nearest_neighbors(queries, features, k, metric=metric, exclude_self=exclude_self)
    expected = brute_force(queries, features, k, metric, exclude_self)
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-6)
    assert found[0].dtype == np.float32
    assert found[1].dtype == np.int64


def test_scikit_learn(features: Any) -> None:
    model = NearestNeighbors(n_neighbors=4, algorithm="brute").fit(features)
    expected = model.kneighbors()
    found = nearest_neighbors(features, features, 4, metric="euclidean", exclude_self=True)
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-4)


@st.composite
def small_problems(draw: Any) -> tuple[np.ndarray, np.ndarray, int]:
    """Few distinct numbers, so that ties and duplicates are everywhere."""
    width = draw(st.integers(1, 3))
    numbers = st.sampled_from([-1.0, 0.0, 0.5, 2.0])
    row = st.lists(numbers, min_size=width, max_size=width)
    base = np.array(draw(st.lists(row, min_size=1, max_size=40)), dtype=np.float32)
    queries = np.array(draw(st.lists(row, min_size=1, max_size=8)), dtype=np.float32)
    return queries, base, draw(st.integers(1, len(base)))


@settings(max_examples=60, deadline=None)
@given(small_problems())
def test_ties_go_to_the_lowest_index(problem: Any) -> None:
    queries, base, k = problem
    found, expected = nearest_neighbors(queries, base, k), brute_force(queries, base, k)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


@settings(max_examples=60, deadline=None)
@given(small_problems(), st.lists(st.integers(1, 39), max_size=4))
def test_shards_merge_exactly_with_ties(problem: Any, cuts: list[int]) -> None:
    queries, base, k = problem
    edges = sorted({0, len(base), *(cut for cut in cuts if cut < len(base))})
    shards = [
        (*nearest_neighbors(queries, base[a:b], min(k, b - a)), a) for a, b in pairwise(edges)
    ]
    merged, whole = merge_neighbors(shards, k), nearest_neighbors(queries, base, k)
    np.testing.assert_array_equal(merged[0], whole[0])
    np.testing.assert_array_equal(merged[1], whole[1])


@pytest.mark.parametrize("kind", ["array", "tensor"])
def test_four_shards(features: Any, kind: str) -> None:
    queries, base = features[:50] + np.float32(0.05), features
    if kind == "tensor":
        queries, base = torch.from_numpy(queries), torch.from_numpy(base)
    shards = [
        (*nearest_neighbors(queries, base[a : a + 125], 3, metric="euclidean"), a)
        for a in range(0, 500, 125)
    ]
    merged = merge_neighbors(shards[::-1], 3)
    whole = nearest_neighbors(queries, base, 3, metric="euclidean")
    for one, other in zip(merged, whole, strict=True):
        assert type(one) is type(other)
        assert bool((one == other).all())


# -- near ties and duplicates, where float32 products lose their digits


def test_a_duplicate_has_distance_zero(features: Any) -> None:
    scaled = features * np.float32(1000)  # |q|^2 - 2qx + |x|^2 is off by more than 1 here
    distances, indices = nearest_neighbors(scaled, scaled, 1)
    assert (distances == 0).all()
    assert (indices[:, 0] == np.arange(500)).all()


def test_a_large_offset_costs_no_digits() -> None:
    near = np.random.default_rng(1).normal(size=(500, 8))
    base = (1e4 + near).astype(np.float32)
    found = nearest_neighbors(base, base, 3, exclude_self=True)
    expected = brute_force(base, base, 3, exclude_self=True)
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-6)


def test_more_duplicates_than_candidates(features: Any) -> None:
    base = np.tile(features[:5], (100, 1))
    distances, indices = nearest_neighbors(features[:5], base, 20)
    assert (distances == 0).all()
    np.testing.assert_array_equal(indices, np.arange(5)[:, None] + 5 * np.arange(20))


def test_constant_features_are_all_at_distance_zero() -> None:
    base = np.full((3000, 5), 0.3, dtype=np.float32)
    distances, indices = nearest_neighbors(base, base, 2, exclude_self=True)
    assert (distances == 0).all()
    assert (indices[2:] == [0, 1]).all()
    assert indices[:2].tolist() == [[1, 2], [0, 2]]


def test_low_precision_products_change_nothing(features: Any) -> None:
    expected = nearest_neighbors(features, features, 3, exclude_self=True)
    torch.set_float32_matmul_precision("medium")
    try:
        found = nearest_neighbors(features, features, 3, exclude_self=True)
    finally:
        torch.set_float32_matmul_precision("highest")
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


def test_lower_bounds_are_lower() -> None:
    generator = np.random.default_rng(2)
    for scale in (1e-22, 1e-3, 1.0, 1e12):
        points = torch.from_numpy((scale * (5 + generator.normal(size=(200, 300)))).astype("f4"))
        search = exact_search.Search(
            tiles.Rows(points, "queries"),
            tiles.Rows(points, "base"),
            194,
            "sqeuclidean",
            False,
            2**25,
        )
        bounds, indices = search.lower_bounds(0, 200)
        exact = torch.cdist(points.double(), points.double()).square().gather(1, indices)
        assert (bounds <= exact).all()
        if scale != 1e-22:  # there float32 has nothing but its smallest numbers
            assert (bounds >= exact - 2e-4 * points.double().square().sum(1).max()).all()


# -- the order of work


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("tile", MEASURES_OF_WORK)
def test_results_do_not_depend_on_the_tile_size(
    features: Any, monkeypatch: Any, metric: str, tile: tuple[int, int]
) -> None:
    expected = nearest_neighbors(features[:120], features, 3, metric=metric)
    monkeypatch.setattr(exact_search, "QUERIES_PER_TILE", tile[0])
    monkeypatch.setattr(exact_search, "BASE_PER_TILE", tile[1])
    found = nearest_neighbors(features[:120], features, 3, metric=metric, max_memory=2**20)
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_array_equal(found[0], expected[0])


@pytest.mark.parametrize("batch", [1, 17, 100])
def test_results_do_not_depend_on_the_batch_size(features: Any, batch: int) -> None:
    expected = nearest_neighbors(features[:100], features, 3)
    parts = [nearest_neighbors(features[a : a + batch], features, 3) for a in range(0, 100, batch)]
    np.testing.assert_array_equal(np.concatenate([p[0] for p in parts])[:100], expected[0])
    np.testing.assert_array_equal(np.concatenate([p[1] for p in parts])[:100], expected[1])


def test_results_do_not_depend_on_the_number_of_threads(features: Any) -> None:
    before, results = torch.get_num_threads(), []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        results.append(nearest_neighbors(features, features, 3, exclude_self=True))
    torch.set_num_threads(before)
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])


# -- what goes in


def test_self_is_excluded_by_index_and_not_by_distance_zero() -> None:
    base = np.array([[1.0], [1.0], [2.0], [1.0]], dtype=np.float32)
    distances, indices = nearest_neighbors(base, base, 2, exclude_self=True)
    assert distances.tolist() == [[0, 0], [0, 0], [1, 1], [0, 0]]
    assert indices.tolist() == [[1, 3], [0, 3], [0, 1], [0, 1]]


@pytest.mark.parametrize("metric", METRICS)
def test_kinds_of_input_agree(features: Any, metric: str, tmp_path: Path) -> None:
    base, queries = features[:, :20], features[:40, :20]  # not contiguous
    path = tmp_path / "base.npy"
    np.save(path, base)
    frozen = base.copy()
    frozen.flags.writeable = False
    expected = brute_force(queries, base, 3, metric)
    for known in (
        np.ascontiguousarray(base),
        base,
        np.asfortranarray(base),
        base[::-1][::-1],
        frozen,
        np.load(path, mmap_mode="r"),
        torch.from_numpy(features)[:, :20],
        base.astype(">f4"),
        base.tolist(),
        base.astype(np.float64),
        torch.from_numpy(base.astype(np.float64)).requires_grad_(),
    ):
        distances, indices = nearest_neighbors(queries, known, 3, metric=metric)
        assert type(distances) is type(indices) is np.ndarray
        np.testing.assert_array_equal(indices, expected[1])
        np.testing.assert_allclose(distances, expected[0], rtol=1e-6, atol=1e-15)
    tensor = nearest_neighbors(torch.from_numpy(queries), base, 3, metric=metric)
    assert all(type(part) is torch.Tensor for part in tensor)
    np.testing.assert_array_equal(tensor[1].numpy(), expected[1])


@pytest.mark.parametrize("dtype", ["float16", "uint8", "int16", "bool"])
def test_short_types_are_read_as_float32(features: Any, dtype: str) -> None:
    base = (features * 20).astype(dtype)
    queries = features[:30] * 20
    found = nearest_neighbors(queries, base, 2)
    np.testing.assert_allclose(found[0], brute_force(queries, base, 2)[0], rtol=1e-6)
    assert found[0].dtype == np.float32


def test_float64_keeps_its_digits() -> None:
    base = 1 + 1e-9 * np.arange(50.0)[:, None]
    distances, indices = nearest_neighbors(base, base, 2, metric="euclidean", exclude_self=True)
    np.testing.assert_allclose(distances[1:-1], 1e-9, rtol=1e-6)
    assert indices[1].tolist() == brute_force(base, base, 2, "euclidean", True)[1][1].tolist()


def test_numbers_too_large_for_float32_are_measured_in_float64() -> None:
    base = 1e30 * np.random.default_rng(3).normal(size=(50, 4))
    found, expected = nearest_neighbors(base, base, 3), brute_force(base, base, 3)
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)


def test_cosine_of_a_zero_row() -> None:
    base = np.array([[0.0, 0.0], [3.0, 4.0], [-3.0, -4.0]], dtype=np.float32)
    distances, indices = nearest_neighbors(base, base, 3, metric="cosine")
    np.testing.assert_allclose(distances, [[0, 1, 1], [0, 1, 2], [0, 1, 2]], rtol=1e-6)
    assert indices.tolist() == [[0, 1, 2], [1, 0, 2], [2, 0, 1]]


def test_cosine_does_not_depend_on_lengths(features: Any) -> None:
    expected = nearest_neighbors(features, features, 3, metric="cosine", exclude_self=True)
    lengths = 10.0 ** np.random.default_rng(4).integers(-15, 25, size=(500, 1))
    scaled = (features * lengths).astype(np.float32)
    found = nearest_neighbors(scaled, scaled, 3, metric="cosine", exclude_self=True)
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-5)


def test_no_queries_have_no_neighbours(features: Any) -> None:
    distances, indices = nearest_neighbors(features[:0], features, 2)
    assert distances.shape == indices.shape == (0, 2)


def test_one_row_is_its_own_neighbour_or_has_none() -> None:
    row = np.ones((1, 3), dtype=np.float32)
    assert nearest_neighbors(row, row, 1)[0].tolist() == [[0.0]]
    with pytest.raises(ValueError, match="at most 0, the rows of base other than the query itself"):
        nearest_neighbors(row, row, 1, exclude_self=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 6}, "k must be at most 5, the rows of base, got 6"),
        ({"k": 5, "exclude_self": True}, "at most 4, the rows of base other than the query itself"),
        ({"k": 0}, "k must be a whole number from 1, got 0"),
        ({"k": 1.0}, "k must be a whole number from 1, got 1.0"),
        ({"metric": "manhattan"}, "metric must be 'sqeuclidean', 'euclidean' or 'cosine'"),
        ({"max_memory": 10}, "max_memory must be a whole number from 1048576, got 10"),
        ({"queries": np.ones(3)}, r"queries must have shape \(rows, features\)"),
        ({"base": np.ones((5, 0))}, "base must have shape .* at least one feature"),
        ({"base": np.ones((5, 4))}, "same number of features, got 3 and 4"),
        ({"base": np.ones((5, 3), dtype=complex)}, "base must hold real numbers, got complex128"),
        ({"base": [["a", "b", "c"]]}, "base must hold real numbers"),
        ({"base": torch.ones(5, 3, dtype=torch.complex64)}, "base must hold real numbers"),
        ({"queries": np.ones((2, 3)), "exclude_self": True}, "same rows, got 2 and 5"),
        ({"base": np.zeros((0, 3))}, "k must be at most 0"),
    ],
)
def test_refused(change: dict, message: str) -> None:
    arguments: dict[str, Any] = {"queries": np.ones((5, 3)), "base": np.ones((5, 3)), "k": 1}
    with pytest.raises(ValueError, match=message):
        nearest_neighbors(**(arguments | change))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("side", ["queries", "base"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("metric", METRICS)
def test_nan_and_infinity_are_refused(bad: float, side: str, dtype: Any, metric: str) -> None:
    arrays = {"queries": np.ones((5, 3), dtype), "base": np.ones((5, 3), dtype)}
    arrays[side][2, 1] = bad
    with pytest.raises(ValueError, match=rf"{side} must be finite.* got {bad} in row 2"):
        nearest_neighbors(**arrays, k=1, metric=metric)


def test_squares_that_overflow_are_refused() -> None:
    rows = np.full((3, 2), 1e25, dtype=np.float32)
    with pytest.raises(ValueError, match=r"at most .* in float32 \(squares overflow\), got 9.999"):
        nearest_neighbors(rows, rows, 1)


@pytest.mark.parametrize(
    ("shards", "k", "message"),
    [
        ([], 1, "at least one"),
        ([(np.ones((2, 1)), np.ones((2, 1)), 0)], 2, "k must be at most 1, the neighbours of all"),
        ([(np.ones((2, 1)), np.ones((2, 2)), 0)], 1, "shape .* in shard 0"),
        ([(np.ones((2, 1)), np.ones((2, 1)), -3)], 1, "offset must be a whole number from 0"),
        (
            [(np.ones((2, 1)), np.ones((2, 1)), 0), (np.ones((3, 1)), np.ones((3, 1)), 5)],
            1,
            "shard 1",
        ),
    ],
)
def test_merging_refuses(shards: Any, k: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        merge_neighbors(shards, k)


# -- memory

PEAK = """
import resource, sys
import numpy as np, torch
from paper_lessons.dn2 import nearest_neighbors
torch.set_num_threads(1)
base = np.load(sys.argv[1], mmap_mode="r")
generator = np.random.default_rng(1)
queries = generator.normal(size=(1000, base.shape[1])).astype("f4")
kind = sys.argv[2]
if kind == "memory":  # in memory: inputs count before the search, not in it
    base = np.array(base)
small = generator.normal(size=(300, base.shape[1])).astype("f4")
nearest_neighbors(small, small, 2)  # libraries are loaded and warm

def resident():  # without pages of the mapped file, which the system may drop at any time
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("RssAnon"))

import threading, time
peak, done = [resident()], threading.Event()
def watch():
    while not done.is_set():
        peak.append(resident())
        time.sleep(0.002)
before = resident()
watcher = threading.Thread(target=watch); watcher.start()
nearest_neighbors(queries, base, 2)
done.set(); watcher.join()
print((max(peak) - before) / 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system has no /proc")
@pytest.mark.parametrize("kind", ["memory", "disk"])
def test_memory_beyond_the_inputs_stays_below_32_mb(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "base.npy"
    base = np.lib.format.open_memmap(path, "w+", "float32", (60_000, 1280))
    generator = np.random.default_rng(0)
    for start in range(0, len(base), 5000):
        base[start : start + 5000] = generator.normal(size=(5000, 1280))
    base.flush()
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(path), kind], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) <= 32


def test_a_base_larger_than_the_tile_budget(tmp_path: Path) -> None:
    path = tmp_path / "base.npy"
    base = np.random.default_rng(0).normal(size=(9000, 64)).astype(np.float32)  # 2.3 MB
    np.save(path, base)
    mapped = np.load(path, mmap_mode="r")
    search = exact_search.Search(
        tiles.Rows(mapped[:50], "queries"),
        tiles.Rows(mapped, "base"),
        2,
        "sqeuclidean",
        False,
        2**20,
    )
    assert search.tile_shape(torch.float32)[1] < 3000, "several tiles are needed"
    found = nearest_neighbors(mapped[:50], mapped, 2, max_memory=2**20)
    expected = brute_force(base[:50], base, 2)
    np.testing.assert_array_equal(found[1], expected[1])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no graphics processor")
def test_a_graphics_processor_finds_the_same(features: Any) -> None:
    expected = nearest_neighbors(features, features, 3)
    there = torch.from_numpy(features).cuda()
    distances, indices = nearest_neighbors(there, there, 3)
    assert distances.device == there.device
    np.testing.assert_array_equal(indices.cpu().numpy(), expected[1])
    np.testing.assert_array_equal(distances.cpu().numpy(), expected[0])


def test_pytorchs_default_precision_is_no_matter(features: np.ndarray) -> None:
    expected = nearest_neighbors(features[:20], features, 3)
    torch.set_default_dtype(torch.float64)
    try:
        found = nearest_neighbors(features[:20], features, 3)
    finally:
        torch.set_default_dtype(torch.float32)
    assert found[0].dtype == expected[0].dtype
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])
