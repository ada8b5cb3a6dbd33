"""Approximate search for large bases: inverted lists and product quantisation of faiss, winners measured directly."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from jaxtyping import Float, Int

from paper_lessons.dn2.checks import one_of, whole_number

KINDS = ("ivf", "pq", "ivfpq")
_CODES = 16  # of four bits: the training of eight takes very much longer
Array = np.ndarray


class ApproximateNeighbors:
    """Nearest neighbours by squared distance that may miss some, in much less time.

    "ivf" sorts the base into cells around centroids and looks into the nearest few. "pq" keeps each row as a
    few bytes and looks at all. "ivfpq" does both. Needs faiss: ``pip install "paper-lessons[faiss]"``.

    Parameters
    ----------
    kind : {"ivf", "pq", "ivfpq"}
    n_cells : int or None
        Cells of the base; None is about the square root of its rows.
    n_probe : int
        Cells to look into for a query.
    n_bytes : int
        Bytes of a row under "pq" and "ivfpq", two codes of four bits each; twice as many must divide the
        number of features.
    rerank : int
        The best ``rerank * k`` rows are measured directly in the base, and the k nearest of them returned.
        0 returns what faiss says.

    Attributes
    ----------
    index_ : faiss.Index
        As faiss made it; ``faiss.write_index`` saves it.
    base_ : array of shape (n, d)
        The rows, for measuring; a ``numpy.memmap`` stays on the disk.

    Notes
    -----
    Source: the paper searches with faiss. Jegou, Douze, Schmid 2011, Product quantization for nearest
    neighbor search.
    """

    def __init__(
        self,
        kind: str = "ivf",
        *,
        n_cells: int | None = None,
        n_probe: int = 8,
        n_bytes: int = 32,
        rerank: int = 4,
    ) -> None:
        one_of(kind, KINDS, "kind")
        self.kind = kind
        self.n_cells = n_cells if n_cells is None else whole_number(n_cells, "n_cells")
        self.n_probe = whole_number(n_probe, "n_probe")
        self.n_bytes = whole_number(n_bytes, "n_bytes")
        self.rerank = whole_number(rerank, "rerank", smallest=0)

    def fit(self, base: Float[Array, "n d"]) -> Self:
        """Train the index on the rows and add them.

        Parameters
        ----------
        base : array of shape (n, d)

        Returns
        -------
        ApproximateNeighbors

        Raises
        ------
        ImportError
            If faiss is not there.
        ValueError
            If the numbers do not fit the base.
        """
        faiss = _faiss()
        self.base_ = np.asanyarray(base)
        if self.base_.ndim != 2 or not len(self.base_):
            raise ValueError(f"base must have shape (rows, features), got {self.base_.shape}")
        rows = _table(self.base_, "base")
        count, width = rows.shape
        cells = self.n_cells or max(1, round(count**0.5))
        if cells > count:
            raise ValueError(f"n_cells must be at most {count}, the rows of base, got {cells}")
        if self.kind != "ivf":
            if width % (2 * self.n_bytes):
                raise ValueError(
                    f"n_bytes must divide half the number of features, {width} / 2, "
                    f"got {self.n_bytes}"
                )
            if count < _CODES:
                raise ValueError(
                    f"base must have {_CODES} rows for the codes of kind {self.kind!r}, got {count}"
                )
        names = {
            "ivf": f"IVF{cells},Flat",
            "pq": f"PQ{2 * self.n_bytes}x4",
            "ivfpq": f"IVF{cells},PQ{2 * self.n_bytes}x4",
        }
        self.index_ = faiss.index_factory(width, names[self.kind])
        self.index_.train(rows)
        self.index_.add(rows)
        if self.kind != "pq":
            self.index_.nprobe = min(self.n_probe, cells)
        return self

    def kneighbors(
        self, queries: Float[Array, "q d"], k: int
    ) -> tuple[Float[Array, "q k"], Int[Array, "q k"]]:
        """Rows of the base near each query.

        Parameters
        ----------
        queries : array of shape (q, d)
        k : int

        Returns
        -------
        distances : array of shape (q, k)
            Squared, rising; infinite where fewer than k rows were found.
        indices : array of shape (q, k)
            -1 where fewer were found.

        Raises
        ------
        ValueError
            If the shape or k does not fit, or the index is not fitted.
        """
        if not hasattr(self, "index_"):
            raise ValueError("kneighbors needs an index: call fit first")
        rows = _table(queries, "queries")
        if rows.ndim != 2 or rows.shape[1] != self.index_.d:
            raise ValueError(f"queries must have shape (q, {self.index_.d}), got {rows.shape}")
        if whole_number(k, "k") > len(self.base_):
            raise ValueError(f"k must be at most {len(self.base_)}, the rows of base, got {k}")
        wanted = min(max(1, self.rerank) * k, len(self.base_))
        distances, indices = self.index_.search(rows, wanted)
        distances = np.where(indices < 0, np.inf, distances)
        if self.rerank:
            for row, (query, found) in enumerate(zip(rows, indices, strict=True)):
                near = self.base_[np.maximum(found, 0)].astype(np.float64)
                measured = np.square(near - query).sum(axis=1)
                distances[row] = np.where(found < 0, np.inf, measured)
            order = np.lexsort((indices, distances), axis=1)[:, :k]
            distances = np.take_along_axis(distances, order, axis=1)
            indices = np.take_along_axis(indices, order, axis=1)
        return distances, indices


def recall(found: Int[Array, "q k"], exact: Int[Array, "q k"]) -> float:
    """The share of exact neighbours that were found.

    Parameters
    ----------
    found, exact : arrays of shape (q, k)
        Indices; their order in a row is no matter.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ValueError
        If shapes differ or there is nothing to find.

    Examples
    --------
    >>> recall(np.array([[3, 1], [2, 0]]), np.array([[1, 3], [2, 5]]))
    0.75
    """
    found, exact = np.asarray(found), np.asarray(exact)
    if found.shape != exact.shape or exact.ndim != 2 or not exact.size:
        raise ValueError(
            f"found and exact must have one shape (q, k), got {found.shape} and {exact.shape}"
        )
    hits = [len(np.intersect1d(one, other)) for one, other in zip(found, exact, strict=True)]
    return float(sum(hits) / exact.size)


def _table(values: Any, name: str) -> Array:
    rows = np.ascontiguousarray(values, dtype=np.float32)
    if not np.isfinite(rows).all():
        raise ValueError(f"{name} must be finite, got NaN or infinity")
    return rows


def _faiss() -> Any:
    try:
        import faiss
    except ImportError:
        raise ImportError(
            'approximate search needs faiss: pip install "paper-lessons[faiss]" '
            "(nearest_neighbors is exact and needs nothing)"
        ) from None
    return faiss
