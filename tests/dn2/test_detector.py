"""The detector: scikit-learn's own checks, the paper's score, cleaning, adding, saving, and its traps."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from paper_lessons.dn2 import DeepNearestNeighbors, clean_samples, leave_one_out_scores

# All pass every check, none is exempt.
CHECKED = [
    DeepNearestNeighbors(),
    DeepNearestNeighbors(normalize=None, clean=0.3),
    DeepNearestNeighbors(3, normalize="zscore", metric="euclidean"),
    DeepNearestNeighbors(metric="cosine", storage="float16"),
    DeepNearestNeighbors(storage="uint8"),
    DeepNearestNeighbors(reduction="kmeans", reduction_size=5),
    DeepNearestNeighbors(reduction="coreset", reduction_size=0.5),
    DeepNearestNeighbors(reduction="projection", reduction_size=1),
]
NORMALIZATIONS = ["l2", "zscore", None]


@parametrize_with_checks(CHECKED)
def test_scikit_learn_checks(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Zeros to train on, samples to test on, and which of these are no zeros."""
    images, labels = load_digits(return_X_y=True)
    zeros = images[labels == 0]
    test = np.concatenate([zeros[100:], images[labels != 0][:200]])
    return zeros[:100], test, np.arange(len(test)) >= len(zeros) - 100


