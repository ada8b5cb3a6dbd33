"""Numba kernels that put each row in descending order and remember where every value came from.

NumPy sorts unsigned integers much faster than it computes an argsort of floats. So a float and its position become one
64-bit key: the float's bits, mapped so that integers compare as the floats do, above the position.
Keys of float32 are exact (32 + 32 bits). Keys of float64 lose the lowest bits of the value to the
position; `unpack_float64` puts the few neighbours right that the shortened keys could not tell apart. So do
short keys of float32, of 32 bits in all, for rows whose positions take few of them.
"""

import numpy as np

from paper_lessons.soft_sort.kernels.jit import kernel

TOP32 = np.uint32(0x80000000)
TOP64 = np.uint64(0x8000000000000000)


@kernel
def pack_float32(bits, flip, keys):
    """Keys of (rows, n) float bits; `flip` is all ones for descending order of x, zero for -x."""
    for row in range(bits.shape[0]):
        for i in range(bits.shape[1]):
            k = bits[row, i]
            if k == TOP32:  # -0.0 ties with 0.0
                k = np.uint32(0)
            # negative floats compare backwards as integers: flip all their bits, else only the sign
            negative = np.uint32(np.uint32(0) - np.uint32(k >> np.uint32(31)))
            k = np.uint32(k ^ np.uint32(negative | TOP32) ^ flip)
            keys[row, i] = (np.uint64(k) << np.uint64(32)) | np.uint64(i)


@kernel
def unpack_float32(keys, flip, sign, theta, blocks):
    """Write sign * x, now in descending order, and the positions. `theta` may share memory with `keys`."""
    # a loop vectorizes when it writes to memory that it does not read
    bits = np.empty(keys.shape[1], np.uint32)
    floats = bits.view(np.float32)
    for row in range(keys.shape[0]):
        source, values, order = keys[row], theta[row], blocks[row, 0]
        for i in range(source.size):
            key = source[i]
            order[i] = np.int32(key & np.uint64(0xFFFFFFFF))
            k = np.uint32(np.uint32(key >> np.uint64(32)) ^ flip)
            positive_or_all = np.uint32(np.uint32(k >> np.uint32(31)) - np.uint32(1))
            bits[i] = np.uint32(k ^ np.uint32(positive_or_all | TOP32))
        for i in range(values.size):
            values[i] = sign * np.float64(floats[i])


@kernel
def radix_sort(keys, position_bits, digit_bits):
    """Sort each row of keys, stably, by the 32 highest bits in which the row differs.

    That is exact for packed float32. Of packed float64 it leaves to `unpack_float64` what agrees in these bits.
    One pass moves all keys by one digit, from the lowest: four digits of 8 bits, or three of 11.
    """
    n = keys.shape[1]
    size = 1 << digit_bits
    mask = np.uint64(size - 1)
    scratch = np.empty(n, np.uint64)
    # four arrays, not one of two dimensions: their addresses then stay in registers
    c0, c1, c2 = np.empty(size, np.uint32), np.empty(size, np.uint32), np.empty(size, np.uint32)
    c3 = np.empty(size, np.uint32)
    counts = (c0, c1, c2, c3)
    one = np.uint32(1)
    for row in range(keys.shape[0]):
        source, target = keys[row], scratch
        varying = np.uint64(0)
        for i in range(n):
            varying |= source[i] ^ source[0]
        top = 64
        while top > position_bits and not varying >> np.uint64(top - 1):
            top -= 1
        low = max(top - 32, position_bits)
        passes = (top - low + digit_bits - 1) // digit_bits

        for count in counts:
            count[:] = 0
        s0, s1 = np.uint64(low), np.uint64(low + digit_bits)
        s2, s3 = np.uint64(low + 2 * digit_bits), np.uint64(low + 3 * digit_bits)
        for i in range(n):
            k = source[i]
            c0[(k >> s0) & mask] += one
            c1[(k >> s1) & mask] += one
            c2[(k >> s2) & mask] += one
            if digit_bits == 8:
                c3[(k >> s3) & mask] += one
        for digit in range(passes):
            _move_by_digit(source, target, counts[digit], np.uint64(low + digit * digit_bits))
            source, target = target, source
        if passes % 2:
            target[:] = source


@kernel
def _move_by_digit(source, target, counts, shift):
    mask = np.uint64(counts.size - 1)
    total = np.uint32(0)
    for d in range(counts.size):
        here = counts[d]
        counts[d] = total
        total += here
    for i in range(source.size):
        k = source[i]
        d = (k >> shift) & mask
        place = counts[d]
        counts[d] = place + np.uint32(1)
        target[place] = k


