"""Training samples measured without themselves, and those left out that lie far from the others."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from paper_lessons.dn2.checks import whole_number
from paper_lessons.dn2.neighbors import nearest_neighbors

Array = np.ndarray


def leave_one_out_scores(
    features: Any, n_neighbors: int = 2, *, metric: str = "sqeuclidean"
) -> Float[Array, " n"]:
    """Mean distance of each sample to its nearest others.

    Parameters
    ----------
    features : array of shape (n, d)
    n_neighbors : int
        From 1 to n - 1.
    metric : {"sqeuclidean", "euclidean", "cosine"}

    Returns
    -------
    array of shape (n,)
        The higher the more anomalous.

    Raises
    ------
    ValueError
        If there are not more samples than neighbours.

    Notes
    -----
    Source: the paper's unsupervised setting scores training samples so. The sample itself is left out by its
    index: a duplicate is a neighbour at distance 0.

    Examples
    --------
    >>> leave_one_out_scores([[0.0], [1.0], [5.0]], 1)
    array([ 1.,  1., 16.])
    """
    check_enough(len(features), whole_number(n_neighbors, "n_neighbors"))
    near, _ = nearest_neighbors(features, features, n_neighbors, metric=metric, exclude_self=True)
    return np.asarray(near).mean(axis=1, dtype=np.float64)


def clean_samples(
    features: Any,
    share: float,
    *,
    clean_neighbors: int | None = None,
    metric: str = "sqeuclidean",
) -> tuple[Int[Array, " kept"], Float[Array, " n"]]:
    """The samples left when the most anomalous share is dropped.

    Parameters
    ----------
    features : array of shape (n, d)
    share : float
        In [0, 1); n * share samples are dropped, rounded down. The paper drops one half.
    clean_neighbors : int or None
        Neighbours that scores are taken with. None is 50, or n / 4 if that is less: anomalies of one kind
        are near to one another, but there are not so many of them.
    metric : {"sqeuclidean", "euclidean", "cosine"}

    Returns
    -------
    kept : array
        Samples, rising. Of equal scores the first are kept.
    scores : array of shape (n,)
        Leave-one-out scores of all samples.

    Raises
    ------
    ValueError
        If the share is not in [0, 1) or there are not more samples than neighbours.

    Notes
    -----
    Source: the paper's unsupervised setting; there with the k that scores later on.

    Examples
    --------
    >>> clean_samples([[0.0], [1.0], [5.0], [1.5]], 0.25)[0]
    array([0, 1, 3])
    """
    if not isinstance(share, Real) or isinstance(share, bool) or not 0 <= float(share) < 1:
        raise ValueError(f"clean must be a number from 0 to below 1, got {share!r}")
    samples = len(features)
    k = max(1, min(50, samples // 4)) if clean_neighbors is None else clean_neighbors
    check_enough(samples, whole_number(k, "clean_neighbors"), "clean_neighbors")
    scores = leave_one_out_scores(features, k, metric=metric)
    left = samples - int(share * samples + 1e-9)  # 0.3 * 10 is a little less than 3 in binary
    return np.sort(np.argsort(scores, kind="stable")[:left]), scores


def check_enough(samples: int, k: int, name: str = "n_neighbors") -> None:
    """Raise ValueError unless each sample has k others."""
    if samples <= k:
        raise ValueError(
            f"{name} must be below the number of samples, since none is its own neighbour: "
            f"got {name}={k} with n_samples = {samples}"
        )


def without_own(
    distances: Float[Array, "n c"], indices: Int[Array, "n c"], own: Int[Array, " n"]
) -> Float[Array, "n k"]:
    """Distances to one neighbour more than wanted -> to those wanted: without `own`, else the farthest."""
    mine = indices == own[:, None]
    mine[~mine.any(axis=1), -1] = True
    return distances[~mine].reshape(len(distances), -1)
