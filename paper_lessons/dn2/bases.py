"""The base that is searched, made from the training samples, and how each of these looks to the others.

It may be kept in fewer bytes: in half precision, or one byte a number with one scale for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from paper_lessons.dn2.cleaning import without_own
from paper_lessons.dn2.neighbors import nearest_neighbors
from paper_lessons.dn2.reduction import (
    distances_without_self,
    greedy_coreset,
    kmeans_centroids,
    reduced_size,
)

Array = np.ndarray


@dataclass
class StoredRows:
    """A table of features as ``zero + scale * codes``.

    A squared distance to it is ``scale**2`` times that of ``(query - zero) / scale`` to the codes, so that
    a search needs no copy in full precision.
    """

    codes: Array
    scale: float = 1.0
    zero: float = 0.0

    @classmethod
    def encode(cls, rows: Float[Array, "n d"], storage: str) -> StoredRows:
        """Keep `rows` as "float32", "float16" or "uint8".

        Raises
        ------
        ValueError
            If a number is too large for float16.
        """
        if storage == "float32":
            return cls(rows)
        lowest, highest = float(rows.min()), float(rows.max())
        if storage == "float16":
            if max(-lowest, highest) > 65504:
                raise ValueError(
                    "storage 'float16' holds numbers up to 65504, "
                    f"got features from {lowest:.6g} to {highest:.6g}"
                )
            return cls(rows.astype(np.float16))
        scale = (highest - lowest) / 255 or 1.0
        codes = np.empty(rows.shape, dtype=np.uint8)
        for start in range(0, len(rows), 4096):  # without a second table in full precision
            part = slice(start, start + 4096)
            codes[part] = np.clip(np.rint((rows[part] - lowest) / scale), 0, 255)
        return cls(codes, scale, lowest)

    def decode(self) -> Float[Array, "n d"]:
        """The rows in float32."""
        if self.codes.dtype == np.float32:
            return self.codes
        rows = self.codes.astype(np.float32)
        if self.codes.dtype == np.uint8:
            rows *= np.float32(self.scale)
            rows += np.float32(self.zero)
        return rows

    def append(self, rows: Float[Array, "m d"]) -> StoredRows:
        """The same with `rows` after the others; one byte a number takes a new scale if it must."""
        storage = str(self.codes.dtype)
        if storage == "uint8":
            highest = self.zero + 255 * self.scale
            if rows.min() < self.zero or rows.max() > highest:
                return StoredRows.encode(np.concatenate([self.decode(), rows]), storage)
            codes = np.rint((rows - self.zero) / self.scale).astype(np.uint8)
        else:
            codes = StoredRows.encode(rows, storage).codes
        return StoredRows(np.concatenate([self.codes, codes]), self.scale, self.zero)

    def search(
        self, queries: Float[Array, "q d"], k: int, metric: str, *, exclude_self: bool = False
    ) -> tuple[Float[Array, "q k"], Int[Array, "q k"]]:
        """:func:`nearest_neighbors` among the rows; distances in float64."""
        factor = 1.0
        if self.codes.dtype == np.uint8:
            queries = ((queries - self.zero) / self.scale).astype(np.float32)
            factor = self.scale**2 if metric == "sqeuclidean" else self.scale
        distances, indices = nearest_neighbors(
            queries, self.codes, k, metric=metric, exclude_self=exclude_self
        )
        return distances.astype(np.float64) * factor, indices

    def arrays(self) -> dict[str, Any]:
        """What a file must keep."""
        return {"base": self.codes, "base_scale": np.array([self.scale, self.zero])}


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