@kernel
def pack_short_float32(bits, flip, position_bits, keys):
    """Keys of half the width, which sort more than twice as fast; `unpack_short_float32` needs the same `position_bits`.

    What is kept of a value is its distance, in steps of float32, from the row's first one: exactly if
    that leaves `position_bits` of 32 bits free, else without its lowest bits.
    """
    highest, infinity = np.uint32(0xFFFFFFFF), np.uint32(0x7F800000)
    for row in range(bits.shape[0]):
        source, target = bits[row], keys[row]
        low, high = highest, np.uint32(0)
        for i in range(source.size):
            k = source[i]
            if k == TOP32:  # -0.0 ties with 0.0
                k = np.uint32(0)
            if np.uint32(k & np.uint32(0x7FFFFFFF)) > infinity:  # NaN, far enough from infinity
                k = np.uint32(k | np.uint32(0x00400000))
            negative = np.uint32(np.uint32(0) - np.uint32(k >> np.uint32(31)))
            k = np.uint32(k ^ np.uint32(negative | TOP32) ^ flip)
            target[i] = k
            low, high = min(low, k), max(high, k)
        shift = np.uint32(0)
        while np.uint32(high - low) >> shift > highest >> np.uint32(position_bits):
            shift = np.uint32(shift + np.uint32(1))
        for i in range(target.size):
            k = np.uint32(np.uint32(target[i] - low) >> shift)
            target[i] = np.uint32(np.uint32(k << np.uint32(position_bits)) | np.uint32(i))


@kernel
def pack_float64(bits, flip, position_bits, keys):
    """As `pack_float32`, with the lowest `position_bits` of the value given up to the position."""
    kept = np.uint64(0xFFFFFFFFFFFFFFFF) << np.uint64(position_bits)
    for row in range(bits.shape[0]):
        for i in range(bits.shape[1]):
            k = bits[row, i]
            if k == TOP64:
                k = np.uint64(0)
            negative = np.uint64(np.uint64(0) - np.uint64(k >> np.uint64(63)))
            k = k ^ (negative | TOP64) ^ flip
            keys[row, i] = (k & kept) | np.uint64(i)


@kernel
def unpack_float64(x, keys, position_bits, sign, theta, blocks):
    """As `unpack_float32`; values come from `x`, because the keys have lost their lowest bits."""
    _unpack_rounded(x, keys, np.uint64((1 << position_bits) - 1), sign, theta, blocks)


@kernel
def unpack_short_float32(x, keys, position_bits, sign, theta, blocks):
    """As `unpack_float64`. `theta` must have memory of its own."""
    _unpack_rounded(x, keys, np.uint32((1 << position_bits) - 1), sign, theta, blocks)


@kernel
def _unpack_rounded(x, keys, mask, sign, theta, blocks):
    for row in range(keys.shape[0]):
        source, values, order = keys[row], theta[row], blocks[row, 0]
        for i in range(source.size):
            order[i] = np.int32(source[i] & mask)
        for i in range(values.size):
            values[i] = sign * x[row, np.uint32(order[i])]
        rises = 0
        for i in range(1, values.size):
            rises += values[i] > values[i - 1]
        if rises > 0:
            _repair(values, order)


@kernel
def _repair(values, order):
    """Insertion sort, which is linear on nearly sorted rows; a merge sort when it is not."""
    budget = 8 * values.size
    for i in range(1, values.size):
        value, position = values[i], order[i]
        j = i
        while j > 0 and values[j - 1] < value:
            values[j], order[j] = values[j - 1], order[j - 1]
            j -= 1
        values[j], order[j] = value, position
        budget -= i - j
        if budget < 0:
            _merge_sort(values, order)
            return


@kernel
def _merge_sort(values, order):
    n = values.size
    source, source_order = values.copy(), order.copy()
    target, target_order = np.empty_like(values), np.empty_like(order)
    width = 1
    while width < n:
        for low in range(0, n, 2 * width):
            middle, high = min(low + width, n), min(low + 2 * width, n)
            left, right = low, middle
            for k in range(low, high):
                if left < middle and (right >= high or source[left] >= source[right]):
                    target[k], target_order[k] = source[left], source_order[left]
                    left += 1
                else:
                    target[k], target_order[k] = source[right], source_order[right]
                    right += 1
        source, target = target, source
        source_order, target_order = target_order, source_order
        width *= 2
    values[:] = source
    order[:] = source_order
