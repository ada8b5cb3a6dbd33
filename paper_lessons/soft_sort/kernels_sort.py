"""Numba kernels of the soft sorts: pool the sorted row into blocks, then write each block's values.

As in `kernels_rank`, `theta` (rows, n) is sorted descending in float64 and `blocks` (rows, 2, n) receives each
block's end at its start. The projected vector is (n, ..., 1)/strength, the permutahedron's corner is theta;
`sign` = -1 turns the descending sort of -x into the ascending sort of x.
"""

import math

import numpy as np

from paper_lessons.soft_sort.jit import kernel


@kernel
def _has_undefined_sort(theta, strength):
    """NaN anywhere; an infinity too, unless the sort is hard: it would drag the others along."""
    first, last = theta[0], theta[theta.size - 1]
    if math.isnan(first) or math.isnan(last):
        return True
    return strength > 0.0 and (math.isinf(first) or math.isinf(last))


@kernel
def sort_l2(theta, strength, sign, out, blocks):
    n = theta.shape[1]
    starts = np.empty(n, np.int32)
    sums = np.empty(n)
    inverse = 1.0 / strength if strength > 0.0 else 0.0
    for row in range(theta.shape[0]):
        values, result, ends = theta[row], out[row], blocks[row, 1]
        if _has_undefined_sort(values, strength):
            result[:] = np.nan
            ends[0] = -1
            continue
        count = _pool_sort_l2(values, strength, starts, sums)
        for k in range(count):
            a = starts[k]
            e = starts[k + 1] if k + 1 < count else n
            ends[a] = e
            if e == a + 1:
                result[a] = sign * values[a]
                continue
            reference, mean = values[a], 0.0
            for i in range(a, e):
                mean += values[i] - reference
            mean = reference + mean / (e - a)
            middle = 0.5 * (a + e - 1)
            for i in range(a, e):
                result[i] = sign * (mean + (middle - i) * inverse)


@kernel
def _pool_sort_l2(theta, strength, starts, sums):
    """Blocks of the l2 sort: their starts, and how many there are.

    Here rho/strength is projected and theta is the corner, so the block value is mean(rho)/strength - mean(theta):
    the test of the l2 rank with the roles exchanged, 2 strength (S1 c2 - S2 c1) >= c1 c2 (c1 + c2).
    """
    # large, close values keep their digits in the sums
    shift = theta[theta.size // 2]
    count = 0  # closed blocks; the open one starts at a
    a, size, total = 0, 1.0, theta[0] - shift
    for i in range(1, theta.size):
        value = theta[i] - shift
        if strength == 0.0 or 2.0 * strength * (total - value * size) < size * (size + 1.0):
            starts[count] = a
            sums[count] = total
            count += 1
            a, size, total = i, 1.0, value
            continue
        total += value
        size += 1.0
        while count > 0:
            below = starts[count - 1]
            c1 = float(a - below)
            rise = 2.0 * strength * (sums[count - 1] * size - total * c1)
            if rise < c1 * size * (c1 + size):
                break
            count -= 1
            total += sums[count]
            size += c1
            a = below
    starts[count] = a
    return count + 1


@kernel
def sort_kl(theta, strength, sign, out, blocks, weights):
    """Also writes `weights` (rows, n), each block's softmax of theta: the derivative needs it."""
    n = theta.shape[1]
    starts = np.empty(n, np.int32)
    sums = np.empty(n)
    inverse = 1.0 / strength
    geometric = _geometric_sums(n, inverse)
    for row in range(theta.shape[0]):
        values, result, ends, softmax = theta[row], out[row], blocks[row, 1], weights[row]
        if _has_undefined_sort(values, strength):
            result[:] = np.nan
            ends[0] = -1
            continue
        count = _pool_sort_kl(values, inverse, geometric, starts, sums)
        for k in range(count):
            a = starts[k]
            e = starts[k + 1] if k + 1 < count else n
            ends[a] = e
            if e == a + 1:
                result[a] = sign * values[a]
                softmax[a] = 1.0
                continue
            # log-sum-exp of theta minus that of rho/strength, plus rho/strength: rho_a cancels
            top = values[a] + math.log(sums[k] / geometric[e - a])
            for i in range(a, e):
                result[i] = sign * (top - (i - a) * inverse)
                softmax[i] = math.exp(values[i] - values[a]) / sums[k]


@kernel
def _geometric_sums(n, inverse):
    """G(k) = 1 + q + ... + q^(k-1) for q = exp(-inverse), k = 0..n."""
    sums = np.empty(n + 1)
    scale = math.expm1(-inverse)
    for k in range(n + 1):
        sums[k] = math.expm1(-k * inverse) / scale if scale != 0.0 else float(k)
    return sums


@kernel
def _pool_sort_kl(theta, inverse, geometric, starts, sums):
    """Blocks of the kl sort: their starts, and T = sum of exp(theta - theta_first) for each.

    The block value is LSE(rho/strength) - LSE(theta). rho falls by one from each place to the next, so for
    neighbours that start at a1, a2 the test reads, with G the geometric sums and d = theta_a1 - theta_a2
    - (a2 - a1)/strength, exp(d) T1 G2 >= T2 G1. Every T and G lies between 1 and n, an overflow of
    exp(d) means "merge" and an underflow "leave", both rightly.
    """
    count = 0
    for i in range(theta.size):
        a, total = i, 1.0
        while count > 0:
            below = starts[count - 1]
            gap = theta[below] - theta[a]
            d = gap - (a - below) * inverse
            if i == below + 1:
                if d < 0.0:
                    break
            elif (
                math.exp(d) * sums[count - 1] * geometric[i + 1 - a] < total * geometric[a - below]
            ):
                break
            count -= 1
            total = sums[count] + total * math.exp(-gap)
            a = below
        starts[count] = a
        sums[count] = total
        count += 1
    return count
