"""Exact nearest neighbours: one matrix product in tiles finds candidates, the winners are measured directly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from paper_lessons.dn2.checks import METRICS, one_of, whole_number
from paper_lessons.dn2.search.exact import Search
from paper_lessons.dn2.search.tiles import Rows, in_order

Array = np.ndarray


def nearest_neighbors(
    queries: Any,
    base: Any,
    k: int,
    *,
    metric: str = "sqeuclidean",
    exclude_self: bool = False,
    max_memory: int = 32 * 2**20,
) -> tuple[Any, Any]:
    """The k nearest rows of `base` for each row of `queries`, exactly.

    The result does not depend on the order of work: not on tiles, batches, threads or `max_memory`.
    A row that equals its query has distance exactly 0. Equal distances are in the order of their indices.

    Parameters
    ----------
    queries : Tensor or array-like of shape (q, d)
    base : Tensor or array-like of shape (n, d)
        A ``numpy.memmap`` is read tile by tile and may be larger than the memory.
    k : int
        From 1 to n (n - 1 with `exclude_self`).
    metric : {"sqeuclidean", "euclidean", "cosine"}
        Cosine is 1 minus the cosine of the angle; a zero row has distance 1 to all but zero rows.
    exclude_self : bool
        Whether row i of the base is no neighbour of query i, as is wanted when `queries` is `base`. It goes
        by the index: another row with the same numbers is a neighbour at distance 0.
    max_memory : int
        Bytes to use beyond the inputs and the result, about.

    Returns
    -------
    distances : Tensor or array of shape (q, k)
        Rising along each row, in the unit of the features (squared for "sqeuclidean"); float32, or float64 if
        one of the inputs has float64 or wide integers. A tensor if `queries` is one, else an array.
    indices : Tensor or array of shape (q, k)
        Rows of the base, int64.

    Raises
    ------
    ValueError
        If shapes, k, the metric or `max_memory` do not fit, or a number is NaN or infinite.

    Notes
    -----
    Source: section 3 of the paper uses faiss for it. Here ``|x|^2 - 2 q.x`` is computed in float32 and
    lowered by a bound of its rounding error. What is nearer by these lower bounds than the k-th distance
    measured so far is measured directly, as the sum of ``(q - x)^2`` in float64; nothing else can win.

    Examples
    --------
    >>> nearest_neighbors(torch.tensor([[0.0], [4.0]]), torch.tensor([[0.0], [1.0], [7.0]]), 2)
    (tensor([[0., 1.],
            [9., 9.]]), tensor([[0, 1],
            [1, 2]]))
    """
    one_of(metric, METRICS, "metric")
    asked = Rows(queries, "queries", unit=metric == "cosine")
    known = Rows(base, "base", unit=metric == "cosine")
    if asked.is_tensor and known.is_tensor and asked.device != known.device:
        raise ValueError(
            f"queries and base must be on one device, got {asked.device} and {known.device}"
        )
    asked.device = known.device = asked.device if asked.is_tensor else known.device
    if asked.width != known.width:
        raise ValueError(
            "queries and base must have the same number of features, "
            f"got {asked.width} and {known.width}"
        )
    if exclude_self and asked.rows != known.rows:
        raise ValueError(
            "exclude_self needs queries and base with the same rows, "
            f"got {asked.rows} and {known.rows} of them"
        )
    k = whole_number(k, "k")
    available = known.rows - bool(exclude_self)
    if k > available:
        without = " other than the query itself" if exclude_self else ""
        raise ValueError(f"k must be at most {available}, the rows of base{without}, got {k}")
    whole_number(max_memory, "max_memory", smallest=2**20)
    with torch.no_grad():
        search = Search(asked, known, k, metric, bool(exclude_self), int(max_memory))
        distances, indices = search.run()
    if asked.is_tensor:
        return distances, indices
    return distances.cpu().numpy(), indices.cpu().numpy()


def merge_neighbors(shards: Sequence[tuple[Any, Any, int]], k: int) -> tuple[Any, Any]:
    """The k nearest neighbours in a base from those in its shards; exact.

    Parameters
    ----------
    shards : sequence of (distances, indices, offset)
        What :func:`nearest_neighbors` returned for a shard, with its k or all rows of the shard if these are
        fewer, and the row of the whole base at which the shard begins. All tensors or all arrays.
    k : int

    Returns
    -------
    distances, indices : Tensors or arrays of shape (q, k)
        What :func:`nearest_neighbors` returns for the whole base.

    Raises
    ------
    ValueError
        If there is no shard, shapes do not fit, or the shards have fewer than k neighbours.

    Examples
    --------
    >>> base, query = np.array([[5.0], [1.0], [2.0], [9.0]]), np.array([[0.0]])
    >>> shards = [(*nearest_neighbors(query, base[a : a + 2], 2), a) for a in (0, 2)]
    >>> merge_neighbors(shards, 2)
    (array([[1., 4.]]), array([[1, 2]]))
    """
    k = whole_number(k, "k")
    shards = list(shards)
    if not shards:
        raise ValueError("shards must hold at least one (distances, indices, offset), got none")
    tensors = isinstance(shards[0][0], Tensor)
    distances: list[Tensor] = []
    indices: list[Tensor] = []
    for number, (near, where, offset) in enumerate(shards):
        near, where = torch.as_tensor(near), torch.as_tensor(where)
        queries = len(distances[0]) if distances else len(near)
        if near.dim() != 2 or near.shape != where.shape or len(near) != queries:
            raise ValueError(
                f"shards must hold distances and indices of shape ({queries}, columns), "
                f"got {tuple(near.shape)} and {tuple(where.shape)} in shard {number}"
            )
        distances.append(near)
        indices.append(where + whole_number(offset, "offset", smallest=0))
    found = sum(part.shape[1] for part in distances)
    if k > found:
        raise ValueError(f"k must be at most {found}, the neighbours of all shards, got {k}")
    merged = in_order(torch.cat(distances, 1), torch.cat(indices, 1), k)
    return merged if tensors else (merged[0].numpy(), merged[1].numpy())
