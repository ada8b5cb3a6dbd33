"""Wrong answers to exercise 2."""
# ruff: noqa: F811, F821


# %% merges once and never looks back
# loses: pav-five pav-look-back pav-steps pav-hidden-random pav-hidden-steps
# says: After a merge, does your loop look back again?
def pav(y):
    blocks = []
    for value in y.tolist():
        total, count = value, 1
        if blocks and blocks[-1][0] / blocks[-1][1] <= total / count:
            previous, size = blocks.pop()
            total, count = total + previous, count + size
        blocks.append((total, count))
    return torch.tensor([total / count for total, count in blocks for _ in range(count)])


# %% the mean of two means, whatever their sizes
# loses: pav-five pav-look-back pav-steps pav-hidden-random pav-hidden-steps
# says: A block of two and a block of one: does each number in them count the same?
def pav(y):
    blocks = []
    for value in y.tolist():
        mean, count = value, 1
        while blocks and blocks[-1][0] <= mean:
            previous, size = blocks.pop()
            mean, count = (mean + previous) / 2, count + size
        blocks.append((mean, count))
    return torch.tensor([mean for mean, count in blocks for _ in range(count)])


# %% the non-decreasing fit
# loses: pav-five pav-look-back pav-steps pav-hidden-random pav-hidden-falling pav-hidden-steps
# says: Which of two neighbours is out of order: the one that rises, or the one that falls?
def pav(y):
    blocks = []
    for value in y.tolist():
        total, count = value, 1
        while blocks and blocks[-1][0] / blocks[-1][1] >= total / count:
            previous, size = blocks.pop()
            total, count = total + previous, count + size
        blocks.append((total, count))
    return torch.tensor([total / count for total, count in blocks for _ in range(count)])


# %% one mean for each block
# loses: pav-five pav-look-back pav-steps pav-hidden-random pav-hidden-steps
# says: One mean for each block came back.
def pav(y):
    blocks = []
    for value in y.tolist():
        total, count = value, 1
        while blocks and blocks[-1][0] / blocks[-1][1] <= total / count:
            previous, size = blocks.pop()
            total, count = total + previous, count + size
        blocks.append((total, count))
    return torch.tensor([total / count for total, count in blocks])


# %% begins again after every merge: right, in n squared steps
# loses: pav-steps pav-hidden-steps
def pav(y):
    blocks = [(value, 1) for value in y.tolist()]
    merged = True
    while merged:
        merged = False
        for i in range(len(blocks) - 1):
            (left, n), (right, m) = blocks[i], blocks[i + 1]
            if left / n <= right / m:
                blocks[i : i + 2] = [(left + right, n + m)]
                merged = True
                break
    return torch.tensor([total / count for total, count in blocks for _ in range(count)])


# %% sweeps over all blocks until nothing changes: right, in n squared steps
# loses: pav-steps pav-hidden-steps
def pav(y):
    blocks = [(value, 1) for value in y.tolist()]
    while True:
        swept = []
        for block in blocks:
            if swept and swept[-1][0] / swept[-1][1] <= block[0] / block[1]:
                swept[-1] = (swept[-1][0] + block[0], swept[-1][1] + block[1])
            else:
                swept.append(block)
        if len(swept) == len(blocks):
            return torch.tensor([total / count for total, count in blocks for _ in range(count)])
        blocks = swept


# %% the slow formula again
# loses: pav-steps pav-hidden-steps
def pav(y):
    n = len(y)
    fit = torch.empty_like(y)
    for i in range(n):
        best = float("inf")
        for j in range(i + 1):
            best = min(best, max(float(y[j : k + 1].mean()) for k in range(i, n)))
        fit[i] = best
    return fit
