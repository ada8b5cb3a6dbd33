"""Numba kernels of the quadratic soft sort. Arguments, runs and the stack of blocks are those of `rank`."""

import math

import numpy as np

from paper_lessons.soft_sort.kernels.jit import kernel, summing_kernel


@kernel
def sort_l2(theta, strength, sign, masked, out, blocks):
    """Write soft sorted values; `sign` = -1 turns the descending sort of -x into the ascending sort of x.

    With `masked` the NaN that end a row are no values: 0 is written there.
    """
    n = theta.shape[1]
    close, turns = np.zeros(n + 1, np.uint8), np.empty(n + 1, np.int32)
    starts, stops, sums = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n)
    inverse = 1.0 / strength if strength > 0.0 else 0.0
    for row in range(theta.shape[0]):
        result, ends = out[row], blocks[row, 1]
        m = real_values(theta[row]) if masked else n
        for i in range(m, n):
            result[i] = 0.0
        for i in range(n):
            ends[i] = i + 1
        if m == 0:
            continue
        values = theta[row, :m]
        first, last = values[0], values[m - 1]
        # an infinite value would drag the others along, unless the sort is hard
        if (
            math.isnan(first)
            or math.isnan(last)
            or (strength > 0.0 and (math.isinf(first) or math.isinf(last)))
        ):
            for i in range(m):
                result[i] = np.nan
            ends[0] = -1
            continue
        for i in range(m):
            result[i] = sign * values[i]
        close[m] = 0
        count = _pool_sort_l2(values, strength, close[: m + 1], turns, starts, stops, sums)
        for k in range(count):
            a, e = starts[k], stops[k]
            ends[a] = e
            reference = values[a]
            mean = reference + _sum_from(values[a:e], reference) / (e - a)
            middle = 0.5 * (a + e - 1)
            for i in range(a, e):
                result[i] = sign * (mean + (middle - i) * inverse)


@kernel
def real_values(theta):
    """How many values stand before the NaN at the end."""
    m = theta.size
    while m > 0 and math.isnan(theta[m - 1]):
        m -= 1
    return m


@kernel
def _pool_sort_l2(theta, strength, close, turns, starts, stops, sums):
    """Blocks of the l2 sort; returns how many are on the stack.

    Here rho/strength is projected and theta is the corner, so the block value is mean(rho)/strength - mean(theta):
    the test of the l2 rank with the roles exchanged, 2 strength (S1 c2 - S2 c1) >= c1 c2 (c1 + c2).
    For two single values it is strength (theta1 - theta2) >= 1.
    """
    n = theta.size
    merging = 0
    for i in range(1, n):
        close[i] = strength * (theta[i - 1] - theta[i]) >= 1.0
        merging += close[i]
    if merging == 0:
        return 0
    _list_runs(close, turns)
    shift = theta[n // 2]
    count, run = 0, 0
    while turns[run] < n:
        a, i = turns[run] - 1, turns[run + 1]
        total, size = _sum_from(theta[a:i], shift), float(i - a)
        growing = True
        while growing:
            while i < n:
                value = theta[i] - shift
                rise = 2.0 * strength * (total - value * size)
                # both tests, always: one branch is easier to foresee than two
                if not (close[i] | (rise >= size * (size + 1.0))):
                    break
                total += value
                size += 1.0
                i += 1
            growing = False
            while a > 0:
                stacked = count > 0 and stops[count - 1] == a
                if stacked:
                    below, total_below = starts[count - 1], sums[count - 1]
                else:
                    below, total_below = a - 1, theta[a - 1] - shift
                c1 = float(a - below)
                rise = 2.0 * strength * (total_below * size - total * c1)
                if rise < c1 * size * (c1 + size):
                    break
                total += total_below
                size += c1
                a = below
                count -= stacked
                growing = True
        starts[count], stops[count], sums[count] = a, i, total
        count += 1
        while turns[run] <= i:
            run += 2
    return count


@kernel
def _list_runs(close, turns):
    """`close` (n + 1 bytes) marks the values that are close to the one before; the first and last entry are no values: 0."""
    count = 0
    for i in range(1, close.size):
        turns[count] = i
        count += close[i] ^ close[i - 1]
    turns[count] = close.size


@summing_kernel
def _sum_from(values, reference):
    total = 0.0
    for i in range(values.size):
        total += values[i] - reference
    return total
