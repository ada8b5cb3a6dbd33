"""What the search is made of: rows that are read piecewise, lower bounds of distances, small selections."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

BLOCK = 64  # columns whose minimum is looked at before they are
_TORCH_TO_NUMPY = {torch.float32: np.float32, torch.float64: np.float64}


class Rows:
    """A table of numbers that is read a few rows at a time, onto one device and in one precision.

    Parameters
    ----------
    array : Tensor or array-like of shape (n, d)
        A ``numpy.memmap`` stays on the disk; only the rows that are asked for are read.
    name : str
        How error messages call it.
    unit : bool
        Whether rows are divided by their length as they are read (a zero row stays zero).
    """

    def __init__(self, array: Any, name: str, *, unit: bool = False) -> None:
        self.name, self.unit = name, unit
        self.is_tensor = isinstance(array, Tensor)
        self.array = array.detach() if self.is_tensor else np.asanyarray(array)
        if self.array.ndim != 2 or self.array.shape[1] == 0:
            raise ValueError(
                f"{name} must have shape (rows, features) with at least one feature, "
                f"got shape {tuple(self.array.shape)}"
            )
        kind = self.array.dtype
        if kind.is_complex if self.is_tensor else kind.kind not in "buif":
            raise ValueError(f"{name} must hold real numbers, got {kind}")
        self.rows, self.width = map(int, self.array.shape)
        self.device = (
            self.array.device if self.is_tensor else torch.device("cpu")
        )  # where they are read to

    @property
    def wide(self) -> bool:
        """Whether the numbers have more digits than float32 can keep."""
        if self.is_tensor:
            return self.array.dtype in (torch.float64, torch.int32, torch.int64)
        return not np.can_cast(self.array.dtype, np.float32)

    def needs_copy(self, dtype: torch.dtype) -> bool:
        """Whether reading makes a copy of the rows."""
        if self.is_tensor:
            return self.unit or self.array.dtype != dtype or not self.array.is_contiguous()
        flags = self.array.flags
        same = self.array.dtype == _TORCH_TO_NUMPY[dtype]
        return self.unit or not (same and flags.c_contiguous and flags.writeable)

    def read(self, start: int, stop: int, dtype: torch.dtype) -> Tensor:
        """Rows from `start` up to `stop`, shape (stop - start, d), rows one after the other in memory."""
        return self._convert(self.array[start:stop], dtype)

    def take(self, indices: Tensor, dtype: torch.dtype) -> Tensor:
        """The rows of these indices, shape (len(indices), d)."""
        if self.is_tensor:
            return self._convert(self.array[indices.to(self.array.device)], dtype)
        return self._convert(self.array[indices.cpu().numpy()], dtype)

    def _convert(self, part: Any, dtype: torch.dtype) -> Tensor:
        if not self.is_tensor:
            wanted = np.ascontiguousarray(part, dtype=_TORCH_TO_NUMPY[dtype])
            # PyTorch has no read-only tensors: such arrays (memory maps, joblib's) are copied
            part = torch.from_numpy(wanted if wanted.flags.writeable else wanted.copy())
        rows = part.to(self.device, dtype).contiguous()
        if self.unit:
            largest = rows.abs().amax(1, keepdim=True)  # divided by first: its square may overflow
            rows = rows / torch.where(largest == 0, 1, largest)
            lengths = squared_lengths(rows).sqrt_()[:, None]
            rows /= torch.where(lengths == 0, 1, lengths)
        return rows

    def first_bad(self, row: int, largest: float) -> float | None:
        """The first number in a row that is NaN, infinite or larger than `largest`."""
        numbers = np.asarray(self.array[row].tolist(), dtype=np.float64)
        bad = numbers[~(np.abs(numbers) <= largest)]
        return float(bad[0]) if len(bad) else None


def squared_lengths(rows: Tensor) -> Tensor:
    """Squared Euclidean length of each row, (n, d) -> (n,); a few rows at a time, for the cache's sake."""
    some = max(1, 2**19 // rows.shape[1])
    return torch.cat([part.square().sum(1) for part in rows.split(some)])


def unit_roundoff(dtype: torch.dtype) -> float:
    """Largest relative error of one rounding in a matrix product of this type."""
    if dtype == torch.float32 and torch.get_float32_matmul_precision() != "highest":
        return 2.0**-8  # PyTorch may then compute in bfloat16
    return torch.finfo(dtype).eps / 2


def relative_error(width: int, dtype: torch.dtype) -> float:
    """Bound of the error of a computed ``|x|^2 - 2 q.x``, relative to ``|x|^2 + 2 |q||x|``.

    A sum of d + 1 rounded products is off by at most (d + 1) roundings; 256 more cover the sum of squares,
    the conversion of wider inputs and the division by a length. (Higham 2002, Accuracy and Stability of
    Numerical Algorithms, section 3.1.)
    """
    return (width + 256) * unit_roundoff(dtype)


def smallest_below(values: Tensor, count: int, limits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The `count` smallest entries of each row that has one below its limit.

    ``topk`` looks at every entry with care. For a small `count` it is cheaper to take minima of blocks
    first: the `count` smallest entries lie in the `count` blocks whose minima are smallest. Most tiles of a
    large base have nothing for most queries, and the minima show this too.

    Parameters
    ----------
    values : Tensor of shape (q, n)
        n is a multiple of ``BLOCK``.
    count : int
        At most n.
    limits : Tensor of shape (q,)

    Returns
    -------
    rows : Tensor of shape (r,)
    smallest values, rising, and their columns : Tensors of shape (r, count)
    """
    blocks = values.shape[1] // BLOCK
    strided = values.view(len(values), BLOCK, blocks)  # block b has columns b, b + blocks, ...
    minima = strided.amin(1)  # (q, blocks)
    rows = (minima.amin(1) < limits).nonzero().flatten()
    if 4 * count > blocks:
        found = values[rows].topk(count, largest=False)
        return rows, found.values, found.indices
    chosen = minima[rows].topk(count, largest=False).indices  # (r, count)
    members = strided[rows[:, None], :, chosen]  # (r, count, BLOCK)
    found = members.flatten(1).topk(count, largest=False)  # (r, count * BLOCK) -> (r, count)
    block = chosen.gather(1, found.indices // BLOCK)
    return rows, found.values, found.indices % BLOCK * blocks + block


def in_order(distances: Tensor, indices: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The first `count` of each row, by distance and then by index."""
    by_index = indices.argsort(1)
    distances, indices = distances.gather(1, by_index), indices.gather(1, by_index)
    distances, order = distances.sort(dim=1, stable=True)
    return distances[:, :count].contiguous(), indices.gather(1, order)[:, :count].contiguous()
