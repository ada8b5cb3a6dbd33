"""Wrong answers to exercise 1."""
# ruff: noqa: F811, F821


# %% the public code's roots
# cell: splat-radius-answer
# loses: splat-radius splat-hidden-radius
# says: What does the formula of a root divide by?
def corner_radii(h, w, overlap=0.7):
    o, area = overlap, h * w
    cases = (
        (1, h + w, area * (1 - o) / (1 + o)),
        (4, 2 * (h + w), area * (1 - o)),
        (4 * o, -2 * o * (h + w), -area * (1 - o)),
    )
    return tuple((b + math.sqrt(b * b - 4 * a * c)) / 2 for a, b, c in cases)


# %% the union is taken for one box
# cell: splat-radius-answer
# loses: splat-radius splat-hidden-radius
# says: is the union the area of one box
def corner_radii(h, w, overlap=0.7):
    o, s, area = overlap, h + w, h * w
    return (
        (s - math.sqrt(s * s - 4 * area * (1 - o))) / 2,
        (s - math.sqrt(s * s - 4 * (1 - o) * area)) / 4,
        (-o * s + math.sqrt(o * o * s * s + 4 * o * (1 - o) * area)) / (4 * o),
    )


# %% the larger roots, where nothing is left
# cell: splat-radius-answer
# loses: splat-radius splat-hidden-radius
# says: Which of the two roots is reached first?
def corner_radii(h, w, overlap=0.7):
    o, s, area = overlap, h + w, h * w
    return (
        (s + math.sqrt(s * s - 4 * area * (1 - o) / (1 + o))) / 2,
        (s + math.sqrt(s * s - 4 * (1 - o) * area)) / 4,
        (-o * s + math.sqrt(o * o * s * s + 4 * o * (1 - o) * area)) / (4 * o),
    )


# %% of the larger box, the root below zero
# cell: splat-radius-answer
# loses: splat-radius splat-hidden-radius
# says: Which root makes the box larger?
def corner_radii(h, w, overlap=0.7):
    o, s, area = overlap, h + w, h * w
    return (
        (s - math.sqrt(s * s - 4 * area * (1 - o) / (1 + o))) / 2,
        (s - math.sqrt(s * s - 4 * (1 - o) * area)) / 4,
        (-o * s - math.sqrt(o * o * s * s + 4 * o * (1 - o) * area)) / (4 * o),
    )


# %% one corner moves in place of both
# cell: splat-radius-answer
# loses: splat-radius splat-hidden-radius
# says: By how much does the height change
def corner_radii(h, w, overlap=0.7):
    o, s, area = overlap, h + w, h * w
    return (
        (s - math.sqrt(s * s - 4 * area * (1 - o) / (1 + o))) / 2,
        (s - math.sqrt(s * s - 4 * (1 - o) * area)) / 2,
        (-o * s + math.sqrt(o * o * s * s + 4 * o * (1 - o) * area)) / (2 * o),
    )


# %% where two bumps meet they are added up
# cell: splat-map-answer
# loses: splat-hidden-map
# says: Which of the two values stays?
def splat(centres, radii, rows, columns):
    heat = np.zeros((rows, columns))
    down, right = np.mgrid[:rows, :columns]
    for (row, column), r in zip(centres, radii, strict=True):
        i, j = down - row, right - column
        value = np.exp(-18 * (i**2 + j**2) / (2 * r + 1) ** 2)
        heat += value * (abs(i) <= r) * (abs(j) <= r)
    return heat


# %% an index below zero comes out at the other end
# cell: splat-map-answer
# loses: splat-hidden-map
# says: What does an index of -1 mean?
def splat(centres, radii, rows, columns):
    heat = np.zeros((rows, columns))
    for (row, column), r in zip(centres, radii, strict=True):
        for i in range(row - r, min(rows, row + r + 1)):
            for j in range(column - r, min(columns, column + r + 1)):
                value = math.exp(-18 * ((i - row) ** 2 + (j - column) ** 2) / (2 * r + 1) ** 2)
                heat[i, j] = max(heat[i, j], value)
    return heat


# %% sigma is a third of the radius
# cell: splat-map-answer
# loses: splat-tiny splat-hidden-map
# says: what is a sixth of them?
def splat(centres, radii, rows, columns):
    heat = np.zeros((rows, columns))
    down, right = np.mgrid[:rows, :columns]
    for (row, column), r in zip(centres, radii, strict=True):
        i, j = down - row, right - column
        value = np.exp(-(i**2 + j**2) / (2 * (max(r, 0.5) / 3) ** 2))
        heat = np.maximum(heat, value * (abs(i) <= r) * (abs(j) <= r))
    return heat


# %% the window is a disc
# cell: splat-map-answer
# loses: splat-tiny splat-hidden-map
# says: Is a cell one row and one column away within the window?
def splat(centres, radii, rows, columns):
    heat = np.zeros((rows, columns))
    down, right = np.mgrid[:rows, :columns]
    for (row, column), r in zip(centres, radii, strict=True):
        i, j = down - row, right - column
        value = np.exp(-18 * (i**2 + j**2) / (2 * r + 1) ** 2)
        heat = np.maximum(heat, value * (i**2 + j**2 <= r**2))
    return heat


# %% columns come first
# cell: splat-map-answer
# loses: splat-tiny splat-hidden-map
# says: Does a row come first, or a column?
def splat(centres, radii, rows, columns):
    heat = np.zeros((rows, columns))
    down, right = np.mgrid[:rows, :columns]
    for (column, row), r in zip(centres, radii, strict=True):
        i, j = down - row, right - column
        value = np.exp(-18 * (i**2 + j**2) / (2 * r + 1) ** 2)
        heat = np.maximum(heat, value * (abs(i) <= r) * (abs(j) <= r))
    return heat


# %% no window
# cell: splat-map-answer
# loses: splat-tiny splat-hidden-map
# says: How far does the window of a radius of 1 reach?
def splat(centres, radii, rows, columns):
    heat = np.zeros((rows, columns))
    down, right = np.mgrid[:rows, :columns]
    for (row, column), r in zip(centres, radii, strict=True):
        far = (down - row) ** 2 + (right - column) ** 2
        heat = np.maximum(heat, np.exp(-18 * far / (2 * r + 1) ** 2))
    return heat
