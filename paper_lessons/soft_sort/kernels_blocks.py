"""Numba kernels of the derivatives: sums over blocks, O(n), with no sort and no exponential.

`blocks` (rows, 2, n) holds the sorted order and, at each block's first position, its end; an end of
-1 at position 0 marks a row without a defined result, whose derivative is NaN. "Input order" is the
order of the values that came in, "sorted order" that of the sorted ones.
"""

import numpy as np

from paper_lessons.soft_sort.jit import kernel, summing_kernel


@summing_kernel
def _sum(values):
    total = 0.0
    for i in range(values.size):
        total += values[i]
    return total


@summing_kernel
def _dot(values, weights):
    total = 0.0
    for i in range(values.size):
        total += np.float64(values[i]) * weights[i]
    return total


@kernel
def center(scale, g, blocks, out):
    """Subtract each block's mean: the (symmetric) Jacobian of the l2 rank. Input order."""
    n = g.shape[1]
    gathered = np.empty(n)
    for row in range(g.shape[0]):
        source, target, order, ends = g[row], out[row], blocks[row, 0], blocks[row, 1]
        a = 0
        if ends[0] < 0:
            target[:] = np.nan
            a = n
        elif ends[0] == n and n > 1:  # a row of one block may come without its order
            mean = _sum(source) / n
            for i in range(n):
                target[i] = (source[i] - mean) * scale
            a = n
        while a < n:
            e = ends[a]
            if e == a + 1:
                target[order[a]] = 0.0
                a += 1  # not a = e: the next step need not wait for what was read
                continue
            mean = 0.0
            for i in range(a, e):
                gathered[i] = source[order[i]]
                mean += gathered[i]
            mean /= e - a
            for i in range(a, e):
                target[order[i]] = (gathered[i] - mean) * scale
            a = e


@kernel
def center_weighted(scale, g, ranks, blocks, out):
    """r (g - sum(g r)/sum(r)) within blocks: the (symmetric) Jacobian of the kl rank. Input order."""
    n = g.shape[1]
    gathered, weights = np.empty(n), np.empty(n)
    for row in range(g.shape[0]):
        source, target, order, ends = g[row], out[row], blocks[row, 0], blocks[row, 1]
        a = 0
        if ends[0] < 0:
            target[:] = np.nan
            a = n
        elif ends[0] == n and n > 1:
            mean = _dot(source, ranks[row]) / (0.5 * n * (n + 1))
            for i in range(n):
                target[i] = ranks[row, i] * (source[i] - mean) * scale
            a = n
        while a < n:
            e = ends[a]
            if e == a + 1:
                target[order[a]] = 0.0
                a += 1
                continue
            mean = 0.0
            for i in range(a, e):
                gathered[i], weights[i] = source[order[i]], ranks[row, order[i]]
                mean += gathered[i] * weights[i]
            mean /= (e - a) * (n - 0.5 * (a + e - 1))
            for i in range(a, e):
                target[order[i]] = weights[i] * (gathered[i] - mean) * scale
            a = e


@kernel
def average(scale, t, blocks, out):
    """Input order -> sorted order, then each block's mean: the Jacobian of the l2 sort."""
    n = t.shape[1]
    for row in range(t.shape[0]):
        source, target, order, ends = t[row], out[row], blocks[row, 0], blocks[row, 1]
        a = 0
        if ends[0] < 0:
            target[:] = np.nan
            a = n
        while a < n:
            e = ends[a]
            if e == a + 1:
                target[a] = source[order[a]] * scale
                a += 1
                continue
            mean = 0.0
            for i in range(a, e):
                mean += source[order[i]]
            target[a:e] = mean * scale / (e - a)
            a = e


@kernel
def spread(scale, g, blocks, out):
    """Each block's mean, sorted order -> input order: the transpose of `average`."""
    n = g.shape[1]
    for row in range(g.shape[0]):
        source, target, order, ends = g[row], out[row], blocks[row, 0], blocks[row, 1]
        a = 0
        if ends[0] < 0:
            target[:] = np.nan
            a = n
        while a < n:
            e = ends[a]
            if e == a + 1:
                target[order[a]] = source[a] * scale
                a += 1
                continue
            mean = 0.0
            for i in range(a, e):
                mean += source[i]
            mean *= scale / (e - a)
            for i in range(a, e):
                target[order[i]] = mean
            a = e


@kernel
def average_weighted(scale, t, weights, blocks, out):
    """Input order -> sorted order, then each block's weighted mean: the Jacobian of the kl sort."""
    n = t.shape[1]
    for row in range(t.shape[0]):
        source, target, order, ends = t[row], out[row], blocks[row, 0], blocks[row, 1]
        a = 0
        if ends[0] < 0:
            target[:] = np.nan
            a = n
        while a < n:
            e = ends[a]
            if e == a + 1:
                target[a] = source[order[a]] * scale
                a += 1
                continue
            mean = 0.0
            for i in range(a, e):
                mean += np.float64(weights[row, i]) * source[order[i]]
            target[a:e] = mean * scale
            a = e


@kernel
def spread_weighted(scale, g, weights, blocks, out):
    """Each block's sum, shared out by weight, sorted order -> input order: transpose of `average_weighted`."""
    n = g.shape[1]
    for row in range(g.shape[0]):
        source, target, order, ends = g[row], out[row], blocks[row, 0], blocks[row, 1]
        a = 0
        if ends[0] < 0:
            target[:] = np.nan
            a = n
        while a < n:
            e = ends[a]
            if e == a + 1:
                target[order[a]] = source[a] * scale
                a += 1
                continue
            total = 0.0
            for i in range(a, e):
                total += source[i]
            total *= scale
            for i in range(a, e):
                target[order[i]] = weights[row, i] * total
            a = e
