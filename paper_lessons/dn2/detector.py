"""The paper's detector on features: an estimator of scikit-learn, with cleaning, thresholds and p-values."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
from jaxtyping import Float, Int
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from paper_lessons.dn2.bases import StoredRows, build_base
from paper_lessons.dn2.checks import check_parameters
from paper_lessons.dn2.cleaning import check_enough, clean_samples, without_own
from paper_lessons.dn2.normalizing import Normalizer
from paper_lessons.dn2.reduction import random_projection, reduced_size
from paper_lessons.dn2.search.saving import read_arrays, write_arrays
from paper_lessons.dn2.thresholds import (
    conformal_p_values,
    leave_one_out_threshold,
    warn_of_few,
)
from paper_lessons.dn2.whitening import held_out_distances

Array = np.ndarray


class DeepNearestNeighbors(OutlierMixin, BaseEstimator):
    """Anomaly detection by the mean distance to the k nearest normal samples.

    Nothing is trained: ``fit`` keeps the features. The threshold comes from the scores of the training
    samples, each measured without itself.

    Parameters
    ----------
    n_neighbors : int
        The k of the paper.
    normalize : {"l2", "zscore", "whiten"} or None
        "l2" divides each sample by its length (a zero sample stays zero); "zscore" then standardises each
        feature, "whiten" takes the training samples' covariance out. None is the paper's plain distance.
    false_positive_rate : float
        Share of normal samples that may lie above the threshold, in (0, 1).
    clean : float
        Share of the training samples to drop first, as they lie far from the others, in [0, 1); the paper's is
        one half. For training data with anomalies in it.
    clean_neighbors : int or None
        Neighbours that decide what is dropped. None is 50, or a quarter of the samples if that is less: more
        than for scoring, since anomalies of one kind are near to one another.
    metric : {"sqeuclidean", "euclidean", "cosine"}
        The distance whose mean is the score. The paper's is squared Euclidean.
    reduction : {"kmeans", "coreset", "projection"} or None
        Search in centroids, in a few samples that cover all, or in randomly projected features.
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
        Anomaly scores of these samples, each measured without itself ("whiten": without a tenth of them).
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
    Source: section 3 of the paper. Not in it: normalisation, a larger k for cleaning, threshold, p-values.

    Examples
    --------
    >>> normal = np.array([[1.0, 0.0], [1.0, 0.1], [1.0, 0.2], [1.0, 0.3]])
    >>> DeepNearestNeighbors().fit(normal).predict([[2.0, 0.3], [0.0, 1.0]])
    array([ 1, -1])
    """

    needed_arrays = ("kept", "near", "base", "base_scale")

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
        check_parameters(self)
        on_disk = isinstance(X, np.memmap)
        X = validate_data(self, X, dtype=[np.float32, np.float64], reset=True)
        check_enough(len(X), self.n_neighbors)
        self._seen, self._normalizer = len(X), Normalizer(self.normalize)
        if self.reduction == "projection":
            size = reduced_size(self.reduction_size, X.shape[1])
            projection = random_projection(X.shape[1], size, seed=self.random_state)
            self._normalizer.projection = projection
        rows = self._normalizer.lengths(X)
        self.kept_, self.cleaning_scores_ = np.arange(len(X)), None
        if self.clean:
            if self.normalize != "whiten":  # dirt would spoil the covariance: lengths alone decide
                self._normalizer.standardize_by(rows)
            self.kept_, self.cleaning_scores_ = clean_samples(
                self._normalizer.finish(rows),
                self.clean,
                clean_neighbors=self.clean_neighbors,
                metric=self.metric,
            )
            check_enough(len(self.kept_), self.n_neighbors)
            rows = rows[self.kept_]
        self._normalizer.standardize_by(rows)
        plain, rows = rows, self._normalizer.finish(rows)
        if np.shares_memory(rows, X) and not on_disk:
            rows = rows.copy()  # what the caller does with X later is no matter
        self._base, chosen, self._near = build_base(
            rows,
            self.n_neighbors,
            metric=self.metric,
            storage=self.storage,
            reduction=self.reduction,
            size=self.reduction_size,
            seed=self.random_state,
        )
        if self.normalize == "whiten":
            self._near = held_out_distances(
                plain, self.n_neighbors, self.metric, self._normalizer.projection
            )
        self.base_indices_ = None if chosen is None else self.kept_[chosen]
        self._set_threshold()
        warn_of_few(len(self.kept_), self.false_positive_rate)
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
        nearer, _ = StoredRows(new).search(self._base.decode(), k, self.metric)
        near = np.concatenate([self._near, nearer], axis=1)
        near = np.sort(near, axis=1)[:, : self.n_neighbors]
        old = len(self._base.codes)
        self._base = self._base.append(new)
        # each new row is its own nearest row, or a duplicate of lower index is: leave out by index
        found, where = self._base.search(new, self.n_neighbors + 1, self.metric)
        own = np.arange(old, old + len(new))
        self._near = np.concatenate([near, without_own(found, where, own)])
        added = np.arange(self._seen, self._seen + len(new))
        self._seen += len(new)
        self.kept_ = np.concatenate([self.kept_, added])
        self.base_indices_ = self.kept_
        self._set_threshold()
        warn_of_few(len(self.kept_), self.false_positive_rate)
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
        distances, _ = self._base.search(self._transform(X), k, self.metric)
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
        distances, indices = self._base.search(rows, k, self.metric, exclude_self=X is None)
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
        return write_arrays(path, type(self).__name__, *self.contents())

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
        return cls.from_contents(*read_arrays(path, cls.__name__, needed=cls.needed_arrays))

    def contents(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """What a file must keep: a description that JSON can say, and arrays."""
        optional = {
            "cleaning_scores": self.cleaning_scores_,
            "base_indices": self.base_indices_,
            **self._normalizer.arrays(),
        }
        if hasattr(self, "feature_names_in_"):
            optional["feature_names"] = self.feature_names_in_.astype(str)
        arrays = {name: array for name, array in optional.items() if array is not None}
        arrays |= {"kept": self.kept_, "near": self._near, **self._base.arrays()}
        parameters = {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in self.get_params().items()
        }
        about = {"features": self.n_features_in_, "seen": self._seen, "parameters": parameters}
        return about, arrays

    @classmethod
    def from_contents(cls, about: dict[str, Any], arrays: dict[str, Array]) -> Self:
        """The detector with these contents."""
        detector = cls(**about["parameters"])
        detector.n_features_in_, detector._seen = about["features"], about["seen"]
        if "feature_names" in arrays:
            detector.feature_names_in_ = arrays["feature_names"].astype(object)
        detector._base = StoredRows(arrays["base"], *map(float, arrays["base_scale"]))
        detector.kept_, detector._near = arrays["kept"], arrays["near"]
        detector.cleaning_scores_ = arrays.get("cleaning_scores")
        detector.base_indices_ = arrays.get("base_indices")
        detector._normalizer = Normalizer.from_arrays(detector.normalize, arrays)
        detector._set_threshold()
        return detector

    def _set_threshold(self) -> None:
        self.leave_one_out_scores_ = self._near.mean(axis=1)
        self.threshold_ = leave_one_out_threshold(
            self.leave_one_out_scores_, self.false_positive_rate
        )
        self.offset_ = -self.threshold_

    def _transform(self, X: Any) -> Array:
        X = validate_data(self, X, dtype=[np.float32, np.float64], reset=False)
        return self._normalizer(X)
