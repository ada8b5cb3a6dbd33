"""Wrong answers to exercise 3."""
# ruff: noqa: F811, F821


# %% every hot cell is a box
# loses: peaks-tiny peaks-equal peaks-hidden-random peaks-hidden-ties
# says: What has a peak that its neighbours do not have?
def boxes_of(heat, sizes, offsets, threshold):
    found = []
    for i, j in np.argwhere(heat >= threshold):
        w, h = sizes[:, i, j]
        x, y = j + offsets[0, i, j], i + offsets[1, i, j]
        box = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
        found.append((float(heat[i, j]), *(4 * float(one) for one in box)))
    return sorted(found, key=lambda one: -one[0])


# %% two equal neighbours are two peaks
# loses: peaks-equal peaks-hidden-random peaks-hidden-ties
# says: Which of them counts?
def boxes_of(heat, sizes, offsets, threshold):
    found, padded = [], np.pad(heat, 1)
    for i, j in np.argwhere(heat >= threshold):
        if heat[i, j] == padded[i : i + 3, j : j + 3].max():
            w, h = sizes[:, i, j]
            x, y = j + offsets[0, i, j], i + offsets[1, i, j]
            box = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
            found.append((float(heat[i, j]), *(4 * float(one) for one in box)))
    return sorted(found, key=lambda one: -one[0])


# %% of two equal neighbours none is a peak
# loses: peaks-equal peaks-hidden-random peaks-hidden-ties
# says: Must the first be larger than what comes after it?
def boxes_of(heat, sizes, offsets, threshold):
    found, padded = [], np.pad(heat, 1)
    for i, j in np.argwhere(heat >= threshold):
        around = padded[i : i + 3, j : j + 3].flatten()
        if heat[i, j] > np.delete(around, 4).max():
            w, h = sizes[:, i, j]
            x, y = j + offsets[0, i, j], i + offsets[1, i, j]
            box = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
            found.append((float(heat[i, j]), *(4 * float(one) for one in box)))
    return sorted(found, key=lambda one: -one[0])


# %% a cell has four neighbours
# loses: peaks-equal peaks-hidden-random peaks-hidden-ties
# says: How many neighbours has a cell?
def boxes_of(heat, sizes, offsets, threshold):
    found, p = [], np.pad(heat, 1)
    for i, j in np.argwhere(heat >= threshold):
        here = heat[i, j]
        before = max(p[i, j + 1], p[i + 1, j])
        after = max(p[i + 1, j + 2], p[i + 2, j + 1])
        if here > before and here >= after:
            w, h = sizes[:, i, j]
            x, y = j + offsets[0, i, j], i + offsets[1, i, j]
            box = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
            found.append((float(here), *(4 * float(one) for one in box)))
    return sorted(found, key=lambda one: -one[0])


# %% more than the threshold
# loses: peaks-equal peaks-hidden-ties
# says: Is at least 0.3 the same as more than 0.3?
def boxes_of(heat, sizes, offsets, threshold):
    found, p = [], np.pad(heat, 1)
    for i, j in np.argwhere(heat > threshold):
        around = p[i : i + 3, j : j + 3].flatten()
        if heat[i, j] > around[:4].max() and heat[i, j] >= around[5:].max():
            w, h = sizes[:, i, j]
            x, y = j + offsets[0, i, j], i + offsets[1, i, j]
            box = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
            found.append((float(heat[i, j]), *(4 * float(one) for one in box)))
    return sorted(found, key=lambda one: -one[0])


# %% boxes in cells
# loses: peaks-tiny peaks-equal peaks-hidden-random peaks-hidden-ties
# says: How many pixels has one?
def boxes_of(heat, sizes, offsets, threshold):
    found, p = [], np.pad(heat, 1)
    for i, j in np.argwhere(heat >= threshold):
        around = p[i : i + 3, j : j + 3].flatten()
        if heat[i, j] > around[:4].max() and heat[i, j] >= around[5:].max():
            w, h = sizes[:, i, j]
            x, y = j + offsets[0, i, j], i + offsets[1, i, j]
            box = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
            found.append((float(heat[i, j]), *(float(one) for one in box)))
    return sorted(found, key=lambda one: -one[0])


# %% the offset of the row is added to the column
# loses: peaks-tiny peaks-hidden-random
# says: What is added to the column, and what to the row?
def boxes_of(heat, sizes, offsets, threshold):
    found, p = [], np.pad(heat, 1)
    for i, j in np.argwhere(heat >= threshold):
        around = p[i : i + 3, j : j + 3].flatten()
        if heat[i, j] > around[:4].max() and heat[i, j] >= around[5:].max():
            w, h = sizes[:, i, j]
            x, y = j + offsets[1, i, j], i + offsets[0, i, j]
            box = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
            found.append((float(heat[i, j]), *(4 * float(one) for one in box)))
    return sorted(found, key=lambda one: -one[0])


# %% the map has no border
# loses: peaks-equal peaks-hidden-random
# says: Is the first row a neighbour of the last one?
def boxes_of(heat, sizes, offsets, threshold):
    found, p = [], np.pad(heat, 1, mode="wrap")
    for i, j in np.argwhere(heat >= threshold):
        around = p[i : i + 3, j : j + 3].flatten()
        if heat[i, j] > around[:4].max() and heat[i, j] >= around[5:].max():
            w, h = sizes[:, i, j]
            x, y = j + offsets[0, i, j], i + offsets[1, i, j]
            box = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
            found.append((float(heat[i, j]), *(4 * float(one) for one in box)))
    return sorted(found, key=lambda one: -one[0])


# %% in reading order
# loses: peaks-equal peaks-hidden-random peaks-hidden-ties
# says: which of them comes first?
def boxes_of(heat, sizes, offsets, threshold):
    found, p = [], np.pad(heat, 1)
    for i, j in np.argwhere(heat >= threshold):
        around = p[i : i + 3, j : j + 3].flatten()
        if heat[i, j] > around[:4].max() and heat[i, j] >= around[5:].max():
            w, h = sizes[:, i, j]
            x, y = j + offsets[0, i, j], i + offsets[1, i, j]
            box = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
            found.append((float(heat[i, j]), *(4 * float(one) for one in box)))
    return found


# %% neighbours of a peak are struck out, the hottest first
# loses: peaks-equal peaks-hidden-random peaks-hidden-ties
# says: Do you strike out cells as you go?
def boxes_of(heat, sizes, offsets, threshold):
    found, left = [], heat.copy()
    while left.max() >= threshold:
        i, j = np.unravel_index(left.argmax(), left.shape)
        w, h = sizes[:, i, j]
        x, y = j + offsets[0, i, j], i + offsets[1, i, j]
        box = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
        found.append((float(heat[i, j]), *(4 * float(one) for one in box)))
        left[max(0, i - 1) : i + 2, max(0, j - 1) : j + 2] = -1
    return found


# %% equally hot boxes in another order
# loses: peaks-hidden-random peaks-hidden-ties
# says: Of equally hot ones, which was read first?
def boxes_of(heat, sizes, offsets, threshold):
    found, p = [], np.pad(heat, 1)
    for i, j in np.argwhere(heat >= threshold):
        around = p[i : i + 3, j : j + 3].flatten()
        if heat[i, j] > around[:4].max() and heat[i, j] >= around[5:].max():
            w, h = sizes[:, i, j]
            x, y = j + offsets[0, i, j], i + offsets[1, i, j]
            box = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
            found.append((float(heat[i, j]), *(4 * float(one) for one in box)))
    return sorted(found, reverse=True)
