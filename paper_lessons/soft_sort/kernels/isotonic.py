"""Numba kernels of isotonic regression: the best non-increasing fits of a row, by pooling adjacent violators."""

import math

import numpy as np

from paper_lessons.soft_sort.kernels.jit import kernel


@kernel
def isotonic_l2(y, out, blocks):
    """Least squares: a block's value is its mean; neighbours merge when S1 c2 <= S2 c1."""
    n = y.shape[1]
    starts = np.empty(n, np.int32)
    sums = np.empty(n)
    for row in range(y.shape[0]):
        values, result, order, ends = y[row], out[row], blocks[row, 0], blocks[row, 1]
        count = 0
        defined = True
        for i in range(n):
            order[i] = i
            a, total = i, float(values[i])
            defined = defined and not math.isnan(total)
            while count > 0:
                below = starts[count - 1]
                if sums[count - 1] * (i + 1 - a) > total * (a - below):
                    break
                count -= 1
                total += sums[count]
                a = below
            starts[count] = a
            sums[count] = total
            count += 1
        if not defined:
            result[:] = np.nan
            ends[0] = -1
            continue
        for k in range(count):
            a = starts[k]
            e = starts[k + 1] if k + 1 < count else n
            ends[a] = e
            if e == a + 1:
                result[a] = values[a]
            else:
                result[a:e] = sums[k] / (e - a)


@kernel
def isotonic_kl(s, w, out, blocks, s_weights, w_weights):
    """Entropic: a block's value is LSE(s) - LSE(w). Also writes both softmaxes, for the derivative."""
    n = s.shape[1]
    starts = np.empty(n, np.int32)
    s_logs = np.empty(n)
    w_logs = np.empty(n)
    for row in range(s.shape[0]):
        order, ends = blocks[row, 0], blocks[row, 1]
        count = 0
        defined = True
        for i in range(n):
            order[i] = i
            a, s_log, w_log = i, float(s[row, i]), float(w[row, i])
            defined = defined and math.isfinite(s_log) and math.isfinite(w_log)
            while count > 0 and s_logs[count - 1] - w_logs[count - 1] <= s_log - w_log:
                count -= 1
                s_log = _log_add(s_logs[count], s_log)
                w_log = _log_add(w_logs[count], w_log)
                a = starts[count]
            starts[count] = a
            s_logs[count] = s_log
            w_logs[count] = w_log
            count += 1
        if not defined:
            out[row, :] = np.nan
            ends[0] = -1
            continue
        for k in range(count):
            a = starts[k]
            e = starts[k + 1] if k + 1 < count else n
            ends[a] = e
            for i in range(a, e):
                out[row, i] = s_logs[k] - w_logs[k]
                s_weights[row, i] = math.exp(s[row, i] - s_logs[k])
                w_weights[row, i] = math.exp(w[row, i] - w_logs[k])


@kernel
def _log_add(a, b):
    return max(a, b) + math.log1p(math.exp(-abs(a - b)))
