"""Numba kernels of the entropic operators: pool the sorted row into blocks, then write each block's values.

Arguments, runs and the stack of blocks are those of `rank`. No test needs a logarithm: block values are logarithms of
ratios of sums, and ratios are compared by products.
"""

import math

import numpy as np

from paper_lessons.soft_sort.kernels.jit import kernel, summing_kernel

# exp(-600) is far from underflow even after a product with n^2, so one shift serves a whole row
WIDEST_ROW = 600.0

LOG2_E = 1.4426950408889634
# log 2 in two parts: a small integer times the first is exact
LOG_2_HIGH = 6.93147180369123816490e-01
LOG_2_LOW = 1.90821492927058770002e-10
# adding 1.5 * 2^52 rounds to an integer, and leaves it in the lowest bits
ROUNDING = 6755399441055744.0


@kernel
def exp_nonpositive(x):
    """exp(x) for x <= 0, to one unit in the last place; never below exp(-708). Unlike libm's it vectorizes."""
    x = max(x, -708.0)
    t = x * LOG2_E + ROUNDING
    k = t - ROUNDING
    r = (x - k * LOG_2_HIGH) - k * LOG_2_LOW
    p = _exp_near_zero(r)
    # times 2^k: k goes to the exponent's bits
    bits = np.float64(p).view(np.int64) + (np.float64(t).view(np.int64) << 52)
    return np.int64(bits).view(np.float64)


@summing_kernel
def _exp_near_zero(r):
    """Taylor's series, |r| <= log(2)/2: the first term left out is below 1e-17."""
    # sums of sums wait less for each other than Horner's scheme
    r2 = r * r
    r4 = r2 * r2
    low = (1 / 2 + r * (1 / 6)) + r2 * (1 / 24 + r * (1 / 120))
    middle = (1 / 720 + r * (1 / 5040)) + r2 * (1 / 40320 + r * (1 / 362880))
    high = (1 / 3628800 + r * (1 / 39916800)) + r2 * (1 / 479001600 + r * (1 / 6227020800))
    return 1.0 + (r + r2 * (low + r4 * (middle + r4 * high)))


@kernel
def rank_kl(theta, strength, out, blocks):
    """Write soft ranks in the order of the input: each block's sum of weights, shared out by softmax."""
    n = theta.shape[1]
    close, turns = np.zeros(n + 1, np.uint8), np.empty(n + 1, np.int32)
    starts, stops, sums = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n)
    exponentials, weights = np.empty(n), np.empty(n)
    inverse = 1.0 / strength
    for i in range(n):
        weights[i] = n - i
    for row in range(theta.shape[0]):
        values, result, order, ends = theta[row], out[row], blocks[row, 0], blocks[row, 1]
        if _has_undefined_ranks(values, inverse):
            result[:] = np.nan
            ends[0] = -1
            continue
        narrow = (values[0] - values[n - 1]) * inverse < WIDEST_ROW
        if narrow:
            for i in range(n):
                exponentials[i] = exp_nonpositive((values[i] - values[0]) * inverse)
            count = _pool_narrow_rank(exponentials, weights, close, turns, starts, stops, sums)
        else:
            count = _pool_wide_rank(values, weights, inverse, starts, stops, sums)
        for i in range(n):
            ends[i] = i + 1
        for i in range(n):
            result[np.uint32(order[i])] = weights[i]
        for k in range(count):
            a, e = starts[k], stops[k]
            ends[a] = e
            if not narrow:
                for i in range(a, e):
                    exponentials[i] = exp_nonpositive((values[i] - values[a]) * inverse)
            factor = (e - a) * (n - 0.5 * (a + e - 1)) / sums[k]
            for i in range(a, e):
                result[np.uint32(order[i])] = exponentials[i] * factor


@kernel
def _has_undefined_ranks(theta, inverse):
    """NaN anywhere, or infinities that tie. Sorting put both at the ends."""
    n = theta.size
    first, last = theta[0], theta[n - 1]
    if math.isnan(first) or math.isnan(last):
        return True
    if not (math.isinf(first) or math.isinf(last)):
        return False
    return (
        inverse == 0.0
        or (n > 1 and math.isinf(first) and theta[1] == first)
        or (n > 1 and math.isinf(last) and theta[n - 2] == last)
    )


