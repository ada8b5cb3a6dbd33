"""Anomalous groups: the features of a set are pooled to one vector, and groups are compared by it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from jaxtyping import Float, Int
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from paper_lessons.dn2.checks import one_of
from paper_lessons.dn2.detector import DeepNearestNeighbors
from paper_lessons.dn2.normalizing import unit_rows
from paper_lessons.dn2.search.saving import read_arrays, write_arrays

POOLS = ("mean", "max", "concat")
Array = np.ndarray


def pool_groups(features: Any, groups: Any = None, pool: str = "mean") -> Float[Array, "g p"]:
    """One vector for each group of samples.

    Parameters
    ----------
    features : array of shape (n, d), or sequence of arrays of shape (n_i, d)
        Samples with a label each, or one array for each group.
    groups : array of shape (n,) or None
        The group of each sample; None with a sequence of arrays.
    pool : {"mean", "max", "concat"}
        "mean" and "max" do not depend on the order of a group's samples, and groups may have any sizes.
        "concat" puts the samples one after the other as they come: it needs groups of one size and an order
        that means the same in each group.

    Returns
    -------
    array of shape (groups, d), or (groups, size * d) for "concat"
        Groups by rising label, as in ``numpy.unique(groups)``, or in the order of the sequence.

    Raises
    ------
    ValueError
        If a group is empty, sizes differ under "concat", shapes do not fit, or a number is not finite.

    Notes
    -----
    Source: the paper's section on group anomalies; the mean is its orderless pooling.

    Examples
    --------
    >>> pool_groups([[0.0, 2.0], [4.0, 0.0], [1.0, 1.0]], ["a", "a", "b"])
    array([[2., 1.],
           [1., 1.]])
    """
    one_of(pool, POOLS, "pool")
    return _pool(*_as_rows(features, groups), pool)


class GroupNearestNeighbors(BaseEstimator):
    """Anomaly detection for groups: samples are normalised, pooled, and groups compared as samples are.

    Parameters
    ----------
    pool : {"mean", "max", "concat"}
        See :func:`pool_groups`.
    n_neighbors : int
        Neighbours among the training groups.
    normalize : {"l2"} or None
        Whether each sample is divided by its length before it is pooled.
    false_positive_rate : float
        Share of normal groups that may lie above the threshold, in (0, 1).
    clean, clean_neighbors, metric
        As in :class:`DeepNearestNeighbors`, for groups in place of samples.

    Attributes
    ----------
    detector_ : DeepNearestNeighbors
        Fitted on the pooled groups. Its ``kept_``, ``threshold_`` and ``leave_one_out_scores_`` are this
        estimator's too.
    n_features_in_ : int
        Features of a sample.

    Notes
    -----
    Source: the paper's section on group anomalies.

    Examples
    --------
    >>> normal = [np.array([[1.0, 0.0], [0.0, 1.0]])] * 4  # one of each kind
    >>> GroupNearestNeighbors().fit(normal).predict([[[0.0, 1.0], [1.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]]])
    array([ 1, -1])
    """

    def __init__(
        self,
        pool: str = "mean",
        n_neighbors: int = 2,
        *,
        normalize: str | None = "l2",
        false_positive_rate: float = 0.05,
        clean: float = 0.0,
        clean_neighbors: int | None = None,
        metric: str = "sqeuclidean",
    ) -> None:
        self.pool = pool
        self.n_neighbors = n_neighbors
        self.normalize = normalize
        self.false_positive_rate = false_positive_rate
        self.clean = clean
        self.clean_neighbors = clean_neighbors
        self.metric = metric

    def fit(self, features: Any, groups: Any = None) -> Self:
        """Keep the pooled features of normal groups and find the threshold.

        Parameters
        ----------
        features : array of shape (n, d), or sequence of arrays of shape (n_i, d)
        groups : array of shape (n,) or None
            The group of each sample; None with a sequence of arrays.

        Returns
        -------
        GroupNearestNeighbors

        Raises
        ------
        ValueError
            If a parameter or the data do not fit, or a group is empty.
        """
        one_of(self.pool, POOLS, "pool")
        one_of(self.normalize, ("l2", None), "normalize")
        options = {name: getattr(self, name) for name in self.get_params() if name != "pool"}
        detector = DeepNearestNeighbors(**(options | {"normalize": None}))
        rows, numbers = _as_rows(features, groups)
        self.detector_ = detector.fit(self._pooled(rows, numbers))
        self.n_features_in_ = rows.shape[1]
        return self

    def anomaly_score(self, features: Any, groups: Any = None) -> Float[Array, " groups"]:
        """Mean distance to the nearest normal groups; the higher the more anomalous.

        Parameters
        ----------
        features, groups
            As in :meth:`fit`.

        Returns
        -------
        array of shape (groups,)
            In the order of :func:`pool_groups`.
        """
        return self.detector_.anomaly_score(self._new(features, groups))

    def score_samples(self, features: Any, groups: Any = None) -> Float[Array, " groups"]:
        """Minus the anomaly score of each group; parameters as in :meth:`fit`."""
        return -self.anomaly_score(features, groups)

    def decision_function(self, features: Any, groups: Any = None) -> Float[Array, " groups"]:
        """How far each group's score lies below the threshold; parameters as in :meth:`fit`."""
        return self.detector_.decision_function(self._new(features, groups))

    def predict(self, features: Any, groups: Any = None) -> Int[Array, " groups"]:
        """1 for normal groups, -1 for anomalies; parameters as in :meth:`fit`."""
        return self.detector_.predict(self._new(features, groups))

    def p_values(self, features: Any, groups: Any = None) -> Float[Array, " groups"]:
        """Share of normal groups that are at least as anomalous; parameters as in :meth:`fit`."""
        return self.detector_.p_values(self._new(features, groups))

    def save(self, path: str | Path) -> Path:
        """Write everything that scoring needs into one file: arrays and JSON, no pickle.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        pathlib.Path
        """
        check_is_fitted(self)
        about, arrays = self.detector_.contents()
        about["detector"] = about.pop("parameters")
        own = {"pool": self.pool, "normalize": self.normalize}
        about |= {"group_parameters": own, "sample_features": self.n_features_in_}
        return write_arrays(path, type(self).__name__, about, arrays)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what :meth:`save` wrote.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        GroupNearestNeighbors

        Raises
        ------
        ValueError
            If the file is not such a detector.
        """
        about, arrays = read_arrays(path, cls.__name__, needed=DeepNearestNeighbors.needed_arrays)
        about["parameters"] = about.pop("detector")
        detector = DeepNearestNeighbors.from_contents(about, arrays)
        shared = {name: getattr(detector, name) for name in cls().get_params() if name != "pool"}
        model = cls(**(shared | about["group_parameters"]))
        model.detector_, model.n_features_in_ = detector, about["sample_features"]
        return model

    @property
    def kept_(self) -> Int[Array, " kept"]:
        """The training groups that cleaning left."""
        return self.detector_.kept_

    @property
    def threshold_(self) -> float:
        """Groups with a larger anomaly score are predicted as anomalies."""
        return self.detector_.threshold_

    @property
    def leave_one_out_scores_(self) -> Float[Array, " kept"]:
        """Anomaly scores of the training groups, each measured without itself."""
        return self.detector_.leave_one_out_scores_

    def _new(self, features: Any, groups: Any) -> Array:
        check_is_fitted(self)
        rows, numbers = _as_rows(features, groups)
        if rows.shape[1] != self.n_features_in_:
            raise ValueError(
                f"features must have {self.n_features_in_} columns, as in fit, got {rows.shape[1]}"
            )
        return self._pooled(rows, numbers)

    def _pooled(self, rows: Array, numbers: Array) -> Array:
        return _pool(unit_rows(rows) if self.normalize else rows, numbers, self.pool)


def _as_rows(features: Any, groups: Any) -> tuple[Array, Array]:
    """Samples (n, d) and the number of the group that each is in, (n,)."""
    if groups is None:
        parts = [np.asarray(part) for part in features] if _is_sequence(features) else []
        if not parts:
            raise ValueError(
                "features must be a sequence of arrays, one for each group, where groups is None"
            )
        for number, part in enumerate(parts):
            if part.ndim != 2 or part.shape[1:] != parts[0].shape[1:]:
                raise ValueError(
                    "features must hold arrays of shape (samples, features) with the same features, "
                    f"got shape {part.shape} for group {number}"
                )
            if not len(part):
                raise ValueError(f"features must hold no empty group, got none for group {number}")
        rows, numbers = np.concatenate(parts), np.repeat(np.arange(len(parts)), [*map(len, parts)])
    else:
        rows, labels = np.asarray(features), np.asarray(groups)
        if rows.ndim != 2 or labels.shape != rows.shape[:1] or not len(rows):
            raise ValueError(
                "features and groups must have shapes (samples, features) and (samples,), "
                f"got {rows.shape} and {labels.shape}"
            )
        numbers = np.unique(labels, return_inverse=True)[1]
    if rows.dtype.kind not in "buif" or not np.isfinite(rows).all():
        raise ValueError("features must be finite numbers, got NaN, infinity or no numbers")
    return rows, numbers


def _is_sequence(features: Any) -> bool:
    return isinstance(features, Sequence) or (
        isinstance(features, np.ndarray) and (features.ndim == 3 or features.dtype == object)
    )


def _pool(rows: Array, numbers: Array, pool: str) -> Array:
    order = np.argsort(numbers, kind="stable")
    sizes = np.bincount(numbers)
    starts = np.cumsum(sizes) - sizes
    dtype = np.float32 if rows.dtype in (np.float16, np.float32) else np.float64
    if pool == "concat":
        if (sizes != sizes[0]).any():
            raise ValueError(
                "pool 'concat' needs groups of one size, "
                f"got sizes from {sizes.min()} to {sizes.max()}"
            )
        return rows[order].reshape(len(sizes), -1).astype(dtype)  # (n, d) -> (g, size * d)
    if pool == "max":
        return np.maximum.reduceat(rows[order], starts).astype(dtype)
    # sums in float64, so that the order in a group is no matter
    sums = np.add.reduceat(rows[order], starts, dtype=np.float64)
    return (sums / sizes[:, None]).astype(dtype)
