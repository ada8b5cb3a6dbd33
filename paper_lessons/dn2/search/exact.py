"""Exact nearest neighbours in tiles: a matrix product finds candidates by lower bounds, the winners are measured."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from paper_lessons.dn2.search.tiles import (
    BLOCK,
    Rows,
    in_order,
    relative_error,
    smallest_below,
    squared_lengths,
)

SPARE = 6  # candidates beyond k: so many near ties are told apart without a second look at the base
QUERIES_PER_TILE, BASE_PER_TILE = 1024, 2048  # many queries for each row that is read; 8 MB


class Search:
    """One call of `nearest_neighbors`, its arguments checked."""

    def __init__(
        self, queries: Rows, base: Rows, k: int, metric: str, exclude_self: bool, max_memory: int
    ) -> None:
        self.queries, self.base, self.k, self.metric = queries, base, k, metric
        self.exclude_self, self.max_memory = exclude_self, max_memory
        self.candidates = min(k + SPARE, base.rows - exclude_self)
        self.device = base.device
        # Apple's graphics processors have no float64
        self.precise = torch.float32 if self.device.type == "mps" else torch.float64
        wide = self.precise == torch.float64 and (queries.wide or base.wide)
        self.result = torch.float64 if wide else torch.float32

    def run(self) -> tuple[Tensor, Tensor]:
        """Distances and indices of all queries, (q, k) each."""
        count = self.queries.rows
        distances = torch.empty(count, self.k, dtype=self.result, device=self.device)
        indices = torch.empty(count, self.k, dtype=torch.int64, device=self.device)
        # A candidate takes 16 bytes, and sorting them as much again.
        at_once = max(QUERIES_PER_TILE, self.max_memory // 8 // (32 * self.candidates))
        for start in range(0, count, at_once):
            part = slice(start, min(start + at_once, count))
            distances[part], indices[part] = self.search(part.start, part.stop)
        return distances, indices

    def search(self, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """Neighbours of the queries from `start` up to `stop`."""
        bounds, candidates = self.lower_bounds(start, stop)
        rows = torch.arange(start, stop, device=self.device)
        indices = candidates[:, : self.k]
        distances, indices = in_order(self.measure_all(rows, indices), indices, self.k)
        if self.candidates == self.k:  # the whole base
            return distances, indices
        # Bounds rise along a row: where the next one is beyond reach, all others are.
        doubtful = bounds[:, self.k] <= self.reach(distances[:, -1])
        again = doubtful.nonzero().flatten()
        if len(again):
            measured = self.measure_all(rows[again], candidates[again])
            distances[again], indices[again] = in_order(measured, candidates[again], self.k)
            everything = self.candidates == self.base.rows - self.exclude_self
            reach = self.reach(distances[again, -1])
            again = again[(bounds[again, -1] <= reach) & (not everything)]
        if len(again):
            reach = self.reach(distances[again, -1])
            distances[again], indices[again] = self.settle(rows[again], reach)
        return distances, indices

    def lower_bounds(self, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """The candidates' smallest lower bounds of squared distances, rising, and their indices."""
        shape = (stop - start, self.candidates)
        bounds = torch.full(shape, torch.inf, dtype=self.precise, device=self.device)
        indices = torch.zeros(shape, dtype=torch.int64, device=self.device)
        constants = torch.empty(stop - start, dtype=self.precise, device=self.device)
        every = torch.arange(start, stop, device=self.device)
        queries_per_tile, base_per_tile = self.tile_shape(torch.float32)
        # float32 whatever PyTorch's default is
        buffer = torch.empty(
            queries_per_tile, base_per_tile, dtype=torch.float32, device=self.device
        )
        for first, last in _pieces(0, self.base.rows, base_per_tile):
            x, x_squares = self.read(self.base, first, last)
            for begin, end in _pieces(start, stop, queries_per_tile):
                q, q_squares = self.read(self.queries, begin, end)
                dtype = torch.promote_types(q.dtype, x.dtype)
                if dtype != torch.float32:  # too large for float32; rare, so memory is no matter
                    q, q_squares = self.read(self.queries, begin, end, dtype)
                    x, x_squares = self.read(self.base, first, last, dtype)
                tile = (
                    buffer[: end - begin]
                    if dtype == torch.float32
                    else q.new_empty(end - begin, base_per_tile)
                )
                self.fill(tile, q, x, x_squares, every[begin - start : end - start], first)
                mine = slice(begin - start, end - start)
                self.keep_smallest(tile, first, bounds[mine], indices[mine])
                if last == self.base.rows:
                    error = relative_error(self.base.width, dtype)
                    constants[mine] = q_squares.to(self.precise) * (1 - error)
            del x, q  # before the next are read
        return bounds.add_(constants[:, None]), indices

    def fill(
        self,
        tile: Tensor,
        q: Tensor,
        x: Tensor,
        x_squares: Tensor,
        rows: Tensor,
        first: int,
    ) -> None:
        """Fill a tile with lower bounds of ``|q - x|^2 - (1 - error)|q|^2``.

        What is left of it becomes infinity. `rows` are the indices of the
        queries, `first` is that of the first row of the base.

        The error of ``|x|^2 - 2 q.x`` is at most
        ``error * (|x|^2 + 2|q||x|)``, and this is at most
        ``error * (2|x|^2 + |q|^2)``: a part for each row and each query.
        """
        error = relative_error(x.shape[1], x.dtype)
        tiny = torch.finfo(x.dtype).tiny
        lowered = x_squares * (1 - 2 * error) - 4 * x.shape[1] * tiny
        torch.addmm(lowered, q, x.T, alpha=-2, out=tile[:, : len(x)])
        tile[:, len(x) :] = torch.inf
        if self.exclude_self:
            here = (rows >= first) & (rows < first + len(x))
            own = here.nonzero().flatten()
            tile[own, rows[own] - first] = torch.inf

    def keep_smallest(self, tile: Tensor, first: int, bounds: Tensor, indices: Tensor) -> None:
        """Merge a tile, whose first column is row `first` of the base, into the best so far."""
        count = min(self.candidates, tile.shape[1])
        rows, values, columns = smallest_below(tile, count, bounds[:, -1])
        if len(rows) == 0:
            return
        both = torch.cat([bounds[rows], values.to(self.precise)], 1)
        order = both.sort(1).indices[:, : self.candidates]
        indices[rows] = torch.cat([indices[rows], columns + first], 1).gather(1, order)
        bounds[rows] = both.gather(1, order)

    def settle(self, rows: Tensor, reach: Tensor) -> tuple[Tensor, Tensor]:
        """Neighbours of queries with more near ties than candidates: whatever is in reach is measured.

        The k-th squared distance is at most `reach`. Bounds in float64 are sharp, so that hardly more than
        true ties are measured; rows come in the order of their indices, so that nothing displaces a tie.
        """
        queries_per_tile, base_per_tile = self.tile_shape(self.precise)
        distances = torch.full(
            (len(rows), self.k), torch.inf, dtype=self.result, device=self.device
        )
        indices = torch.zeros(len(rows), self.k, dtype=torch.int64, device=self.device)
        for begin, end in _pieces(0, len(rows), queries_per_tile):
            some, near, where = rows[begin:end], distances[begin:end], indices[begin:end]
            q = self.queries.take(some, self.precise)
            error = relative_error(self.base.width, self.precise)
            constants = squared_lengths(q) * (1 - error)
            last = 0
            while last < self.base.rows:
                # tiles grow, since with enough duplicates the first rows are all that is wanted
                first, last = last, min(last + min(base_per_tile, last + BLOCK), self.base.rows)
                limit = torch.minimum(reach[begin:end], self.reach(near[:, -1]))
                # no later row comes before k rows at distance zero
                limit = torch.where(near[:, -1] > 0, limit, -torch.inf) - constants
                if bool((limit == -torch.inf).all()):
                    break
                x = self.base.read(first, last, self.precise)
                tile = torch.empty(len(q), len(x), dtype=self.precise, device=self.device)
                self.fill(tile, q, x, squared_lengths(x), some, first)
                row, column = (tile <= limit[:, None]).nonzero(as_tuple=True)
                measured = self.measure(some[row], column + first)
                _merge_pairs(row, column + first, measured, near, where)
        return distances, indices

    def measure_all(self, rows: Tensor, indices: Tensor) -> Tensor:
        """Distances of each query to its own list of rows of the base, (q, c) -> (q, c)."""
        repeated = rows.repeat_interleave(indices.shape[1])
        return self.measure(repeated, indices.flatten()).view(indices.shape)

    def measure(self, rows: Tensor, indices: Tensor) -> Tensor:
        """Distance of each pair of a query and a row of the base, as it is returned; (p,), (p,) -> (p,)."""
        squares = torch.empty(len(rows), dtype=self.precise, device=self.device)
        for begin, end in _pieces(0, len(rows), max(1, 2**17 // self.base.width)):
            q = self.queries.take(rows[begin:end], self.precise)
            x = self.base.take(indices[begin:end], self.precise)
            squares[begin:end] = (q - x).square_().sum(1)
            if self.metric == "cosine":  # a zero row is at a right angle to all others
                one_is_zero = (q == 0).all(1) != (x == 0).all(1)
                squares[begin:end][one_is_zero] = 2.0
        if self.metric == "euclidean":
            squares = squares.sqrt_()
        elif self.metric == "cosine":
            squares = squares / 2
        return squares.to(self.result)

    def reach(self, distances: Tensor) -> Tensor:
        """The largest squared distance that may be returned as this distance."""
        # float64 sums of d squares in another order differ by d roundings
        roundings = (
            8 * torch.finfo(self.result).eps + 2 * self.base.width * torch.finfo(self.precise).eps
        )
        tiny = torch.finfo(self.result).tiny
        distances = distances.to(self.precise) * (1 + roundings) + tiny
        if self.metric == "euclidean":
            return distances.square() * (1 + roundings)
        return 2 * distances if self.metric == "cosine" else distances

    def read(
        self, rows: Rows, start: int, stop: int, least: torch.dtype = torch.float32
    ) -> tuple[Tensor, Tensor]:
        """Rows in this precision (float64 if they are too large for it) and their squared lengths."""
        for dtype in dict.fromkeys((least, self.result)):
            values = rows.read(start, stop, dtype)
            squares = squared_lengths(values)
            if bool(squares.max() <= torch.finfo(dtype).max / 64):
                return values, squares
        # a sum of squares may be too large where no number is
        row = start + int((~(squares <= torch.finfo(dtype).max / 64)).nonzero()[0])
        largest = (torch.finfo(dtype).max / 64 / rows.width) ** 0.5
        raise ValueError(
            f"{rows.name} must be finite, and at most {largest:.0e} in {str(dtype)[6:]} "
            f"(squares overflow), got {rows.first_bad(row, largest)} in row {row}"
        )

    def tile_shape(self, dtype: torch.dtype) -> tuple[int, int]:
        """How many queries and rows of the base to treat at once, within `max_memory`."""
        size, width = torch.finfo(dtype).bits // 8, self.base.width
        queries = min(QUERIES_PER_TILE, self.queries.rows)
        if self.queries.needs_copy(dtype):
            queries = min(queries, max(1, self.max_memory // 8 // (2 * size * width)))
        copies = self.base.needs_copy(dtype) + self.base.unit
        most = self.max_memory * 3 // 8 // (size * (queries + copies * width))
        rows = min(BASE_PER_TILE, self.base.rows + BLOCK - 1, max(BLOCK, most))
        return queries, rows // BLOCK * BLOCK


def _pieces(start: int, stop: int, size: int) -> Iterator[tuple[int, int]]:
    for begin in range(start, stop, size):
        yield begin, min(begin + size, stop)


def _merge_pairs(
    rows: Tensor, indices: Tensor, distances: Tensor, near: Tensor, where: Tensor
) -> None:
    """Merge pairs, which come by row and rising index, into the best of each row, in place.

    Indices that `where` holds already are lower than the new ones; stable sorting keeps that order in ties.
    """
    by_distance = distances.sort(stable=True).indices
    order = by_distance[rows[by_distance].sort(stable=True).indices]
    rows, indices, distances = rows[order], indices[order], distances[order]
    first = torch.searchsorted(rows, torch.arange(len(near), device=rows.device))
    place = torch.arange(len(rows), device=rows.device) - first[rows]
    kept = place < near.shape[1]
    new, new_where = torch.full_like(near, torch.inf), torch.zeros_like(where)
    new[rows[kept], place[kept]] = distances[kept]
    new_where[rows[kept], place[kept]] = indices[kept]
    both, order = torch.cat([near, new], 1).sort(dim=1, stable=True)
    where.copy_(torch.cat([where, new_where], 1).gather(1, order)[:, : near.shape[1]])
    near.copy_(both[:, : near.shape[1]])
