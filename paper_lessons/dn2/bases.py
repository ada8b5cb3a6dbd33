"""The base that is searched, made from the training samples, and how each of these looks to the others."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from paper_lessons.dn2.cleaning import without_own
from paper_lessons.dn2.reduction import (
    distances_without_self,
    greedy_coreset,
    kmeans_centroids,
    reduced_size,
)
from paper_lessons.dn2.storage import StoredRows

Array = np.ndarray


def build_base(
    rows: Float[Array, "n d"],
    k: int,
    *,
    metric: str,
    storage: str,
    reduction: str | None,
    size: Any,
    seed: int,
) -> tuple[StoredRows, Int[Array, " base"] | None, Float[Array, "n k"]]:
    """Keep the rows, or the fewer that `reduction` makes of them.

    Parameters
    ----------
    rows : array of shape (n, d)
    k : int
        Neighbours to score with.
    metric, storage, reduction, size, seed
        As the detector has them.

    Returns
    -------
    base : StoredRows
    indices : array of shape (base,) or None
        The row that each row of the base is; None for centroids, which are none.
    near : array of shape (n, k)
        Distances of each row to its neighbours in a base without it. (Fewer than k columns if there are
        fewer different rows than that.)
    """
    if reduction == "coreset":
        chosen = greedy_coreset(rows, _size(size, len(rows), k, k + 1), seed=seed)
        base = StoredRows.encode(rows[chosen], storage)
        own = np.full(len(rows), -1)
        own[chosen] = np.arange(len(chosen))
        return base, chosen, without_own(*base.search(rows, k + 1, metric), own)
    if reduction == "kmeans":
        centroids, members = kmeans_centroids(rows, _size(size, len(rows), k, k), seed=seed)
        base, k = StoredRows.encode(centroids, storage), min(k, len(centroids))
        found, where = base.search(rows, min(k + 1, len(centroids)), metric)
        squared = metric == "sqeuclidean"
        return base, None, distances_without_self(found, where, members, k, squared=squared)
    base = StoredRows.encode(rows, storage)
    near, _ = base.search(rows, k, metric, exclude_self=True)
    return base, np.arange(len(rows)), near


def _size(size: Any, samples: int, k: int, least: int) -> int:
    number = reduced_size(size, samples)
    if number < least:
        raise ValueError(
            f"reduction_size must leave at least {least} rows for n_neighbors={k}, got {number}"
        )
    return number
