"""Numba kernels that prepare padded rows and clean up after them: one pass each.

`masking` does the same with PyTorch alone, where values may not be looked at (transforms, compilation) and on other devices.
"""

import math

import numpy as np

from paper_lessons.soft_sort.kernels.jit import kernel, summing_kernel


@kernel
def lift(x, bits, mask, sign, merging, relative, tiny, out):
    """Write sign * x, and at masked places a value that no block shares with a real one.

    Returns False, with `out` unfinished, where a row has no largest finite real value. (`bits` is x seen as integers:
    their comparisons vectorize, and tell NaN.)
    """
    kind = bits.dtype.type
    ends = np.empty(2, bits.dtype)
    floats = ends.view(x.dtype)
    for row in range(x.shape[0]):
        real, target = mask[row], out[row]
        low, high = np.iinfo(bits.dtype).max, np.iinfo(bits.dtype).min
        for i in range(real.size):
            k = kind(_ordered(bits[row, i], bits.itemsize))
            low = min(low, k if real[i] else kind(np.iinfo(bits.dtype).max))
            high = max(high, k if real[i] else kind(np.iinfo(bits.dtype).min))
        ends[0], ends[1] = _ordered(low, bits.itemsize), _ordered(high, bits.itemsize)
        top = floats[1] if sign > 0.0 else -floats[0]
        if not (math.isfinite(top) and floats[0] == floats[0] and floats[1] == floats[1]):
            return False
        fill = top + (merging + relative * abs(top) + tiny)
        for i in range(real.size):
            target[i] = sign * x[row, i] if real[i] else fill
    return True


@kernel
def _ordered(k, itemsize):
    """An integer that compares as the float with these bits does; its own inverse."""
    return k ^ ((k >> 63) & 0x7FFFFFFFFFFFFFFF) if itemsize == 8 else k ^ ((k >> 31) & 0x7FFFFFFF)


@kernel
def pad(x, mask, nan, out):
    """Write x, and NaN at masked places. Returns False where a real value is NaN."""
    sound = True
    for row in range(x.shape[0]):
        source, real, target = x[row], mask[row], out[row]
        for i in range(source.size):
            target[i] = source[i] if real[i] else nan
            sound &= (source[i] == source[i]) | (not real[i])
    return sound


@kernel
def release(mask, out, blocks):
    """Write 0 at masked places, which were lifted above all others, and let each be a block of its own: derivatives pass them by."""
    for row in range(out.shape[0]):
        real, target, ends = mask[row], out[row], blocks[row, 1]
        count = 0
        for i in range(target.size):
            target[i] = target[i] if real[i] else 0.0
            count += not real[i]
        if ends[0] > 0:
            for i in range(count):
                ends[i] = i + 1


@kernel
def clear(mask, out):
    """Write 0 at masked places."""
    for row in range(out.shape[0]):
        real, target = mask[row], out[row]
        for i in range(target.size):
            target[i] = target[i] if real[i] else 0.0


@kernel
def one_block(x, mask, strength, sign, out):
    """Write the l2 ranks if the real values of every row are one block, in which ranks are linear; else return False.

    The test is that of `rank.rank_l2_linear`.
    """
    for row in range(x.shape[0]):
        source, real = x[row], mask[row]
        low, top, count = np.inf, -np.inf, 0
        for i in range(source.size):
            if real[i]:
                low, top, count = min(low, source[i]), max(top, source[i]), count + 1
        if count == 0 or not (2.0 * (top - low) <= strength * count):
            return False
        mean, factor = _sum_real(source, real, top) / count, sign / strength
        for i in range(source.size):
            value = 0.5 * (count + 1) + ((source[i] - top) - mean) * factor
            out[row, i] = value if real[i] else 0.0
    return True


@kernel
def center(scale, g, mask, out):
    """Subtract the mean over the real places: the derivative of `one_block`."""
    for row in range(g.shape[0]):
        source, real, target = g[row], mask[row], out[row]
        count = 0
        for i in range(source.size):
            count += real[i]
        mean = _sum_real(source, real, 0.0) / max(count, 1)
        for i in range(source.size):
            target[i] = scale * (source[i] - mean) if real[i] else 0.0


@summing_kernel
def _sum_real(values, real, reference):
    total = 0.0
    for i in range(values.size):
        total += (values[i] - reference) if real[i] else 0.0
    return total
