"""The CPU backend: rows are sorted by packed keys, everything else happens in numba kernels.

Tensors have the shape (*batch, n), n >= 1, and are float32 or float64. `blocks` is an int32 tensor (*batch, 2, n): the
sorted order, and each block's end at the block's first position (-1 at position 0: the row is undefined, NaN).
`reference` computes the same with PyTorch alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch

from paper_lessons.soft_sort.kernels import blocks as kernels_blocks
from paper_lessons.soft_sort.kernels import isotonic as kernels_isotonic
from paper_lessons.soft_sort.kernels import kl as kernels_kl
from paper_lessons.soft_sort.kernels import mask as kernels_mask
from paper_lessons.soft_sort.kernels import order as kernels_order
from paper_lessons.soft_sort.kernels import rank as kernels_rank
from paper_lessons.soft_sort.kernels import sort as kernels_sort
from paper_lessons.soft_sort.kernels.threads import for_row_chunks

if TYPE_CHECKING:
    from torch import Tensor

# elements that are sorted and pooled in one go: their keys stay in the cache between the steps
CHUNK = 65_536
# NumPy's vectorized sort wins on shorter rows, radix sort on longer ones
SHORTEST_RADIX = 400
# radix sort takes wide digits where their counts are few beside the keys, and all of it fits the cache
WIDE_DIGITS = range(1500, 200_000)

_ALL_ONES = {4: np.uint32(0xFFFFFFFF), 8: np.uint64(0xFFFFFFFFFFFFFFFF)}
_NO_ONES = {4: np.uint32(0), 8: np.uint64(0)}


def project(operator: str, x: Tensor, strength: float, descending: bool) -> tuple[Tensor, ...]:
    """(result, blocks) of an l2 operator or isotonic_l2; (result, blocks, weights) of sort_kl.

    Of the masked sorts NaN are no values: 0 stands for them at the end of the row.
    """
    rows = _rows(x)
    outputs = [np.empty_like(rows), np.empty((rows.shape[0], 2, rows.shape[1]), np.int32)]
    if operator.startswith("sort_kl"):
        outputs.append(np.empty_like(rows))
    for_row_chunks(_OPERATORS[operator], (strength, descending), (rows, *outputs))
    return _tensors(x, *outputs)


def isotonic_kl(s: Tensor, w: Tensor) -> tuple[Tensor, ...]:
    """Non-increasing entropic fit, its blocks, and each block's softmax of s and of w."""
    rows = _rows(s)
    out, blocks = np.empty_like(rows), np.empty((rows.shape[0], 2, rows.shape[1]), np.int32)
    softmaxes = np.empty_like(rows), np.empty_like(rows)
    arrays = (rows, _rows(w), out, blocks, *softmaxes)
    for_row_chunks(kernels_isotonic.isotonic_kl, (), arrays)
    return _tensors(s, out, blocks, *softmaxes)


def project_masked(
    operator: str, x: Tensor, mask: Tensor, strength: float, descending: bool, merging: float
) -> tuple[Tensor, Tensor | None, Tensor | None] | None:
    """(result, blocks or None, weights or None) of an operator among real places, or None where it takes more care.

    Without blocks the real values of each row are one block. `merging` is a distance beyond which nothing merges.
    """
    rows, real = _rows(x), _rows(mask)
    sign = -1.0 if descending else 1.0
    out = np.empty_like(rows)
    linear = operator == "rank_l2" and strength > 0.0
    if linear and kernels_mask.one_block(rows, real, strength, sign, out):
        return _tensors(x, out)[0], None, None
    outputs = [out, np.empty((rows.shape[0], 2, rows.shape[1]), np.int32)]
    if operator == "sort_kl":
        outputs.append(np.empty_like(rows))
    sound: list[bool] = []
    work = _sort_some if operator.startswith("sort") else _rank_some
    options = operator, strength, descending, merging, sound
    for_row_chunks(work, options, (rows, real, *outputs))
    if not all(sound):
        return None
    result, blocks, *weights = _tensors(x, *outputs)
    return result, blocks, weights[0] if weights else None


