"""Numba kernels of the derivatives: sums over blocks, O(n), with no sort and no exponential.

`blocks` (rows, 2, n) holds the sorted order and, at each block's first position, its end; an end of
-1 at position 0 marks a row without a defined result, whose derivative is NaN. "Input order" is the
order of the values that came in, "sorted order" that of the sorted ones.

Single values come first, all of them and without a branch, then the blocks of more. Where those start stands in `ends` among
remnants of pooling inside them; so `_list_blocks` lists all entries that may be the end of a larger block, and who goes through
the list skips what lies before the end of the last block. (Indices are made unsigned where numba would
look whether they are negative and count from the end.)
"""

import numpy as np

from paper_lessons.soft_sort.kernels.jit import kernel, summing_kernel


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
def _list_blocks(ends, starts):
    """Candidates for the first positions of blocks of more than one value; returns how many."""
    pooled = 0
    for i in range(ends.size):
        pooled |= ends[i] ^ (i + 1)
    if pooled == 0:  # often so, and known sooner than a list
        return 0
    count = 0
    for i in range(ends.size):
        starts[count] = i
        count += ends[i] != i + 1
    return count


@kernel
def center(scale, g, blocks, out):
    """Subtract each block's mean: the (symmetric) Jacobian of the l2 rank. Input order."""
    n = g.shape[1]
    starts = np.empty(n, np.int32)
    gathered = np.empty(n)
    for row in range(g.shape[0]):
        source, target, order, ends = g[row], out[row], blocks[row, 0], blocks[row, 1]
        if ends[0] < 0:
            target[:] = np.nan
            continue
        if ends[0] == n and n > 1:  # a row of one block may come without its order
            mean = _sum(source) / n
            for i in range(n):
                target[i] = (source[i] - mean) * scale
            continue
        target[:] = 0.0
        done = 0
        for k in range(_list_blocks(ends, starts)):
            a = starts[k]
            if a < done:
                continue
            done = ends[a]
            size = done - a
            for i in range(size):
                gathered[i] = source[np.uint32(order[np.uint32(a + i)])]
            mean = _sum(gathered[:size]) / size
            for i in range(size):
                target[np.uint32(order[np.uint32(a + i)])] = (gathered[i] - mean) * scale


@kernel
def center_weighted(scale, g, ranks, blocks, out):
    """r (g - sum(g r)/sum(r)) within blocks: the (symmetric) Jacobian of the kl rank. Input order."""
    n = g.shape[1]
    starts = np.empty(n, np.int32)
    gathered, weights = np.empty(n), np.empty(n)
    for row in range(g.shape[0]):
        source, target, order, ends = g[row], out[row], blocks[row, 0], blocks[row, 1]
        if ends[0] < 0:
            target[:] = np.nan
            continue
        if ends[0] == n and n > 1:
            mean = _dot(source, ranks[row]) / (0.5 * n * (n + 1))
            for i in range(n):
                target[i] = ranks[row, i] * (source[i] - mean) * scale
            continue
        target[:] = 0.0
        done = 0
        for k in range(_list_blocks(ends, starts)):
            a = starts[k]
            if a < done:
                continue
            done = ends[a]
            size = done - a
            mean = 0.0
            for i in range(size):
                j = np.uint32(order[np.uint32(a + i)])
                gathered[i], weights[i] = source[j], ranks[row, j]
                mean += gathered[i] * weights[i]
            mean /= size * (n - 0.5 * (a + done - 1))
            for i in range(size):
                j = np.uint32(order[np.uint32(a + i)])
                target[j] = weights[i] * (gathered[i] - mean) * scale


@kernel
def average(scale, t, blocks, out):
    """Input order -> sorted order, then each block's mean: the Jacobian of the l2 sort."""
    n = t.shape[1]
    starts = np.empty(n, np.int32)
    for row in range(t.shape[0]):
        source, target, order, ends = t[row], out[row], blocks[row, 0], blocks[row, 1]
        if ends[0] < 0:
            target[:] = np.nan
            continue
        for i in range(n):
            target[i] = source[np.uint32(order[i])] * scale
        done = 0
        for k in range(_list_blocks(ends, starts)):
            a = starts[k]
            if a < done:
                continue
            done = ends[a]
            mean = 0.0
            for i in range(a, done):
                mean += source[np.uint32(order[np.uint32(i)])]
            target[a:done] = mean * scale / (done - a)


@kernel
def spread(scale, g, blocks, out):
    """Each block's mean, sorted order -> input order: the transpose of `average`."""
    n = g.shape[1]
    starts = np.empty(n, np.int32)
    for row in range(g.shape[0]):
        source, target, order, ends = g[row], out[row], blocks[row, 0], blocks[row, 1]
        if ends[0] < 0:
            target[:] = np.nan
            continue
        for i in range(n):
            target[np.uint32(order[i])] = source[i] * scale
        done = 0
        for k in range(_list_blocks(ends, starts)):
            a = starts[k]
            if a < done:
                continue
            done = ends[a]
            mean = _sum(source[a:done]) * scale / (done - a)
            for i in range(a, done):
                target[np.uint32(order[np.uint32(i)])] = mean


@kernel
def average_weighted(scale, t, weights, blocks, out):
    """Input order -> sorted order, then each block's weighted mean: the Jacobian of the kl sort."""
    n = t.shape[1]
    starts = np.empty(n, np.int32)
    for row in range(t.shape[0]):
        source, target, order, ends = t[row], out[row], blocks[row, 0], blocks[row, 1]
        if ends[0] < 0:
            target[:] = np.nan
            continue
        for i in range(n):
            target[i] = source[np.uint32(order[i])] * scale
        done = 0
        for k in range(_list_blocks(ends, starts)):
            a = starts[k]
            if a < done:
                continue
            done = ends[a]
            mean = 0.0
            for i in range(a, done):
                mean += np.float64(weights[row, i]) * source[np.uint32(order[np.uint32(i)])]
            target[a:done] = mean * scale


@kernel
def spread_weighted(scale, g, weights, blocks, out):
    """Each block's sum, shared out by weight, sorted order -> input order: transpose of `average_weighted`."""
    n = g.shape[1]
    starts = np.empty(n, np.int32)
    for row in range(g.shape[0]):
        source, target, order, ends = g[row], out[row], blocks[row, 0], blocks[row, 1]
        if ends[0] < 0:
            target[:] = np.nan
            continue
        for i in range(n):
            target[np.uint32(order[i])] = source[i] * scale
        done = 0
        for k in range(_list_blocks(ends, starts)):
            a = starts[k]
            if a < done:
                continue
            done = ends[a]
            total = _sum(source[a:done]) * scale
            for i in range(a, done):
                target[np.uint32(order[np.uint32(i)])] = weights[row, i] * total
