"""Numba kernels of the entropic operators: pool the sorted row into blocks, then write each block's values.

Arguments and the bookkeeping of blocks are those of `kernels_rank`. No test needs a logarithm: block values are logarithms of
ratios of sums, and ratios are compared by products.
"""

import math

import numpy as np

from paper_lessons.soft_sort.jit import kernel

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
    # Taylor's series about 0, |r| <= log(2)/2: the first term left out is below 1e-17
    p = 1.0 / 6227020800.0
    p = p * r + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    # times 2^k: k goes to the exponent's bits
    bits = np.float64(p).view(np.int64) + (np.float64(t).view(np.int64) << 52)
    return np.int64(bits).view(np.float64)


@kernel
def rank_kl(theta, strength, out, blocks):
    """Write soft ranks in the order of the input: each block's sum of weights, shared out by softmax."""
    n = theta.shape[1]
    sums = np.empty(n)
    firsts = np.empty(n, np.int32)
    exponentials = np.empty(n)
    inverse = 1.0 / strength
    for row in range(theta.shape[0]):
        values, result, order, ends = theta[row], out[row], blocks[row, 0], blocks[row, 1]
        if _has_undefined_ranks(values, inverse):
            result[:] = np.nan
            ends[0] = -1
            continue
        for i in range(n):
            ends[i] = i + 1
        for i in range(n):
            firsts[i] = i
        narrow = (values[0] - values[n - 1]) * inverse < WIDEST_ROW
        if narrow:
            for i in range(n):
                exponentials[i] = exp_nonpositive((values[i] - values[0]) * inverse)
            _pool_narrow_rank(exponentials, sums, firsts, ends)
        else:
            _pool_wide_rank(values, inverse, sums, firsts, ends)
        a = 0
        while a < n:
            e = ends[a]
            if e == a + 1:
                result[order[a]] = n - a
                a += 1
                continue
            if not narrow:
                for i in range(a, e):
                    exponentials[i] = exp_nonpositive((values[i] - values[a]) * inverse)
            factor = (e - a) * (n - 0.5 * (a + e - 1)) / sums[a]
            for i in range(a, e):
                result[order[i]] = exponentials[i] * factor
            a = e


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
def _pool_narrow_rank(exponentials, sums, firsts, ends):
    """Blocks of the kl rank from E = exp(theta/strength), shifted once for the row.

    A block's value is log(Y/W), Y its sum of E and W its sum of weights (an integer). Neighbours merge
    when log(Y1/W1) <= log(Y2/W2), that is Y1 W2 <= Y2 W1: no logarithm, no division.
    """
    n = exponentials.size
    for i in range(n):
        sums[i] = exponentials[i]
    i = 1
    while i < n:
        if exponentials[i - 1] * (n - i) > exponentials[i] * (n - i + 1):
            i += 1
            continue
        a, total, weight = i - 1, exponentials[i - 1], float(n - i + 1)
        while i < n:
            if total * (n - i) > exponentials[i] * weight:
                break
            total += exponentials[i]
            weight += n - i
            i += 1
            while a > 0:
                below = firsts[a - 1]
                weight_below = (a - below) * (n - 0.5 * (below + a - 1))
                if sums[below] * weight > total * weight_below:
                    break
                total += sums[below]
                weight += weight_below
                a = below
        ends[a] = i
        firsts[i - 1] = a
        sums[a] = total
        i += 1


@kernel
def _pool_wide_rank(theta, inverse, sums, firsts, ends):
    """As `_pool_narrow_rank` for rows of any range: each block is shifted by its own first value.

    r <= 1 carries the second block's sum to the first one's shift, so nothing can overflow, and
    what underflows is too small to merge.
    """
    n = theta.size
    for i in range(n):
        sums[i] = 1.0
    i = 1
    while i < n:
        # exp(-d) <= 1/(1 + d), so two single values with d > 1/rho stay apart: no exponential
        if (theta[i - 1] - theta[i]) * inverse * (n - i) > 1.0:
            i += 1
            continue
        a, total, weight = i - 1, 1.0, float(n - i + 1)
        while i < n:
            r = exp_nonpositive((theta[i] - theta[a]) * inverse)
            if total * (n - i) > r * weight:
                break
            total += r
            weight += n - i
            i += 1
            while a > 0:
                below = firsts[a - 1]
                weight_below = (a - below) * (n - 0.5 * (below + a - 1))
                r = exp_nonpositive((theta[a] - theta[below]) * inverse)
                if sums[below] * weight > r * total * weight_below:
                    break
                total = sums[below] + r * total
                weight += weight_below
                a = below
        ends[a] = i
        firsts[i - 1] = a
        sums[a] = total
        i += 1


