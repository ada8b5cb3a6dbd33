"""A smaller base: centroids of the samples, a few samples that cover all, or randomly projected features."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.sparse import csr_array

from paper_lessons.dn2.checks import whole_number
from paper_lessons.dn2.neighbors import nearest_neighbors
from paper_lessons.dn2.search.tiles import squared_lengths

_SAMPLES_PER_START = 10  # samples that the starts of k-means are drawn from, per centroid
Array = np.ndarray


def kmeans_centroids(
    features: Any, n_centroids: int, *, seed: int = 0, max_iter: int = 50
) -> tuple[Float[Array, "c d"], Int[Array, " n"]]:
    """Centroids of k-means (Lloyd's iterations from a k-means++ start) and the one each sample is in.

    Parameters
    ----------
    features : array of shape (n, d)
    n_centroids : int
        From 1 to n. Fewer come back if fewer samples differ.
    seed : int
        Draws the start.
    max_iter : int
        Most iterations; they end when no sample changes its centroid.

    Returns
    -------
    centroids : array of shape (n_centroids, d)
        float32.
    members : array of shape (n,)
        Number of the centroid that each sample is in.

    Raises
    ------
    ValueError
        If a number does not fit.

    Notes
    -----
    Source: the paper names k-means as the way to a faster search.

    Examples
    --------
    >>> centroids, members = kmeans_centroids([[0.0], [1.0], [8.0], [10.0]], 2)
    >>> sorted(centroids[:, 0].tolist())
    [0.5, 9.0]
    """
    rows = _table(features)
    count = reduced_size(whole_number(n_centroids, "n_centroids"), len(rows), "n_centroids")
    whole_number(max_iter, "max_iter")
    centroids = _distant_start(rows, count, np.random.default_rng(seed))
    members = np.full(len(rows), -1)
    for _ in range(max_iter):
        distances, nearest = (part[:, 0] for part in nearest_neighbors(rows, centroids, 1))
        if (nearest == members).all():
            break
        members = _without_empty(nearest, distances, len(centroids))
        centroids = _means(rows, members, len(centroids))
    filled, members = np.unique(members, return_inverse=True)
    return centroids[filled], members


def greedy_coreset(
    features: Any, size: int, *, seed: int = 0, start: int | None = None
) -> Int[Array, " size"]:
    """Samples that cover all: one after the other the sample farthest from those chosen (k-center).

    The largest distance of a sample to the chosen ones is at most twice what any choice of this size has.

    Parameters
    ----------
    features : array of shape (n, d)
    size : int
        From 1 to n.
    seed : int
        Draws the first sample.
    start : int or None
        The first sample; None draws it.

    Returns
    -------
    array of shape (size,)
        Samples in the order of their choice; duplicates come last.

    Raises
    ------
    ValueError
        If a number does not fit.

    Notes
    -----
    Source: not in the paper; Gonzalez 1985. PatchCore (Roth et al. 2022) thins its base so.

    Examples
    --------
    >>> greedy_coreset([[0.0], [1.0], [9.0], [10.0], [5.5]], 3, start=0)
    array([0, 3, 4])
    """
    rows = torch.from_numpy(_table(features))
    count = reduced_size(whole_number(size, "size"), len(rows), "size")
    if start is None:
        start = int(np.random.default_rng(seed).integers(len(rows)))
    if not 0 <= whole_number(start, "start", smallest=0) < len(rows):
        raise ValueError(f"start must be a sample from 0 to {len(rows) - 1}, got {start}")
    squares = squared_lengths(rows)
    chosen = [start]
    nearest = torch.full((len(rows),), torch.inf, dtype=torch.float32)
    while len(chosen) < count:
        newest = rows[chosen[-1]]
        distances = (squares - 2 * rows.mv(newest)).add_(newest.square().sum())
        # rounding may leave a small number where the distance is zero
        distances[distances <= 1e-6 * squares] = 0.0
        nearest = torch.minimum(nearest, distances)
        nearest[chosen[-1]] = -1.0  # behind all duplicates of it
        chosen.append(int(nearest.argmax()))
    return np.array(chosen)


def random_projection(width: int, size: int, *, seed: int = 0) -> Float[Array, "width size"]:
    """A matrix that projects features at random and keeps squared distances on the average.

    Parameters
    ----------
    width : int
        Features before.
    size : int
        Features after, from 1 to `width`.
    seed : int

    Returns
    -------
    array of shape (width, size)
        Independent normal numbers with variance 1 / size, float32; to be multiplied from the right.

    Raises
    ------
    ValueError
        If a number does not fit.

    Notes
    -----
    Source: Johnson, Lindenstrauss 1984. Principal components of normal samples are no substitute: they
    drop the directions in which normal samples do not vary, and anomalies stand out in just these.

    Examples
    --------
    >>> random_projection(1280, 128).shape
    (1280, 128)
    """
    size = reduced_size(whole_number(size, "size"), whole_number(width, "width"), "size")
    numbers = np.random.default_rng(seed).normal(size=(width, size)) / np.sqrt(size)
    return numbers.astype(np.float32)


def reduced_size(size: Any, available: int, name: str = "reduction_size") -> int:
    """A number from 1 to `available`, or the share of it that a float says, as an int."""
    if isinstance(size, (float, np.floating)) and 0 < size <= 1:
        return max(1, round(float(size) * available))
    fits = isinstance(size, (int, np.integer)) and not isinstance(size, bool)
    if not fits or not 1 <= size <= available:
        raise ValueError(
            f"{name} must be a whole number from 1 to {available} or a share in (0, 1], got {size!r}"
        )
    return int(size)


def distances_without_self(
    distances: Float[Array, "n c"],
    nearest: Int[Array, "n c"],
    members: Int[Array, " n"],
    k: int,
    *,
    squared: bool,
) -> Float[Array, "n k"]:
    """Distances to the k nearest centroids, each sample taken out of the centroid that it is in.

    Without x, a centroid c of m samples is ``(m c - x) / (m - 1)``, so that x is ``m / (m - 1)`` times as far
    from it; without its only sample it is gone.

    Parameters
    ----------
    distances, nearest : arrays of shape (n, c)
        The nearest centroids; c is k + 1, or the number of centroids if that is less.
    members : array of shape (n,)
        The centroid that each sample is in.
    k : int
    squared : bool
        Whether distances are squared.

    Returns
    -------
    array of shape (n, k)
        Rising. A row with k - 1 centroids left has their mean as its last, which leaves its mean unchanged.
    """
    sizes = np.bincount(members)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = (sizes / (sizes - 1.0)) ** (2 if squared else 1)
        own = np.where(sizes[nearest] == 1, np.inf, distances * factor[nearest])
    found = np.sort(np.where(nearest == members[:, None], own, distances), axis=1)[:, :k]
    there = np.isfinite(found)
    mean = np.where(there, found, 0).sum(1, keepdims=True) / there.sum(1, keepdims=True)
    return np.where(there, found, mean)


def _table(features: Any) -> Array:
    rows = np.ascontiguousarray(features, dtype=np.float32)
    if rows.ndim != 2 or 0 in rows.shape:
        raise ValueError(f"features must have shape (samples, features), got {rows.shape}")
    if not np.isfinite(rows).all():
        raise ValueError("features must be finite, got NaN or infinity")
    return rows if rows.flags.writeable else rows.copy()


def _distant_start(rows: Array, count: int, generator: np.random.Generator) -> Array:
    """Different samples, each drawn with a probability that grows with its distance to those before."""
    some = min(len(rows), _SAMPLES_PER_START * count)
    pool = rows[np.sort(generator.choice(len(rows), some, replace=False))]
    chosen = [int(generator.integers(some))]
    nearest = np.full(some, np.inf)
    while len(chosen) < count:
        distances, _ = nearest_neighbors(pool, pool[chosen[-1:]], 1)
        nearest = np.minimum(nearest, distances[:, 0].astype(np.float64))
        if nearest.max() <= 0:
            break  # only duplicates are left
        chosen.append(int(generator.choice(some, p=nearest / nearest.sum())))
    return pool[chosen]


def _without_empty(nearest: Array, distances: Array, count: int) -> Array:
    """Members such that an empty centroid gets the sample that is farthest from its own."""
    members = nearest.copy()
    sizes = np.bincount(members, minlength=count)
    farthest = iter(np.argsort(-distances, kind="stable"))
    for empty in np.flatnonzero(sizes == 0):
        sample = next((s for s in farthest if sizes[members[s]] > 1 and distances[s] > 0), None)
        if sample is None:
            break
        sizes[members[sample]] -= 1
        members[sample], sizes[empty] = empty, 1
    return members


def _means(rows: Array, members: Array, count: int) -> Array:
    sums = np.zeros((count, rows.shape[1]))
    for start in range(0, len(rows), 4096):
        part = members[start : start + 4096]
        shape = (count, len(part))
        belongs = csr_array((np.ones(len(part)), (part, np.arange(len(part)))), shape=shape)
        sums += belongs @ rows[start : start + 4096].astype(np.float64)
    sizes = np.bincount(members, minlength=count)
    return (sums / np.maximum(sizes, 1)[:, None]).astype(np.float32)
