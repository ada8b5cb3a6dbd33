"""Rows split over two threads, but only where that pays."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    import numpy as np

# below this many elements a second thread costs more (waking it, sharing caches) than it saves
SMALLEST_SPLIT = 500_000
WORKERS = 2

_pools: dict[int, ThreadPoolExecutor] = {}


def for_row_chunks(
    work: Callable[..., None], options: tuple[Any, ...], arrays: Sequence[np.ndarray]
) -> None:
    """Call `work(*options, *arrays)`, or call it on both halves of the rows at once when they are many.

    The kernels and NumPy's sort release the interpreter's lock, so two halves run side by side. One thread is used
    where PyTorch was told to use one (`torch.set_num_threads(1)`, which DataLoader workers do).

    Parameters
    ----------
    work : callable
        Reads and writes the rows of the arrays it is given; a row never needs another.
    options : tuple
        Passed on as they are.
    arrays : sequence of ndarray
        All with the same number of rows.
    """
    rows = arrays[0].shape[0]
    if arrays[0].size < SMALLEST_SPLIT or rows < WORKERS or torch.get_num_threads() == 1:
        work(*options, *arrays)
        return
    middle = rows // 2
    other = _pool().submit(work, *options, *(array[:middle] for array in arrays))
    try:
        work(*options, *(array[middle:] for array in arrays))
    finally:
        other.result()


def _pool() -> ThreadPoolExecutor:
    """This process's pool: threads do not survive a fork, so a child makes its own."""
    process = os.getpid()
    pool = _pools.get(process)
    if pool is None:
        _pools.clear()
        pool = _pools[process] = ThreadPoolExecutor(WORKERS - 1, "paper-lessons-soft-sort")
    return pool