def normalised(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("normalize", NORMALIZATIONS)
def test_the_score_is_the_mean_squared_distance_to_k_neighbours(
    digits: Any, k: int, normalize: str | None
) -> None:
    train, test, anomalous = digits
    model = DeepNearestNeighbors(k, normalize=normalize).fit(train)
    if normalize:
        train, test = normalised(train), normalised(test)
    if normalize == "zscore":
        spread = np.where(train.std(0) == 0, 1, train.std(0))
        train, test = (train - train.mean(0)) / spread, (test - train.mean(0)) / spread
    oracle = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(train)
    expected = np.square(oracle.kneighbors(test)[0]).mean(1)
    np.testing.assert_allclose(model.anomaly_score(digits[1]), expected, rtol=1e-4)
    np.testing.assert_allclose(
        model.leave_one_out_scores_, np.square(oracle.kneighbors()[0]).mean(1), rtol=1e-4
    )
    assert roc_auc_score(anomalous, expected) > 0.99


def test_signs_agree(digits: Any) -> None:
    train, test, anomalous = digits
    model = DeepNearestNeighbors().fit(train)
    score = model.anomaly_score(test)
    np.testing.assert_array_equal(model.score_samples(test), -score)
    np.testing.assert_array_equal(model.decision_function(test), model.threshold_ - score)
    np.testing.assert_array_equal(model.predict(test) == -1, score > model.threshold_)
    assert model.offset_ == -model.threshold_
    assert (model.predict(test)[anomalous] == -1).mean() > 0.9
    assert (model.p_values(test) <= 0.05).tolist() == (model.predict(test) == -1).tolist()


def test_fit_predict_is_fit_and_predict(digits: Any) -> None:
    train = digits[0]
    together = DeepNearestNeighbors().fit_predict(train)
    np.testing.assert_array_equal(together, DeepNearestNeighbors().fit(train).predict(train))


def test_neighbours_are_rows_of_the_training_data(digits: Any) -> None:
    train, test, _ = digits
    model = DeepNearestNeighbors(clean=0.3).fit(train)
    distances, indices = model.kneighbors(test, 3)
    assert set(indices.ravel()) <= set(model.kept_)
    rows, found = normalised(test), normalised(train)[indices]
    np.testing.assert_allclose(distances, np.square(rows[:, None] - found).sum(2), rtol=1e-4)
    own, own_indices = model.kneighbors()
    np.testing.assert_allclose(own.mean(1), model.leave_one_out_scores_)
    assert (own_indices != model.kept_[:, None]).all()


# -- traps


def test_self_is_left_out_by_index_so_duplicates_score_zero() -> None:
    rows = np.array([[1.0, 0], [1, 0], [1, 0], [0, 1], [0, 1], [0, 1], [1, 1]])
    model = DeepNearestNeighbors().fit(rows)
    assert model.leave_one_out_scores_[:6].tolist() == [0.0] * 6
    assert model.leave_one_out_scores_[6] > 0.5
    assert model.anomaly_score(rows)[6] > 0.2, "itself and one other"


def test_more_neighbours_than_samples_are_refused() -> None:
    rows = np.random.default_rng(0).normal(size=(5, 3))
    DeepNearestNeighbors(4).fit(rows)
    with pytest.raises(
        ValueError, match="none is its own neighbour: got n_neighbors=5 with n_samples = 5"
    ):
        DeepNearestNeighbors(5).fit(rows)
    with pytest.raises(ValueError, match="clean_neighbors=9 with n_samples = 5"):
        DeepNearestNeighbors(clean=0.2, clean_neighbors=9).fit(rows)
    with pytest.raises(ValueError, match="n_neighbors=2 with n_samples = 2"):
        DeepNearestNeighbors(clean=0.6).fit(rows)
    with pytest.raises(ValueError, match="k must be at most 5"):
        DeepNearestNeighbors().fit(rows).kneighbors(rows, 6)


def test_one_sample_is_refused_to_fit_and_can_be_scored() -> None:
    with pytest.raises(ValueError, match="n_samples = 1"):
        DeepNearestNeighbors(1).fit([[1.0, 2.0]])
    model = DeepNearestNeighbors(1).fit([[1.0, 2.0], [2.0, 1.0]])
    np.testing.assert_allclose(model.anomaly_score([[2.0, 4.0]]), [0], atol=1e-12)


@pytest.mark.parametrize("normalize", NORMALIZATIONS)
def test_constant_features_and_zero_samples(normalize: str | None) -> None:
    rows = np.full((20, 3), 0.7)
    model = DeepNearestNeighbors(normalize=normalize).fit(rows)
    assert (model.leave_one_out_scores_ == 0).all()
    assert (model.predict(rows) == 1).all()
    rows[:3] = 0.0
    model = DeepNearestNeighbors(normalize=normalize).fit(rows)
    assert np.isfinite(model.anomaly_score(np.vstack([rows, -rows]))).all()
    assert model.anomaly_score(rows[:1]) == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_are_refused(digits: Any, bad: float) -> None:
    train = digits[0]
    broken = train.copy()
    broken[3, 5] = bad
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        DeepNearestNeighbors().fit(broken)
    model = DeepNearestNeighbors().fit(train)
    for method in (model.predict, model.partial_fit, model.p_values, model.kneighbors):
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            method(broken)


@pytest.mark.parametrize("normalize", NORMALIZATIONS)
def test_layout_and_type_of_the_input_do_not_matter(digits: Any, normalize: str | None) -> None:
    train, test, _ = digits
    expected = DeepNearestNeighbors(normalize=normalize).fit(train).anomaly_score(test)
    wide = np.zeros((len(train), 128), dtype=np.float32)
    wide[:, ::2] = train
    for known in (
        wide[:, ::2],
        np.asfortranarray(train),
        train.astype(np.float32),
        train.astype(np.float16),
        train.astype(np.uint8),
        torch.from_numpy(train),
        train.tolist(),
    ):
        model = DeepNearestNeighbors(normalize=normalize).fit(known)
        found = model.anomaly_score(np.asfortranarray(test.astype(np.float32)))
        np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("normalize", NORMALIZATIONS)
@pytest.mark.parametrize("reduction", [None, "projection"])
def test_batches_and_threads_do_not_matter(
    digits: Any, normalize: str | None, reduction: str | None
) -> None:
    train, test, _ = digits
    size = 20 if reduction else None
    model = DeepNearestNeighbors(normalize=normalize, reduction=reduction, reduction_size=size)
    model.fit(train)
    expected = model.anomaly_score(test)
    for batch in (1, 7):
        parts = [model.anomaly_score(test[a : a + batch]) for a in range(0, len(test), batch)]
        np.testing.assert_allclose(np.concatenate(parts), expected, rtol=1e-6)
        np.testing.assert_array_equal(np.argsort(np.concatenate(parts)), np.argsort(expected))
    before = torch.get_num_threads()
    torch.set_num_threads(2 if before == 1 else 1)
    try:
        np.testing.assert_allclose(model.anomaly_score(test), expected, rtol=1e-6)
    finally:
        torch.set_num_threads(before)


def test_what_the_caller_does_to_the_data_later_is_no_matter(digits: Any) -> None:
    train = digits[0].astype(np.float32)
    model = DeepNearestNeighbors(normalize=None).fit(train)
    before = model.anomaly_score(digits[1])
    train[:] = 0
    np.testing.assert_array_equal(model.anomaly_score(digits[1]), before)


def test_a_memory_map_stays_on_the_disk(digits: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "train.npy", digits[0].astype(np.float32))
    mapped = np.load(tmp_path / "train.npy", mmap_mode="r")
    model = DeepNearestNeighbors(normalize=None).fit(mapped)
    assert np.shares_memory(model._base.codes, mapped)
    expected = DeepNearestNeighbors(normalize=None).fit(digits[0])
    np.testing.assert_array_equal(model.anomaly_score(digits[1]), expected.anomaly_score(digits[1]))


# -- cleaning


@pytest.fixture(scope="module")
def dirty() -> tuple[np.ndarray, np.ndarray]:
    """80 normal samples and a tight clump of 20 anomalies, shuffled; and which are the anomalies."""
    generator = np.random.default_rng(0)
    rows = np.vstack(
        [
            generator.normal(size=(80, 10)) + 3,
            0.1 * generator.normal(size=(20, 10)) + np.eye(10)[0] * 9,
        ]
    )
    order = generator.permutation(100)
    return rows[order], order >= 80


def test_more_neighbours_clean_better(dirty: Any) -> None:
    rows, anomalous = dirty
    few = DeepNearestNeighbors(clean=0.2, clean_neighbors=2).fit(rows)
    more = DeepNearestNeighbors(clean=0.2).fit(rows)
    assert anomalous[few.kept_].sum() == 20, "a clump's members have near neighbours in each other"
    assert anomalous[more.kept_].sum() == 0
    assert len(more.kept_) == len(few.kept_) == len(more.leave_one_out_scores_) == 80
    assert (np.diff(more.kept_) > 0).all()
    assert more.cleaning_scores_.shape == (100,)
    assert roc_auc_score(anomalous, more.cleaning_scores_) == 1
    assert DeepNearestNeighbors().fit(rows).cleaning_scores_ is None


@pytest.mark.parametrize("normalize", NORMALIZATIONS)
def test_cleaning_is_fitting_what_is_left(dirty: Any, normalize: str | None) -> None:
    rows, _ = dirty
    model = DeepNearestNeighbors(clean=0.35, normalize=normalize).fit(rows)
    again = DeepNearestNeighbors(normalize=normalize).fit(rows[model.kept_])
    np.testing.assert_array_equal(model.anomaly_score(rows), again.anomaly_score(rows))
    assert model.threshold_ == again.threshold_


def test_the_dropped_share_is_counted_from_the_most_anomalous() -> None:
    rows = np.array([[0.0], [1.0], [2.5], [50.0], [4.5], [90.0], [7.0], [10.0], [13.5], [17.5]])
    kept, scores = clean_samples(rows, 0.3, clean_neighbors=1)
    assert kept.tolist() == [0, 1, 2, 4, 6, 7, 8]
    np.testing.assert_array_equal(scores, leave_one_out_scores(rows, 1))
    assert clean_samples(rows, 0.0)[0].tolist() == list(range(10))


# -- adding


@pytest.mark.parametrize("storage", ["float32", "float16"])
@pytest.mark.parametrize("normalize", ["l2", None])
def test_adding_is_fitting_all(digits: Any, storage: str, normalize: str | None) -> None:
    rows = np.vstack([digits[0], digits[0][:5], digits[1][:20]])
    options: dict[str, Any] = {"storage": storage, "normalize": normalize}
    model = DeepNearestNeighbors(3, **options).partial_fit(rows[:60])
    for start in (60, 61, 63):
        model.partial_fit(rows[start : {60: 61, 61: 63, 63: None}[start]])
    whole = DeepNearestNeighbors(3, **options).fit(rows)
    exact = 1e-12 if storage == "float32" else 1e-3
    np.testing.assert_array_equal(model.anomaly_score(digits[1]), whole.anomaly_score(digits[1]))
    np.testing.assert_allclose(
        model.leave_one_out_scores_, whole.leave_one_out_scores_, rtol=exact, atol=exact / 100
    )
    assert model.threshold_ == pytest.approx(whole.threshold_, rel=exact)
    np.testing.assert_array_equal(model.kept_, np.arange(len(rows)))
    np.testing.assert_array_equal(model.kneighbors(digits[1])[1], whole.kneighbors(digits[1])[1])


def test_adding_after_cleaning_counts_the_dropped(dirty: Any) -> None:
    rows, _ = dirty
    model = DeepNearestNeighbors(clean=0.2).fit(rows).partial_fit(rows[:3] + 0.01)
    assert model.kept_[-4:].tolist() == [model.kept_[-4], 100, 101, 102]
    assert len(model.leave_one_out_scores_) == 83
    assert model.kneighbors(rows[:1] + 0.01, 1)[1].tolist() == [[100]]


def test_one_byte_a_number_takes_a_wider_scale(digits: Any) -> None:
    train, test, _ = digits
    model = DeepNearestNeighbors(normalize=None, storage="uint8").fit(train / 32)
    model.partial_fit(train[:10]).partial_fit(train[10:20] / 32)
    whole = DeepNearestNeighbors(normalize=None).fit(
        np.vstack([train / 32, train[:10], train[10:20] / 32])
    )
    np.testing.assert_allclose(model.anomaly_score(test), whole.anomaly_score(test), rtol=0.02)


@pytest.mark.parametrize("reduction", ["kmeans", "coreset"])
def test_bases_made_of_all_samples_cannot_grow(reduction: str) -> None:
    assert not hasattr(DeepNearestNeighbors(reduction=reduction), "partial_fit")


# -- storage


@pytest.mark.parametrize("storage", ["float16", "uint8"])
@pytest.mark.parametrize("metric", ["sqeuclidean", "euclidean"])
@pytest.mark.parametrize("normalize", NORMALIZATIONS)
def test_short_storage_changes_scores_a_little(
    digits: Any, storage: str, metric: str, normalize: str | None
) -> None:
    train, test, anomalous = digits
    options: dict[str, Any] = {"metric": metric, "normalize": normalize}
    full = DeepNearestNeighbors(**options).fit(train)
    short = DeepNearestNeighbors(**options, storage=storage).fit(train)
    assert short._base.codes.dtype == storage
    expected = full.anomaly_score(test)
    np.testing.assert_allclose(short.anomaly_score(test), expected, rtol=0.03)
    area = roc_auc_score(anomalous, short.anomaly_score(test))
    assert area == pytest.approx(roc_auc_score(anomalous, expected), abs=1e-3)


# -- files


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"normalize": "zscore", "clean": 0.2, "n_neighbors": np.int64(3)},
        {"storage": "uint8", "metric": "euclidean"},
        {"storage": "float16", "normalize": None},
        {"reduction": "kmeans", "reduction_size": 7},
        {"reduction": "coreset", "reduction_size": 0.3},
        {"reduction": "projection", "reduction_size": 16},
    ],
)
def test_a_saved_detector_is_the_same(digits: Any, options: dict, tmp_path: Path) -> None:
    train, test, _ = digits
    model = DeepNearestNeighbors(**options).fit(train)
    path = model.save(tmp_path / "new" / "zeros.npz")
    loaded = DeepNearestNeighbors.load(path)
    assert loaded.get_params() == model.get_params()
    for method in ("anomaly_score", "predict", "p_values", "decision_function"):
        np.testing.assert_array_equal(getattr(loaded, method)(test), getattr(model, method)(test))
    np.testing.assert_array_equal(loaded.kneighbors(test)[1], model.kneighbors(test)[1])
    for name in ("kept_", "leave_one_out_scores_", "threshold_", "n_features_in_"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(model, name))
    if hasattr(model, "partial_fit"):
        grown = loaded.partial_fit(test[:9]).anomaly_score(test)
        np.testing.assert_array_equal(grown, model.partial_fit(test[:9]).anomaly_score(test))
    assert [file.name for file in path.parent.iterdir()] == ["zeros.npz"]