@kernel
def sort_kl(theta, strength, sign, out, blocks, weights):
    """Write soft sorted values, and to `weights` each block's softmax, which the derivative needs."""
    n = theta.shape[1]
    sums = np.empty(n)
    firsts = np.empty(n, np.int32)
    exponentials = np.empty(n)
    inverse = 1.0 / strength
    powers, geometric = _geometric_sums(n, inverse)
    for row in range(theta.shape[0]):
        values, result, ends, softmax = theta[row], out[row], blocks[row, 1], weights[row]
        # NaN and infinities stand at the ends; an infinite value would drag the others along
        if not (math.isfinite(values[0]) and math.isfinite(values[n - 1])):
            result[:] = np.nan
            ends[0] = -1
            continue
        for i in range(n):
            result[i] = sign * values[i]
        for i in range(n):
            softmax[i] = 1.0
        for i in range(n):
            ends[i] = i + 1
        for i in range(n):
            firsts[i] = i
        narrow = values[0] - values[n - 1] < WIDEST_ROW
        if narrow:
            for i in range(n):
                exponentials[i] = exp_nonpositive(values[i] - values[0])
            _pool_narrow_sort(values, exponentials, inverse, powers, geometric, sums, firsts, ends)
        else:
            _pool_wide_sort(values, inverse, geometric, sums, firsts, ends)
        a = 0
        while a < n:
            e = ends[a]
            if e == a + 1:
                a += 1
                continue
            reference = values[0] if narrow else values[a]
            if not narrow:
                for i in range(a, e):
                    exponentials[i] = exp_nonpositive(values[i] - reference)
            # log-sum-exp of theta minus that of rho/strength, plus rho/strength: rho_a cancels
            top = reference + math.log(sums[a] / geometric[e - a])
            factor = 1.0 / sums[a]
            for i in range(a, e):
                result[i] = sign * (top - (i - a) * inverse)
            for i in range(a, e):
                softmax[i] = exponentials[i] * factor
            a = e


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
def _pool_narrow_sort(theta, exponentials, inverse, powers, geometric, sums, firsts, ends):
    """Blocks of the kl sort from E = exp(theta), shifted once for the row.

    A block's value is LSE(rho/strength) - LSE(theta). rho falls by one from place to place; so with T the block's sum of E and
    G(c) the geometric sum, neighbours merge when T1 G(c2) q^c1 >= T2 G(c1). Two single values: theta1 - theta2
    >= 1/strength. A q^c1 that underflows is too small to merge, for T1/T2 is at most n exp(600).
    """
    n = theta.size
    for i in range(n):
        sums[i] = exponentials[i]
    i = 1
    while i < n:
        if theta[i - 1] - theta[i] < inverse:
            i += 1
            continue
        a, total = i - 1, exponentials[i - 1]
        while i < n:
            size = i - a
            if total * powers[size] < exponentials[i] * geometric[size]:
                break
            total += exponentials[i]
            i += 1
            while a > 0:
                below = firsts[a - 1]
                c1, c2 = a - below, i - a
                if sums[below] * geometric[c2] * powers[c1] < total * geometric[c1]:
                    break
                total += sums[below]
                a = below
        ends[a] = i
        firsts[i - 1] = a
        sums[a] = total
        i += 1


@kernel
def _pool_wide_sort(theta, inverse, geometric, sums, firsts, ends):
    """As `_pool_narrow_sort` for rows of any range: each block is shifted by its own first value.

    With d = theta_a1 - theta_a2 - c1/strength the test reads exp(d) T1 G(c2) >= T2 G(c1). Every T and G lies between 1 and n; an
    overflow of exp(d) means "merge" and an underflow "leave", both rightly.
    """
    n = theta.size
    for i in range(n):
        sums[i] = 1.0
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
                below = firsts[a - 1]
                c1, c2 = a - below, i - a
                gap = theta[below] - theta[a]
                test = math.exp(gap - c1 * inverse) * sums[below] * geometric[c2]
                if test < total * geometric[c1]:
                    break
                total = sums[below] + total * exp_nonpositive(-gap)
                a = below
        ends[a] = i
        firsts[i - 1] = a
        sums[a] = total
        i += 1
