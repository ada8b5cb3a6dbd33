"""The paper's detector on features: an estimator of scikit-learn, with cleaning, thresholds and p-values."""

from __future__ import annotations

from numbers import Real
from pathlib import Path
from typing import Any, Self

import numpy as np
from jaxtyping import Float, Int
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from paper_lessons.dn2.neighbors import nearest_neighbors
from paper_lessons.dn2.normalizing import NORMALIZATIONS, Normalizer
from paper_lessons.dn2.reduction import (
    REDUCTIONS,
    distances_without_self,
    greedy_coreset,
    kmeans_centroids,
    random_projection,
    reduced_size,
)
from paper_lessons.dn2.saving import read_arrays, write_arrays
from paper_lessons.dn2.storage import STORAGES, StoredRows
from paper_lessons.dn2.thresholds import check_rate, conformal_p_values, leave_one_out_threshold
from paper_lessons.dn2.tiles import METRICS, one_of, whole_number

Array = np.ndarray


class DeepNearestNeighbors(OutlierMixin, BaseEstimator):
    """Anomaly detection by the mean distance to the k nearest normal samples.

    Nothing is trained: ``fit`` keeps the features. The threshold comes from the scores of the training
    samples, each measured without itself.

    Parameters
    ----------
    n_neighbors : int
        The k of the paper.
    normalize : {"l2", "zscore"} or None
        "l2" divides each sample by its length (a zero sample stays zero); "zscore" then standardises each
        feature by the training samples. None is the paper's plain distance.
    false_positive_rate : float
        Share of normal samples that may lie above the threshold, in (0, 1).
    clean : float
        Share of the training samples to drop first because they lie far from the others, in [0, 1). For
        training data with anomalies in it; the paper drops one half.
    clean_neighbors : int or None
        Neighbours that decide what is dropped. None is 50, or a quarter of the samples if that is less: more
        than for scoring, since anomalies of one kind are near to one another.
    metric : {"sqeuclidean", "euclidean", "cosine"}
        The distance whose mean is the score. The paper's is squared Euclidean.
    reduction : {"kmeans", "coreset", "projection"} or None
        Search in centroids of the samples, in a few samples that cover all, or in randomly projected
        features. See :mod:`paper_lessons.dn2.reduction`.
    reduction_size : int, float or None
        How many centroids, samples or projected features; a float is a share. Needed with `reduction`.
    storage : {"float32", "float16", "uint8"}
        How the features are kept. "uint8" has one scale for all numbers.
    random_state : int
        Seed of the reduction; nothing else is random.

    Attributes
    ----------
    kept_ : array of shape (kept,)
        The training samples that cleaning left, rising.
    leave_one_out_scores_ : array of shape (kept,)
        Anomaly scores of these samples, each measured without itself.
    cleaning_scores_ : array of shape (samples,) or None
        Scores that decided what was dropped.
    threshold_ : float
        Samples with a larger anomaly score are predicted as anomalies.
    offset_ : float
        Minus the threshold, as scikit-learn wants it.
    base_indices_ : array of shape (rows,) or None
        The training sample that each row of the base is; None for centroids, which are none.
    n_features_in_ : int

    Notes
    -----
    Source: section 3 of the paper. From elsewhere: normalisation, the larger k for cleaning (the paper has
    one k), the threshold and p-values.

    Examples
    --------
    >>> normal = np.array([[1.0, 0.0], [1.0, 0.1], [1.0, 0.2], [1.0, 0.3]])
    >>> DeepNearestNeighbors().fit(normal).predict([[2.0, 0.3], [0.0, 1.0]])
    array([ 1, -1])
    """

    kept_: Array
    base_indices_: Array | None
    _base: StoredRows
    _near: Array  # distances to the neighbours whose mean is the leave-one-out score

    def __init__(
        self,
        n_neighbors: int = 2,
        *,
        normalize: str | None = "l2",
        false_positive_rate: float = 0.05,
        clean: float = 0.0,
        clean_neighbors: int | None = None,
        metric: str = "sqeuclidean",
        reduction: str | None = None,
        reduction_size: int | float | None = None,
        storage: str = "float32",
        random_state: int = 0,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.normalize = normalize
        self.false_positive_rate = false_positive_rate
        self.clean = clean
        self.clean_neighbors = clean_neighbors
        self.metric = metric
        self.reduction = reduction
        self.reduction_size = reduction_size
        self.storage = storage
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Keep the features of normal samples and find the threshold.

        Parameters
        ----------
        X : array of shape (samples, features)
            With ``normalize=None`` a ``numpy.memmap`` of float32 stays on the disk.
        y : ignored

        Returns
        -------
        DeepNearestNeighbors

        Raises
        ------
        ValueError
            If a parameter or the data do not fit; at least ``n_neighbors + 1`` samples must be left.
        """
        self._check_parameters()
        on_disk = isinstance(X, np.memmap)
        X = validate_data(self, X, dtype=[np.float32, np.float64], reset=True)
        self._check_enough(len(X), self.n_neighbors)
        self._seen, self._normalizer = len(X), Normalizer(self.normalize)
        if self.reduction == "projection":
            size = reduced_size(self.reduction_size, X.shape[1])
            matrix = random_projection(X.shape[1], size, seed=self.random_state)
            self._normalizer.projection = matrix
        rows = self._normalizer.lengths(X)
        self.kept_, self.cleaning_scores_ = np.arange(len(X)), None
        if self.clean:
            self._normalizer.standardize_by(rows)
            self.kept_, self.cleaning_scores_ = self._cleaned(self._normalizer.finish(rows))
            rows = rows[self.kept_]
        self._normalizer.standardize_by(rows)
        rows = self._normalizer.finish(rows)
        if np.shares_memory(rows, X) and not on_disk:
            rows = rows.copy()  # what the caller does with X later is no matter
        self._build(rows)
        return self

    @available_if(lambda self: self.reduction not in ("kmeans", "coreset"))
    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Add normal samples to those that are known; the first call is :meth:`fit`.

        Later samples are taken as normal: `clean` and the standardisation act on the first call only.
        Without these the result is that of :meth:`fit` on all samples.

        Parameters
        ----------
        X : array of shape (samples, features)
        y : ignored

        Returns
        -------
        DeepNearestNeighbors

        Raises
        ------
        ValueError
            If the data do not fit.
        AttributeError
            If `reduction` is "kmeans" or "coreset": such a base depends on all samples together.
        """
        if not hasattr(self, "_base"):
            return self.fit(X)
        new = self._transform(X)
        k = min(self.n_neighbors, len(new))
        nearer, _ = self._search(self._base.decode(), k, base=StoredRows.encode(new, "float32"))
        near = np.concatenate([self._near, nearer], axis=1)
        near = np.sort(near, axis=1)[:, : self.n_neighbors]
        old = len(self._base.codes)
        self._base = self._base.append(new)
        # each new row is its own nearest row, or a duplicate of lower index is: leave out by index
        found, where = self._search(new, self.n_neighbors + 1)
        own = np.arange(old, old + len(new))
        self._near = np.concatenate([near, _without(found, where, own)])
        added = np.arange(self._seen, self._seen + len(new))
        self._seen += len(new)
        self.kept_ = np.concatenate([self.kept_, added])
        self.base_indices_ = self.kept_
        self._set_threshold()
        return self

    def anomaly_score(self, X: Any) -> Float[Array, " samples"]:
        """Mean distance to the nearest normal samples; the higher the more anomalous.

        Parameters
        ----------
        X : array of shape (samples, features)

        Returns
        -------
        array of shape (samples,)
            In the unit of the metric.
        """
        check_is_fitted(self)
        k = min(self.n_neighbors, len(self._base.codes))  # fewer if fewer centroids differ
        distances, _ = self._search(self._transform(X), k)
        return distances.mean(axis=1)

    def score_samples(self, X: Any) -> Float[Array, " samples"]:
        """Minus the anomaly score: scikit-learn's sign, the higher the more normal.

        Parameters
        ----------
        X : array of shape (samples, features)

        Returns
        -------
        array of shape (samples,)
        """
        return -self.anomaly_score(X)

    def decision_function(self, X: Any) -> Float[Array, " samples"]:
        """How far the score lies below the threshold; negative for anomalies.

        Parameters
        ----------
        X : array of shape (samples, features)

        Returns
        -------
        array of shape (samples,)
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> Int[Array, " samples"]:
        """1 for normal samples, -1 for anomalies.

        A training sample is its own neighbour here. ``leave_one_out_scores_`` says how it looks to others.

        Parameters
        ----------
        X : array of shape (samples, features)

        Returns
        -------
        array of shape (samples,)
        """
        return np.where(self.decision_function(X) >= 0, 1, -1)

    def p_values(self, X: Any) -> Float[Array, " samples"]:
        """Share of normal samples that are at least as anomalous; see :func:`conformal_p_values`.

        Parameters
        ----------
        X : array of shape (samples, features)

        Returns
        -------
        array of shape (samples,)
            In [1 / (kept + 1), 1]; at most ``false_positive_rate`` where ``predict`` says -1, if there are
            enough samples for such small values.
        """
        return conformal_p_values(self.anomaly_score(X), self.leave_one_out_scores_)

    def kneighbors(
        self, X: Any = None, n_neighbors: int | None = None
    ) -> tuple[Float[Array, "samples k"], Int[Array, "samples k"]]:
        """The nearest normal samples.

        Parameters
        ----------
        X : array of shape (samples, features) or None
            None are the rows of the base, each without itself.
        n_neighbors : int or None
            None is that of the constructor.

        Returns
        -------
        distances : array of shape (samples, k)
        indices : array of shape (samples, k)
            Rows of the X that was given to :meth:`fit` (numbers of centroids with "kmeans").

        Raises
        ------
        ValueError
            If there are fewer rows in the base.
        """
        check_is_fitted(self)
        k = self.n_neighbors if n_neighbors is None else n_neighbors
        rows = self._base.decode() if X is None else self._transform(X)
        distances, indices = self._search(rows, k, exclude_self=X is None)
        return distances, indices if self.base_indices_ is None else self.base_indices_[indices]

    def save(self, path: str | Path) -> Path:
        """Write everything that scoring needs into one file: arrays and JSON, no pickle.

        Parameters
        ----------
        path : str or Path
            A name that ends with ``.npz`` is customary; none is added.

        Returns
        -------
        pathlib.Path
        """
        check_is_fitted(self)
        optional = {
            "cleaning_scores": self.cleaning_scores_,
            "base_indices": self.base_indices_,
            **self._normalizer.arrays(),
            "feature_names": getattr(self, "feature_names_in_", None),
        }
        arrays = {name: array for name, array in optional.items() if array is not None}
        if "feature_names" in arrays:
            arrays["feature_names"] = arrays["feature_names"].astype(str)
        arrays |= {"kept": self.kept_, "near": self._near, **self._base.arrays()}
        about = {
            "parameters": _plain(self.get_params()),
            "features": self.n_features_in_,
            "seen": self._seen,
        }
        return write_arrays(path, type(self).__name__, about, arrays)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what :meth:`save` wrote.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        DeepNearestNeighbors

        Raises
        ------
        ValueError
            If the file is not such a detector.
        """
        about, arrays = read_arrays(
            path, cls.__name__, needed=("kept", "near", "base", "base_scale")
        )
        detector = cls(**about["parameters"])
        detector.n_features_in_, detector._seen = about["features"], about["seen"]
        if "feature_names" in arrays:
            detector.feature_names_in_ = arrays["feature_names"].astype(object)
        detector._base = StoredRows(arrays["base"], *map(float, arrays["base_scale"]))
        detector.kept_, detector._near = arrays["kept"], arrays["near"]
        detector.cleaning_scores_ = arrays.get("cleaning_scores")
        detector.base_indices_ = arrays.get("base_indices")
        parts = {name: arrays.get(name) for name in ("mean", "spread", "projection")}
        detector._normalizer = Normalizer(detector.normalize, **parts)
        detector._set_threshold()
        return detector

    # -- what fit is made of

    def _build(self, rows: Array) -> None:
        k, self.base_indices_ = self.n_neighbors, self.kept_
        if self.reduction not in ("kmeans", "coreset"):
            self._base = StoredRows.encode(rows, self.storage)
            self._near, _ = self._search(rows, k, exclude_self=True)
        elif self.reduction == "coreset":
            chosen = greedy_coreset(rows, self._reduced(len(rows), k + 1), seed=self.random_state)
            self._base = StoredRows.encode(rows[chosen], self.storage)
            self.base_indices_ = self.kept_[chosen]
            own = np.full(len(rows), -1)
            own[chosen] = np.arange(len(chosen))
            self._near = _without(*self._search(rows, k + 1), own)
        else:
            size = self._reduced(len(rows), k)
            centroids, members = kmeans_centroids(rows, size, seed=self.random_state)
            k = min(k, len(centroids))  # fewer if fewer samples differ
            self._base, self.base_indices_ = StoredRows.encode(centroids, self.storage), None
            found, where = self._search(rows, min(k + 1, len(centroids)))
            self._near = distances_without_self(
                found, where, members, k, squared=self.metric != "euclidean"
            )
        self._set_threshold()

    def _cleaned(self, rows: Array) -> tuple[Array, Array]:
        """Samples to keep, rising, and the scores that decided."""
        samples = len(rows)
        k = self.clean_neighbors or max(1, min(50, samples // 4))
        self._check_enough(samples, k, "clean_neighbors")
        left = samples - int(self.clean * samples + 1e-9)
        self._check_enough(left, self.n_neighbors)
        distances, _ = nearest_neighbors(rows, rows, k, metric=self.metric, exclude_self=True)
        scores = distances.mean(axis=1, dtype=np.float64)
        return np.sort(np.argsort(scores, kind="stable")[:left]), scores

    def _set_threshold(self) -> None:
        self.leave_one_out_scores_ = self._near.mean(axis=1)
        self.threshold_ = leave_one_out_threshold(
            self.leave_one_out_scores_, self.false_positive_rate
        )
        self.offset_ = -self.threshold_

    def _reduced(self, samples: int, least: int) -> int:
        size = reduced_size(self.reduction_size, samples)
        if size < least:
            raise ValueError(
                f"reduction_size must leave at least {least} rows for n_neighbors={self.n_neighbors}, "
                f"got {size}"
            )
        return size

    # -- from samples to rows of the base, and distances between them

    def _search(
        self, rows: Array, k: int, *, base: StoredRows | None = None, exclude_self: bool = False
    ) -> tuple[Array, Array]:
        base = base or self._base
        distances, indices = nearest_neighbors(
            base.queries(rows), base.codes, k, metric=self.metric, exclude_self=exclude_self
        )
        return distances.astype(np.float64) * base.unit(self.metric), indices

    def _transform(self, X: Any) -> Array:
        X = validate_data(self, X, dtype=[np.float32, np.float64], reset=False)
        return self._normalizer(X)

    # -- arguments

    def _check_parameters(self) -> None:
        whole_number(self.n_neighbors, "n_neighbors")
        if self.clean_neighbors is not None:
            whole_number(self.clean_neighbors, "clean_neighbors")
        check_rate(self.false_positive_rate)
        one_of(self.normalize, NORMALIZATIONS, "normalize")
        one_of(self.metric, METRICS, "metric")
        one_of(self.storage, STORAGES, "storage")
        one_of(self.reduction, REDUCTIONS, "reduction")
        whole_number(self.random_state, "random_state", smallest=0)
        if not isinstance(self.clean, Real) or not 0 <= self.clean < 1:
            raise ValueError(f"clean must be a number from 0 to below 1, got {self.clean!r}")
        if self.storage == "uint8" and self.metric == "cosine":
            raise ValueError(
                "storage 'uint8' goes with metric 'sqeuclidean' or 'euclidean', got 'cosine'"
            )
        if (self.reduction is None) != (self.reduction_size is None):
            raise ValueError(
                "reduction and reduction_size must be given together, "
                f"got {self.reduction!r} and {self.reduction_size!r}"
            )

    def _check_enough(self, samples: int, k: int, name: str = "n_neighbors") -> None:
        if samples <= k:
            raise ValueError(
                f"{name} must be below the number of samples, since none is its own neighbour: "
                f"got {name}={k} with n_samples = {samples}"
            )


def _without(distances: Array, indices: Array, own: Array) -> Array:
    """Distances (n, k + 1) -> (n, k): the neighbour `own` is left out, else the farthest."""
    mine = indices == own[:, None]
    mine[~mine.any(axis=1), -1] = True
    return distances[~mine].reshape(len(distances), -1)


def _plain(parameters: dict[str, Any]) -> dict[str, Any]:
    """Numbers of NumPy as those of Python, which JSON knows."""
    return {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in parameters.items()
    }
