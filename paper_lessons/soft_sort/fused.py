"""The CPU backend: packed-key sorting by NumPy, everything else in fused numba kernels.

Every function takes tensors of shape (*batch, n), n >= 1, in float32 or float64, and returns new ones. `blocks` is an int32
tensor (*batch, 2, n): the sorted order, and the end of each block at the block's first position.
The same functions, written with PyTorch alone, stand in `reference`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch

from paper_lessons.soft_sort import (
    kernels_blocks,
    kernels_isotonic,
    kernels_order,
    kernels_rank,
    kernels_sort,
)
from paper_lessons.soft_sort.threads import for_row_chunks

if TYPE_CHECKING:
    from torch import Tensor

_ALL_ONES = {32: np.uint32(0xFFFFFFFF), 64: np.uint64(0xFFFFFFFFFFFFFFFF)}
_NO_ONES = {32: np.uint32(0), 64: np.uint64(0)}


def rank_l2(x: Tensor, strength: float, descending: bool) -> tuple[Tensor, Tensor]:
    """Soft ranks and their blocks."""
    out, blocks = torch.empty_like(x), _empty_blocks(x)

    def work(x, out, blocks):
        kernels_rank.rank_l2(_sorted(x, descending, blocks), strength, out, blocks)

    _run(work, x, out, blocks)
    return out, blocks


def rank_kl(x: Tensor, strength: float, descending: bool) -> tuple[Tensor, Tensor]:
    """Entropic soft ranks and their blocks."""
    out, blocks = torch.empty_like(x), _empty_blocks(x)

    def work(x, out, blocks):
        kernels_rank.rank_kl(_sorted(x, descending, blocks), strength, out, blocks)

    _run(work, x, out, blocks)
    return out, blocks


def sort_l2(x: Tensor, strength: float, descending: bool) -> tuple[Tensor, Tensor]:
    """Soft sort and its blocks."""
    out, blocks = torch.empty_like(x), _empty_blocks(x)
    sign = 1.0 if descending else -1.0

    def work(x, out, blocks):
        kernels_sort.sort_l2(_sorted(x, not descending, blocks), strength, sign, out, blocks)

    _run(work, x, out, blocks)
    return out, blocks


def sort_kl(x: Tensor, strength: float, descending: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Entropic soft sort, its blocks, and each block's softmax in sorted order."""
    out, blocks, weights = torch.empty_like(x), _empty_blocks(x), torch.empty_like(x)
    sign = 1.0 if descending else -1.0

    def work(x, out, blocks, weights):
        theta = _sorted(x, not descending, blocks)
        kernels_sort.sort_kl(theta, strength, sign, out, blocks, weights)

    _run(work, x, out, blocks, weights)
    return out, blocks, weights


def isotonic_l2(y: Tensor) -> tuple[Tensor, Tensor]:
    """Non-increasing least-squares fit and its blocks (their order is the identity)."""
    out, blocks = torch.empty_like(y), _empty_blocks(y)
    _run(kernels_isotonic.isotonic_l2, y, out, blocks)
    return out, blocks


def isotonic_kl(s: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Non-increasing entropic fit, its blocks, and each block's softmax of s and of w."""
    out, blocks = torch.empty_like(s), _empty_blocks(s)
    s_weights, w_weights = torch.empty_like(s), torch.empty_like(s)
    _run(kernels_isotonic.isotonic_kl, s, w, out, blocks, s_weights, w_weights)
    return out, blocks, s_weights, w_weights


def center(g: Tensor, blocks: Tensor, scale: float) -> Tensor:
    """Jacobian of the l2 rank times g."""
    out = torch.empty_like(g)
    _run(lambda g, blocks, out: kernels_blocks.center(g, blocks, scale, out), g, blocks, out)
    return out


def center_weighted(g: Tensor, ranks: Tensor, blocks: Tensor, scale: float) -> Tensor:
    """Jacobian of the kl rank times g."""
    out = torch.empty_like(g)

    def work(g, ranks, blocks, out):
        kernels_blocks.center_weighted(g, ranks, blocks, scale, out)

    _run(work, g, ranks, blocks, out)
    return out


def average(t: Tensor, blocks: Tensor) -> Tensor:
    """Jacobian of the l2 sort times t."""
    out = torch.empty_like(t)
    _run(kernels_blocks.average, t, blocks, out)
    return out


def spread(g: Tensor, blocks: Tensor) -> Tensor:
    """Transposed Jacobian of the l2 sort times g."""
    out = torch.empty_like(g)
    _run(kernels_blocks.spread, g, blocks, out)
    return out


def average_weighted(t: Tensor, weights: Tensor, blocks: Tensor) -> Tensor:
    """Jacobian of the kl sort times t."""
    out = torch.empty_like(t)
    _run(kernels_blocks.average_weighted, t, weights, blocks, out)
    return out


def spread_weighted(g: Tensor, weights: Tensor, blocks: Tensor) -> Tensor:
    """Transposed Jacobian of the kl sort times g."""
    out = torch.empty_like(g)
    _run(kernels_blocks.spread_weighted, g, weights, blocks, out)
    return out


def _empty_blocks(x: Tensor) -> Tensor:
    return torch.empty((*x.shape[:-1], 2, x.shape[-1]), dtype=torch.int32)


def _run(work: Callable[..., None], *tensors: Tensor) -> None:
    """Call `work` with NumPy views of shape (rows, ...), in one piece or in row chunks on threads."""
    arrays = []
    n = tensors[0].shape[-1]
    for tensor in tensors:
        tail = (2, n) if tensor.dtype == torch.int32 else (n,)
        arrays.append(tensor.detach().numpy().reshape(-1, *tail))
    for_row_chunks(work, arrays)


def _sorted(x: np.ndarray, ascending_of_x: bool, blocks: np.ndarray) -> np.ndarray:
    """x, or -x, of each row in descending order as float64; the order goes to `blocks[:, 0]`."""
    bits = 8 * x.itemsize
    flip, sign = (_NO_ONES[bits], -1.0) if ascending_of_x else (_ALL_ONES[bits], 1.0)
    keys = np.empty(x.shape, np.uint64)
    theta = keys.view(np.float64)  # the values overwrite the keys they are read from
    if bits == 32:
        kernels_order.pack_float32(x.view(np.uint32), flip, keys)
        keys.sort(axis=-1)
        kernels_order.unpack_float32(keys, flip, sign, theta, blocks)
    else:
        position_bits = np.uint64(max(1, (x.shape[1] - 1).bit_length()))
        kernels_order.pack_float64(x.view(np.uint64), flip, position_bits, keys)
        keys.sort(axis=-1)
        kernels_order.unpack_float64(x, keys, position_bits, sign, theta, blocks)
    return theta