@kernel
def _pool_narrow_rank(exponentials, weights, close, turns, starts, stops, sums):
    """Blocks of the kl rank from E = exp(theta/strength), shifted once for the row.

    A block's value is log(Y/W), Y its sum of E and W its sum of weights (an integer). Neighbours merge
    when log(Y1/W1) <= log(Y2/W2), that is Y1 W2 <= Y2 W1: no logarithm, no division.
    """
    n = exponentials.size
    for i in range(1, n):
        close[i] = exponentials[i - 1] * weights[i] <= exponentials[i] * weights[i - 1]
    _list_runs(close, turns)
    count, run = 0, 0
    while turns[run] < n:
        a, i = turns[run] - 1, turns[run + 1]
        total, weight = _sum(exponentials[a:i]), (i - a) * (n - 0.5 * (a + i - 1))
        growing = True
        while growing:
            # both tests, always: one branch is easier to foresee than two
            while i < n and (close[i] | (total * weights[i] <= exponentials[i] * weight)):
                total += exponentials[i]
                weight += weights[i]
                i += 1
            growing = False
            while a > 0:
                stacked = count > 0 and stops[count - 1] == a
                if stacked:
                    below, total_below = starts[count - 1], sums[count - 1]
                    weight_below = (a - below) * (n - 0.5 * (below + a - 1))
                else:
                    below, total_below, weight_below = a - 1, exponentials[a - 1], weights[a - 1]
                if total_below * weight > total * weight_below:
                    break
                total += total_below
                weight += weight_below
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
def _pool_wide_rank(theta, weights, inverse, starts, stops, sums):
    """As `_pool_narrow_rank` for rows of any range: each block is shifted by its own first value.

    r <= 1 carries the second block's sum to the first one's shift, so nothing can overflow, and
    what underflows is too small to merge.
    """
    n = theta.size
    count = 0
    i = 1
    while i < n:
        # exp(-d) <= 1/(1 + d), so two single values with d > 1/rho stay apart: no exponential
        if (theta[i - 1] - theta[i]) * inverse * weights[i] > 1.0:
            i += 1
            continue
        a, total, weight = i - 1, 1.0, weights[i - 1]
        while i < n:
            r = exp_nonpositive((theta[i] - theta[a]) * inverse)
            if total * weights[i] > r * weight:
                break
            total += r
            weight += weights[i]
            i += 1
            while a > 0:
                stacked = count > 0 and stops[count - 1] == a
                if stacked:
                    below = starts[count - 1]
                    total_below = sums[count - 1]
                    weight_below = (a - below) * (n - 0.5 * (below + a - 1))
                else:
                    below, total_below, weight_below = a - 1, 1.0, weights[a - 1]
                r = exp_nonpositive((theta[a] - theta[below]) * inverse)
                if total_below * weight > r * total * weight_below:
                    break
                total = total_below + r * total
                weight += weight_below
                a = below
                count -= stacked
        if i - a > 1:
            starts[count], stops[count], sums[count] = a, i, total
            count += 1
        i += 1
    return count


@kernel
def sort_kl(theta, strength, sign, masked, out, blocks, weights):
    """Write soft sorted values, and to `weights` each block's softmax, which the derivative needs.

    With `masked` the NaN that end a row are no values: 0 is written there.
    """
    n = theta.shape[1]
    close, turns = np.zeros(n + 1, np.uint8), np.empty(n + 1, np.int32)
    starts, stops, sums = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n)
    exponentials = np.empty(n)
    inverse = 1.0 / strength
    powers, geometric = _geometric_sums(n, inverse)
    for row in range(theta.shape[0]):
        result, ends, softmax = out[row], blocks[row, 1], weights[row]
        m = n
        while masked and m > 0 and math.isnan(theta[row, m - 1]):
            m -= 1
        for i in range(m, n):
            result[i] = 0.0
        for i in range(n):
            softmax[i] = 1.0
        for i in range(n):
            ends[i] = i + 1
        if m == 0:
            continue
        values = theta[row, :m]
        # NaN and infinities stand at the ends; an infinite value would drag the others along
        if not (math.isfinite(values[0]) and math.isfinite(values[m - 1])):
            for i in range(m):
                result[i] = np.nan
            ends[0] = -1
            continue
        for i in range(m):
            result[i] = sign * values[i]
        # most often nothing is pooled, and no exponential is needed
        merging = 0
        for i in range(1, m):
            close[i] = values[i - 1] - values[i] >= inverse
            merging += close[i]
        close[m] = 0
        if merging == 0:
            continue
        narrow = values[0] - values[m - 1] < WIDEST_ROW
        if narrow:
            _list_runs(close[: m + 1], turns)
            for i in range(m):
                exponentials[i] = exp_nonpositive(values[i] - values[0])
            count = _pool_narrow_sort(
                exponentials[:m], powers, geometric, close[: m + 1], turns, starts, stops, sums
            )
        else:
            count = _pool_wide_sort(values, inverse, geometric, starts, stops, sums)
        for k in range(count):
            a, e = starts[k], stops[k]
            ends[a] = e
            reference = values[0] if narrow else values[a]
            if not narrow:
                for i in range(a, e):
                    exponentials[i] = exp_nonpositive(values[i] - reference)
            # log-sum-exp of theta minus that of rho/strength, plus rho/strength: rho_a cancels
            top = reference + math.log(sums[k] / geometric[e - a])
            factor = 1.0 / sums[k]
            for i in range(a, e):
                result[i] = sign * (top - (i - a) * inverse)
            for i in range(a, e):
                softmax[i] = exponentials[i] * factor


