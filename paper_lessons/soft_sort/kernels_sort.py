"""Numba kernels of the quadratic soft sort. Arguments and bookkeeping are those of `kernels_rank`."""

import math

import numpy as np

from paper_lessons.soft_sort.jit import kernel


@kernel
def sort_l2(theta, strength, sign, out, blocks):
    """Write soft sorted values; `sign` = -1 turns the descending sort of -x into the ascending sort of x."""
    n = theta.shape[1]
    sums = np.empty(n)
    firsts = np.empty(n, np.int32)
    inverse = 1.0 / strength if strength > 0.0 else 0.0
    for row in range(theta.shape[0]):
        values, result, ends = theta[row], out[row], blocks[row, 1]
        first, last = values[0], values[n - 1]
        # an infinite value would drag the others along, unless the sort is hard
        if (
            math.isnan(first)
            or math.isnan(last)
            or (strength > 0.0 and (math.isinf(first) or math.isinf(last)))
        ):
            result[:] = np.nan
            ends[0] = -1
            continue
        for i in range(n):
            result[i] = sign * values[i]
        _pool_sort_l2(values, strength, sums, firsts, ends)
        a = 0
        while a < n:
            e = ends[a]
            if e == a + 1:
                a += 1
                continue
            reference, mean = values[a], 0.0
            for i in range(a, e):
                mean += values[i] - reference
            mean = reference + mean / (e - a)
            middle = 0.5 * (a + e - 1)
            for i in range(a, e):
                result[i] = sign * (mean + (middle - i) * inverse)
            a = e


@kernel
def _pool_sort_l2(theta, strength, sums, firsts, ends):
    """Blocks of the l2 sort.

    Here rho/strength is projected and theta is the corner, so the block value is mean(rho)/strength - mean(theta):
    the test of the l2 rank with the roles exchanged, 2 strength (S1 c2 - S2 c1) >= c1 c2 (c1 + c2).
    For two single values it is strength (theta1 - theta2) >= 1.
    """
    n = theta.size
    shift = theta[n // 2]
    for i in range(n):
        ends[i] = i + 1
    for i in range(n):
        firsts[i] = i
    for i in range(n):
        sums[i] = theta[i] - shift
    i = 1 if strength > 0.0 else n
    while i < n:
        if strength * (theta[i - 1] - theta[i]) < 1.0:
            i += 1
            continue
        a, size, total = i - 1, 1.0, sums[i - 1]
        while i < n:
            value = sums[i]
            if 2.0 * strength * (total - value * size) < size * (size + 1.0):
                break
            total += value
            size += 1.0
            i += 1
            while a > 0:
                below = firsts[a - 1]
                c1 = float(a - below)
                rise = 2.0 * strength * (sums[below] * size - total * c1)
                if rise < c1 * size * (c1 + size):
                    break
                total += sums[below]
                size += c1
                a = below
        ends[a] = i
        firsts[i - 1] = a
        sums[a] = total
        i += 1