def _sort_some(operator, strength, descending, _, sound, x, mask, *outputs):
    nan = np.copysign(x.dtype.type(np.nan), -1 if descending else 1)
    for part in _some_rows(x):
        prepared = np.empty_like(x[part])
        if not kernels_mask.pad(x[part], mask[part], nan, prepared):
            sound.append(False)
            return
        some = [array[part] for array in outputs]
        _OPERATORS[operator](strength, descending, prepared, *some, masked=True)


def _rank_some(operator, strength, descending, merging, sound, x, mask, out, blocks):
    kind, sign = np.finfo(x.dtype), -1.0 if descending else 1.0
    bits = x.view(np.int32 if x.itemsize == 4 else np.int64)
    tolerance = merging, 2.0**8 * float(kind.eps), float(kind.tiny)
    for part in _some_rows(x):
        prepared = np.empty_like(x[part])
        if not kernels_mask.lift(x[part], bits[part], mask[part], sign, *tolerance, prepared):
            sound.append(False)
            return
        _OPERATORS[operator](strength, False, prepared, out[part], blocks[part])
    kernels_mask.release(mask, out, blocks)


def _some_rows(x: np.ndarray) -> list[slice]:
    step = max(1, CHUNK // x.shape[1])
    return [slice(first, first + step) for first in range(0, x.shape[0], step)]


def masked_map(name: str, scale: float, g: Tensor, mask: Tensor, *kept: Tensor) -> Tensor:
    """As `block_map`, 0 at masked places; without `kept`, of rows whose real values are one block."""
    real = _rows(mask)
    if not kept:
        out = np.empty_like(_rows(g))
        kernels_mask.center(scale, _rows(g), real, out)
        return _tensors(g, out)[0]
    result = block_map(name, scale, g, *kept)
    kernels_mask.clear(real, _rows(result))
    return result


def block_map(name: str, scale: float, g: Tensor, *kept: Tensor) -> Tensor:
    """`scale` times the map of that name, applied to g; `kept` is (blocks,) or (weights, blocks)."""
    rows = _rows(g)
    *weights, blocks = kept
    ends = blocks.numpy().reshape(rows.shape[0], 2, rows.shape[1])
    arrays = (rows, *(_rows(one) for one in weights), ends, np.empty_like(rows))
    for_row_chunks(getattr(kernels_blocks, name), (scale,), arrays)
    return _tensors(g, arrays[-1])[0]


def compile_all() -> None:
    """Call every kernel once in each dtype."""
    for dtype in (torch.float32, torch.float64):
        values = torch.linspace(0.0, 1.0, SHORTEST_RADIX, dtype=dtype)[None]
        for operator in _OPERATORS:
            project(operator, values[:, :2], 1e-3, False)  # short rows have keys of their own
            blocks = project(operator, values, 1e-3, False)[1]
        isotonic_kl(values, values)
        real = values > 0.5
        for name, strength in (("rank_l2", 1e-3), ("rank_l2", 1e3), ("sort_l2", 1e-3)):
            found = project_masked(name, values, real, strength, False, 1.0)
            assert found is not None
            kept = () if found[1] is None else (found[1],)
            masked_map("center", 1.0, values, real, *kept)
        for name in ("center", "average", "spread"):
            block_map(name, 1.0, values, blocks)
            block_map(f"{name}_weighted", 1.0, values, values, blocks)


def _rank_l2(strength, descending, x, out, blocks):
    sign = -1.0 if descending else 1.0
    bits = x.view(np.int32 if x.itemsize == 4 else np.int64)
    pending = np.empty(x.shape[0], np.bool_)
    count = kernels_rank.rank_l2_linear(x, bits, strength, sign, out, blocks, pending)
    if count == x.shape[0]:
        _sort_and_pool(kernels_rank.rank_l2, (strength,), descending, x, blocks, out)
    elif count > 0:
        x = x[pending]
        some_out, some_blocks = np.empty_like(x), np.empty((count, *blocks.shape[1:]), np.int32)
        _sort_and_pool(kernels_rank.rank_l2, (strength,), descending, x, some_blocks, some_out)
        out[pending], blocks[pending] = some_out, some_blocks


def _rank_kl(strength, descending, x, out, blocks):
    _sort_and_pool(kernels_kl.rank_kl, (strength,), descending, x, blocks, out)


def _sort_l2(strength, descending, x, out, blocks, masked=False):
    options = (strength, 1.0 if descending else -1.0, masked)
    _sort_and_pool(kernels_sort.sort_l2, options, not descending, x, blocks, out)


def _sort_kl(strength, descending, x, out, blocks, weights, masked=False):
    options = (strength, 1.0 if descending else -1.0, masked)
    _sort_and_pool(kernels_kl.sort_kl, options, not descending, x, blocks, out, weights)


def _sort_l2_masked(strength, descending, x, out, blocks):
    _sort_l2(strength, descending, _nan_last(x, descending), out, blocks, masked=True)


def _sort_kl_masked(strength, descending, x, out, blocks, weights):
    _sort_kl(strength, descending, _nan_last(x, descending), out, blocks, weights, masked=True)


def _nan_last(x: np.ndarray, descending: bool) -> np.ndarray:
    # keys go by bits: a NaN with a sign is below all numbers, one without above them
    nan = np.copysign(x.dtype.type(np.nan), -1 if descending else 1)
    return np.where(np.isnan(x), nan, x)


def _isotonic_l2(strength, descending, y, out, blocks):
    kernels_isotonic.isotonic_l2(y, out, blocks)


_OPERATORS: dict[str, Callable[..., None]] = {
    "rank_l2": _rank_l2,
    "rank_kl": _rank_kl,
    "sort_l2": _sort_l2,
    "sort_kl": _sort_kl,
    "sort_l2_masked": _sort_l2_masked,
    "sort_kl_masked": _sort_kl_masked,
    "isotonic_l2": _isotonic_l2,
}


def _sort_and_pool(pool, options, negate, x, blocks, out, *weights):
    """Call `pool(theta, *options, out, blocks, *weights)` on some rows at a time; theta is x, or -x, in descending order."""
    rows, n = x.shape
    step = max(1, CHUNK // n)
    if rows > step:
        for first in range(0, rows, step):
            some = [array[first : first + step] for array in (x, blocks, out, *weights)]
            _sort_and_pool(pool, options, negate, *some)
        return
    theta = _sorted(negate, x, blocks)
    pool(theta, *options, out, blocks, *weights)


def _sorted(negate: bool, x: np.ndarray, blocks: np.ndarray) -> np.ndarray:
    flip, sign = (_NO_ONES[x.itemsize], -1.0) if negate else (_ALL_ONES[x.itemsize], 1.0)
    position_bits = max(1, (x.shape[1] - 1).bit_length())
    if x.itemsize == 4 and x.shape[1] < SHORTEST_RADIX:
        short, theta = np.empty(x.shape, np.uint32), np.empty(x.shape)
        kernels_order.pack_short_float32(x.view(np.uint32), flip, position_bits, short)
        short.sort(axis=-1)
        kernels_order.unpack_short_float32(x, short, position_bits, sign, theta, blocks)
        return theta
    keys = np.empty(x.shape, np.uint64)
    theta = keys.view(np.float64)  # the values overwrite the keys they are read from
    if x.itemsize == 4:
        kernels_order.pack_float32(x.view(np.uint32), flip, keys)
        _sort_keys(keys, 32)
        kernels_order.unpack_float32(keys, flip, sign, theta, blocks)
    else:
        kernels_order.pack_float64(x.view(np.uint64), flip, position_bits, keys)
        _sort_keys(keys, position_bits)
        kernels_order.unpack_float64(x, keys, position_bits, sign, theta, blocks)
    return theta


def _sort_keys(keys: np.ndarray, position_bits: int) -> None:
    n = keys.shape[1]
    if n < SHORTEST_RADIX:
        keys.sort(axis=-1)
    else:
        kernels_order.radix_sort(keys, position_bits, 11 if n in WIDE_DIGITS else 8)


def _rows(tensor: Tensor) -> np.ndarray:
    array = tensor.detach().numpy()
    return array if array.ndim == 2 else array.reshape(-1, array.shape[-1])


def _tensors(like: Tensor, *outputs: np.ndarray) -> tuple[Tensor, ...]:
    """The outputs as tensors, whose rows form the batch that `like` has."""
    if like.dim() != 2:
        # reshaped by NumPy: PyTorch forbids in-place changes of what it sees as a view
        outputs = tuple(one.reshape(*like.shape[:-1], *one.shape[1:]) for one in outputs)
    return tuple(map(torch.from_numpy, outputs))
