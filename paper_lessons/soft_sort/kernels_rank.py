"""Numba kernels of the soft ranks: pool the sorted row into blocks, then write each block's ranks.

All kernels read `theta` (rows, n), sorted descending in float64, and write `out` (rows, n) in the input's
order. `blocks` (rows, 2, n) is what the derivatives need: the order, and at each block's first
position the position after its last. A block [a, e) holds the weights n-a, ..., n-e+1, whose mean
is n - (a+e-1)/2: an exact number that needs no sum.
"""

import math

import numpy as np

from paper_lessons.soft_sort.jit import kernel, summing_kernel

# exp(-600) is far from underflow even after a product with n^2, so one shift serves a whole row
WIDEST_ROW = 600.0


@kernel
def _has_undefined_ranks(theta, bounded):
    """NaN anywhere, or infinities that tie; a NaN stands at one of the two ends after sorting."""
    n = theta.size
    first, last = theta[0], theta[n - 1]
    if math.isnan(first) or math.isnan(last):
        return True
    if bounded and (math.isinf(first) or math.isinf(last)):
        return True
    return n > 1 and (
        (math.isinf(first) and theta[1] == first) or (math.isinf(last) and theta[n - 2] == last)
    )


@kernel
def rank_l2_linear(x, bits, strength, sign, out, blocks, pending):
    """Finish the rows that need no sorting, because their ranks are linear. Counts and marks the others.

    A row is one block when 2 (m_i - m)/(n - i) <= strength for all i < n, where m_i is the mean of its i largest values
    and m of all. Now m_i - m is at most max - m, and at most (m - min)(n - i)/i; so the left side
    never exceeds 2 (max - min)/n. (`bits` is x seen as integers.)
    """
    rows, n = x.shape
    count = 0
    factor = sign / strength if strength > 0.0 else 0.0
    ends = np.empty(2, bits.dtype)
    for row in range(rows):
        values, result = x[row], out[row]
        # comparisons of integers vectorize; those of floats do not, on account of NaN
        low = high = _ordered(bits[row, 0], bits.itemsize)
        for i in range(n):
            k = _ordered(bits[row, i], bits.itemsize)
            low = min(low, k)
            high = max(high, k)
        ends[0], ends[1] = _ordered(low, bits.itemsize), _ordered(high, bits.itemsize)
        smallest, largest = ends.view(x.dtype)
        spread = np.float64(largest) - np.float64(smallest)
        pending[row] = n == 1 or not (2.0 * spread <= strength * n and spread < math.inf)
        if pending[row]:
            count += 1
            continue
        blocks[row, 1, 0] = n
        reference = np.float64(values[0])
        mean = _sum_from(values, reference) / n
        for i in range(n):
            result[i] = 0.5 * (n + 1) + ((values[i] - reference) - mean) * factor
    return count


@kernel
def _ordered(k, itemsize):
    """An integer that compares as the float with these bits does; its own inverse."""
    return k ^ ((k >> 63) & 0x7FFFFFFFFFFFFFFF) if itemsize == 8 else k ^ ((k >> 31) & 0x7FFFFFFF)


@summing_kernel
def _sum_from(values, reference):
    total = 0.0
    for i in range(values.size):
        total += values[i] - reference
    return total


@kernel
def rank_l2(theta, strength, out, blocks):
    n = theta.shape[1]
    starts = np.empty(n, np.int32)
    sums = np.empty(n)
    inverse = 1.0 / strength if strength > 0.0 else 0.0
    for row in range(theta.shape[0]):
        values, result, order, ends = theta[row], out[row], blocks[row, 0], blocks[row, 1]
        if _has_undefined_ranks(values, math.isinf(strength)) and (
            strength > 0.0 or math.isnan(values[0]) or math.isnan(values[n - 1])
        ):
            result[:] = np.nan
            ends[0] = -1
            continue
        count = _pool_rank_l2(values, strength, starts, sums)
        for k in range(count):
            a = starts[k]
            e = starts[k + 1] if k + 1 < count else n
            ends[a] = e
            mean_weight = n - 0.5 * (a + e - 1)
            if e == a + 1 or inverse == 0.0:
                for i in range(a, e):
                    result[order[i]] = mean_weight
                continue
            # relative to the block's own first value: ties come out equal, offsets cancel exactly
            reference, mean = values[a], 0.0
            for i in range(a, e):
                mean += values[i] - reference
            mean /= e - a
            for i in range(a, e):
                result[order[i]] = mean_weight + ((values[i] - reference) - mean) * inverse