@kernel
def _geometric_sums(n, inverse):
    """q^k and G(k) = 1 + q + ... + q^(k-1) for q = exp(-inverse) and k = 0..n."""
    powers, sums = np.empty(n + 1), np.empty(n + 1)
    for k in range(n + 1):
        powers[k] = exp_nonpositive(-k * inverse)
    scale = -math.expm1(-inverse)
    for k in range(n + 1):
        if scale == 0.0:
            sums[k] = k
        elif k * inverse < 0.5:  # 1 - q^k would lose digits
            sums[k] = -math.expm1(-k * inverse) / scale
        else:
            sums[k] = (1.0 - powers[k]) / scale
    return powers, sums


@kernel
def _pool_narrow_sort(exponentials, powers, geometric, close, turns, starts, stops, sums):
    """Blocks of the kl sort from E = exp(theta), shifted once for the row, and from its runs.

    A block's value is LSE(rho/strength) - LSE(theta). rho falls by one from place to place; so with T the block's sum of E and
    G(c) the geometric sum, neighbours merge when T1 G(c2) q^c1 >= T2 G(c1). Two single values: theta1 - theta2
    >= 1/strength. A q^c1 that underflows is too small to merge, for T1/T2 is at most n exp(600).
    """
    n = exponentials.size
    count, run = 0, 0
    while turns[run] < n:
        a, i = turns[run] - 1, turns[run + 1]
        total = _sum(exponentials[a:i])
        growing = True
        while growing:
            # both tests, always: one branch is easier to foresee than two
            while i < n and (
                close[i] | (total * powers[i - a] >= exponentials[i] * geometric[i - a])
            ):
                total += exponentials[i]
                i += 1
            growing = False
            while a > 0:
                stacked = count > 0 and stops[count - 1] == a
                if stacked:
                    below, total_below = starts[count - 1], sums[count - 1]
                else:
                    below, total_below = a - 1, exponentials[a - 1]
                c1, c2 = a - below, i - a
                if total_below * geometric[c2] * powers[c1] < total * geometric[c1]:
                    break
                total += total_below
                a = below
                count -= stacked
                growing = True
        starts[count], stops[count], sums[count] = a, i, total
        count += 1
        while turns[run] <= i:
            run += 2
    return count


@kernel
def _pool_wide_sort(theta, inverse, geometric, starts, stops, sums):
    """As `_pool_narrow_sort` for rows of any range: each block is shifted by its own first value.

    With d = theta_a1 - theta_a2 - c1/strength the test reads exp(d) T1 G(c2) >= T2 G(c1). Every T and G lies between 1 and n; an
    overflow of exp(d) means "merge" and an underflow "leave", both rightly.
    """
    n = theta.size
    count = 0
    i = 1
    while i < n:
        if theta[i - 1] - theta[i] < inverse:
            i += 1
            continue
        a, total = i - 1, 1.0
        while i < n:
            size = i - a
            gap = theta[a] - theta[i]
            # a block that was just opened holds one value, and merges by the test above
            if size > 1 and math.exp(gap - size * inverse) * total < geometric[size]:
                break
            total += exp_nonpositive(-gap)
            i += 1
            while a > 0:
                stacked = count > 0 and stops[count - 1] == a
                if stacked:
                    below, total_below = starts[count - 1], sums[count - 1]
                else:
                    below, total_below = a - 1, 1.0
                c1, c2 = a - below, i - a
                gap = theta[below] - theta[a]
                test = math.exp(gap - c1 * inverse) * total_below * geometric[c2]
                if test < total * geometric[c1]:
                    break
                total = total_below + total * exp_nonpositive(-gap)
                a = below
                count -= stacked
        starts[count], stops[count], sums[count] = a, i, total
        count += 1
        i += 1
    return count


@summing_kernel
def _sum(values):
    total = 0.0
    for i in range(values.size):
        total += values[i]
    return total