def test_a_saved_detector_keeps_the_names_of_features(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(np.random.default_rng(0).normal(size=(9, 2)), columns=["a", "b"])
    loaded = DeepNearestNeighbors.load(DeepNearestNeighbors().fit(frame).save(tmp_path / "x.npz"))
    assert loaded.feature_names_in_.tolist() == ["a", "b"]
    with pytest.raises(ValueError, match="feature names should match"):
        loaded.predict(frame.rename(columns={"a": "c"}))


def test_no_other_file_is_loaded(digits: Any, tmp_path: Path) -> None:
    path = tmp_path / "file.npz"
    whole = DeepNearestNeighbors().fit(digits[0]).save(tmp_path / "whole.npz").read_bytes()
    for content in (b"", b"text", whole[:-200], whole[:300], pickle.dumps(np.zeros(3))):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="must be a file that DeepNearestNeighbors"):
            DeepNearestNeighbors.load(path)
    np.savez(path, about=np.array('{"format": "other"}'), base=np.zeros(3))
    with pytest.raises(ValueError, match="must be a file that"):
        DeepNearestNeighbors.load(path)
    np.savez(path, about=np.array([{"a": 1}], dtype=object))  # a pickle inside
    with pytest.raises(ValueError, match="must be a file that"):
        DeepNearestNeighbors.load(path)
    with pytest.raises(FileNotFoundError):
        DeepNearestNeighbors.load(tmp_path / "absent.npz")


