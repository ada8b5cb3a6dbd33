"""Numba kernels of the quadratic soft rank: pool the sorted row into blocks, then write each block's ranks.

`theta` (rows, n) is sorted descending, in float64. `blocks` (rows, 2, n) holds the order and receives the blocks: at each block's
first position, the position after its last. (-1 at position 0 marks a row without a result.)
The weights n, ..., 1 of a block [a, e) have the mean n - (a+e-1)/2: an exact number that needs no sum.

Two neighbours that would merge on their own are in one block at the end, whatever else merges. So pooling starts from runs of
such neighbours, which are found without a branch that a processor could guess wrongly, and only then lets blocks grow.
`turns` holds the runs: the second position of one, the position after its last, and so on. Blocks of more than one value stand on
a stack of `starts`, `stops` and `sums`; all other blocks are single values and leave no trace.
"""

import math

import numpy as np

from paper_lessons.soft_sort.kernels.jit import kernel, summing_kernel


@kernel
def rank_l2(theta, strength, out, blocks):
    """Write soft ranks in the order of the input."""
    n = theta.shape[1]
    close, turns = np.zeros(n + 1, np.uint8), np.empty(n + 1, np.int32)
    starts, stops, sums = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n)
    inverse = 1.0 / strength if strength > 0.0 else 0.0
    for row in range(theta.shape[0]):
        values, result, order, ends = theta[row], out[row], blocks[row, 0], blocks[row, 1]
        if _has_undefined_ranks(values, strength):
            result[:] = np.nan
            ends[0] = -1
            continue
        count = _pool_rank_l2(values, strength, close, turns, starts, stops, sums)
        for i in range(n):
            ends[i] = i + 1
        done = 0
        for k in range(count):
            a, e = starts[k], stops[k]
            ends[a] = e
            for i in range(done, a):
                result[np.uint32(order[i])] = n - i
            done = e
            mean_weight = n - 0.5 * (a + e - 1)
            if inverse == 0.0:
                for i in range(a, e):
                    result[np.uint32(order[i])] = mean_weight
            else:
                # relative to the block's own first value: ties come out equal, offsets cancel exactly
                reference = values[a]
                mean = _sum_from(values[a:e], reference) / (e - a)
                for i in range(a, e):
                    result[np.uint32(order[i])] = (
                        mean_weight + ((values[i] - reference) - mean) * inverse
                    )
        for i in range(done, n):
            result[np.uint32(order[i])] = n - i


@kernel
def _has_undefined_ranks(theta, strength):
    """NaN anywhere; infinities that tie, unless the ranks are hard. Sorting put both at the ends."""
    n = theta.size
    first, last = theta[0], theta[n - 1]
    if math.isnan(first) or math.isnan(last):
        return True
    if strength == 0.0 or not (math.isinf(first) or math.isinf(last)):
        return False
    return (
        math.isinf(strength)
        or (n > 1 and math.isinf(first) and theta[1] == first)
        or (n > 1 and math.isinf(last) and theta[n - 2] == last)
    )


@kernel
def _pool_rank_l2(theta, strength, close, turns, starts, stops, sums):
    """Blocks of the l2 rank; returns how many are on the stack.

    Neighbours with sums S1, S2 and sizes c1, c2 merge when
    mean(theta/strength - rho) does not fall from the first to the second.
    The means of rho differ by exactly (c1 + c2)/2, so the test, multiplied
    by 2 strength c1 c2, is 2 (S1 c2 - S2 c1) <= strength c1 c2 (c1 + c2):
    no division, and theta/strength is never subtracted from n. For two
    single values it is theta1 - theta2 <= strength.
    """
    n = theta.size
    for i in range(1, n):
        # ties are close, also those of infinities, whose difference is NaN
        close[i] = not theta[i - 1] - theta[i] > strength
    _list_runs(close, turns)
    # large, close values keep their digits in the sums
    shift = theta[n // 2] if math.isfinite(theta[n // 2]) else 0.0
    count, run = 0, 0
    while turns[run] < n:
        a, i = turns[run] - 1, turns[run + 1]
        total, size = _sum_from(theta[a:i], shift), float(i - a)
        growing = strength > 0.0  # hard ranks pool nothing but ties
        while growing:
            while i < n:
                value = theta[i] - shift
                rise = 2.0 * (total - value * size)
                # both tests: one branch is easier to foresee than two
                if not (close[i] | (rise <= strength * size * (size + 1.0))):
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
                rise = 2.0 * (total_below * size - total * c1)
                if rise > strength * c1 * size * (c1 + size):
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


@kernel
def rank_l2_linear(x, bits, strength, sign, out, blocks, pending):
    """Finish the rows that need no sorting, because their ranks are linear. Mark and count the others.

    A row is one block when 2 (m_i - m)/(n - i) <= strength for all i < n, where m_i is the mean of its i largest values
    and m of all. Now m_i - m is at most max - m, and at most (m - min)(n - i)/i; so the left side
    never exceeds 2 (max - min)/n. (`bits` is x seen as integers. The order of a finished row stays unwritten.)
    """
    rows, n = x.shape
    count = 0
    factor = sign / strength if strength > 0.0 else 0.0
    kind = bits.dtype.type  # Numba computes with 64 bits; half as many go twice as fast
    ends = np.empty(2, bits.dtype)
    for row in range(rows):
        values, result = x[row], out[row]
        # comparisons of integers vectorize; those of floats do not, on account of NaN
        low = high = kind(_ordered(bits[row, 0], bits.itemsize))
        for i in range(n):
            k = kind(_ordered(bits[row, i], bits.itemsize))
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