@kernel
def _pool_rank_l2(theta, strength, starts, sums):
    """Blocks of the l2 rank: their starts, and how many there are.

    Neighbours with sums S1, S2 and sizes c1, c2 merge when mean(theta/strength - rho) does not fall from the
    first to the second. The means of rho differ by exactly (c1 + c2)/2, so the test, multiplied by
    2 strength c1 c2, is 2 (S1 c2 - S2 c1) <= strength c1 c2 (c1 + c2): no division, and theta/strength
    is never subtracted from n.
    """
    # large, close values keep their digits in the sums
    shift = theta[theta.size // 2]
    if not math.isfinite(shift):
        shift = 0.0
    count = 0  # closed blocks; the open one starts at a
    a, size, total = 0, 1.0, theta[0] - shift
    for i in range(1, theta.size):
        value = theta[i] - shift
        # ties share a block whatever the rounding of their sums
        if theta[i] != theta[i - 1] and 2.0 * (total - value * size) > strength * size * (
            size + 1.0
        ):
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
            if 2.0 * (sums[count - 1] * size - total * c1) > strength * c1 * size * (c1 + size):
                break
            count -= 1
            total += sums[count]
            size += c1
            a = below
    starts[count] = a
    return count + 1


@kernel
def rank_kl(theta, strength, out, blocks):
    n = theta.shape[1]
    starts = np.empty(n, np.int32)
    sums = np.empty(n)
    exponentials = np.empty(n)
    inverse = 1.0 / strength
    for row in range(theta.shape[0]):
        values, result, order, ends = theta[row], out[row], blocks[row, 0], blocks[row, 1]
        if _has_undefined_ranks(values, inverse == 0.0):
            result[:] = np.nan
            ends[0] = -1
            continue
        narrow = (values[0] - values[n - 1]) * inverse < WIDEST_ROW
        if narrow:
            for i in range(n):
                exponentials[i] = math.exp((values[i] - values[0]) * inverse)
            count = _pool_rank_kl_narrow(exponentials, starts, sums)
        else:
            count = _pool_rank_kl(values, inverse, starts, sums)
        for k in range(count):
            a = starts[k]
            e = starts[k + 1] if k + 1 < count else n
            ends[a] = e
            weight = (e - a) * (n - 0.5 * (a + e - 1))
            if e == a + 1:
                result[order[a]] = weight
            elif narrow:
                factor = weight / sums[k]
                for i in range(a, e):
                    result[order[i]] = exponentials[i] * factor
            else:
                factor = weight / sums[k]
                for i in range(a, e):
                    result[order[i]] = math.exp((values[i] - values[a]) * inverse) * factor


@kernel
def _pool_rank_kl_narrow(exponentials, starts, sums):
    """Blocks of the kl rank from E = exp(theta/strength), shifted once for the row.

    A block's value is log(Y/W), Y its sum of E and W its sum of weights (an integer). Neighbours merge
    when log(Y1/W1) <= log(Y2/W2), that is Y1 W2 <= Y2 W1: no logarithm, no division.
    """
    n = exponentials.size
    count = 0
    for i in range(n):
        a, total, weight = i, exponentials[i], float(n - i)
        while count > 0:
            below = starts[count - 1]
            weight_below = (a - below) * (n - 0.5 * (below + a - 1))
            if sums[count - 1] * weight > total * weight_below:
                break
            count -= 1
            total += sums[count]
            weight += weight_below
            a = below
        starts[count] = a
        sums[count] = total
        count += 1
    return count


@kernel
def _pool_rank_kl(theta, inverse, starts, sums):
    """As `_pool_rank_kl_narrow` for rows of any range: each block is shifted by its own first value.

    r <= 1 carries the second block's sum to the first one's shift, so nothing can overflow, and
    what underflows is too small to merge.
    """
    n = theta.size
    count = 0
    for i in range(n):
        a, total, weight = i, 1.0, float(n - i)
        while count > 0:
            below = starts[count - 1]
            weight_below = (a - below) * (n - 0.5 * (below + a - 1))
            r = math.exp((theta[a] - theta[below]) * inverse)
            if sums[count - 1] * weight > r * total * weight_below:
                break
            count -= 1
            total = sums[count] + r * total
            weight += weight_below
            a = below
        starts[count] = a
        sums[count] = total
        count += 1
    return count