def test_files_of_a_later_version_or_with_parts_missing_are_refused(tmp_path: Path) -> None:
    head = '{"format": "paper_lessons.dn2", "kind": "DeepNearestNeighbors", "version": %d}'
    path = tmp_path / "file.npz"
    np.savez(path, about=np.array(head % 99))
    with pytest.raises(ValueError, match="has version 99 of the format, this library reads 1"):
        DeepNearestNeighbors.load(path)
    np.savez(path, about=np.array(head % 1), kept=np.arange(3))
    with pytest.raises(ValueError, match="near, base, base_scale is missing"):
        DeepNearestNeighbors.load(path)


def test_no_pickle_is_in_the_file(digits: Any, tmp_path: Path) -> None:
    path = DeepNearestNeighbors(clean=0.1).fit(digits[0]).save(tmp_path / "zeros.npz")
    with zipfile.ZipFile(path) as archive:
        heads = [archive.read(name)[:200] for name in archive.namelist()]
    assert all(b"NUMPY" in head and b"'|O'" not in head for head in heads)


def test_saving_that_fails_leaves_the_old_file(
    digits: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    model = DeepNearestNeighbors().fit(digits[0])
    path = model.save(tmp_path / "zeros.npz")
    before = path.read_bytes()

    def broken(file: Any, **_: Any) -> None:
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez", broken)
    with pytest.raises(OSError, match="disk full"):
        model.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


# -- company


def test_pipeline_clone_and_pickle(digits: Any) -> None:
    train, test, _ = digits
    pipeline = make_pipeline(MinMaxScaler(), DeepNearestNeighbors(3)).fit(train)
    copy = pickle.loads(pickle.dumps(pipeline))
    np.testing.assert_array_equal(copy.predict(test), pipeline.predict(test))
    assert clone(pipeline)[-1].n_neighbors == 3


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_neighbors": 0}, "n_neighbors must be a whole number from 1, got 0"),
        ({"n_neighbors": 2.5}, "n_neighbors must be a whole number from 1, got 2.5"),
        ({"n_neighbors": True}, "n_neighbors must be a whole number from 1, got True"),
        ({"clean_neighbors": 0}, "clean_neighbors must be a whole number from 1, got 0"),
        ({"clean": 1.0}, "clean must be a number from 0 to below 1, got 1.0"),
        ({"clean": -0.1}, "clean must be a number from 0 to below 1, got -0.1"),
        ({"clean": "much"}, "clean must be a number from 0 to below 1, got 'much'"),
        ({"false_positive_rate": 0}, "false_positive_rate must be a number between 0 and 1"),
        ({"normalize": "l1"}, "normalize must be 'l2', 'zscore', 'whiten' or None, got 'l1'"),
        ({"metric": "manhattan"}, "metric must be 'sqeuclidean', 'euclidean' or 'cosine'"),
        ({"storage": "int8"}, "storage must be 'float32', 'float16' or 'uint8', got 'int8'"),
        ({"reduction": "pca"}, "reduction must be 'kmeans', 'coreset', 'projection' or None"),
        ({"reduction": "kmeans"}, "reduction and reduction_size must be given together"),
        ({"reduction_size": 3}, "reduction and reduction_size must be given together"),
        ({"reduction": "kmeans", "reduction_size": 1}, "must leave at least 2 rows"),
        ({"reduction": "coreset", "reduction_size": 2}, "must leave at least 3 rows"),
        ({"reduction": "coreset", "reduction_size": 1.5}, "a whole number from 1 to 10 or a share"),
        ({"reduction": "projection", "reduction_size": 3}, "a whole number from 1 to 2 or a share"),
        ({"random_state": None}, "random_state must be a whole number from 0, got None"),
        (
            {"metric": "cosine", "storage": "uint8"},
            "metric 'cosine' does not go with storage 'uint8'",
        ),
    ],
)
def test_refused(parameters: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DeepNearestNeighbors(**parameters).fit(np.arange(20.0).reshape(10, 2))


def test_numbers_beyond_short_types_are_refused() -> None:
    rows = np.arange(20.0).reshape(10, 2)
    with pytest.raises(ValueError, match="storage 'float16' holds numbers up to 65504"):
        DeepNearestNeighbors(normalize=None, storage="float16").fit(rows * 1e5)
    with pytest.raises(ValueError, match="numbers that float32 can hold"):
        DeepNearestNeighbors(normalize=None).fit(rows * 1e38)
