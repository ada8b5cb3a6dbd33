"""Wrong answers to exercise 3."""
# ruff: noqa: F811, F821


# %% maxima begin with zero
# loses: span-vector-negative span-vector-hidden-random
# says: What did the maximum begin with?
def span_vectors(vectors, cls, widths, widest):
    rows = []
    for width in range(1, min(widest, len(vectors)) + 1):
        for start in range(len(vectors) - width + 1):
            top = np.zeros(vectors.shape[1])
            for word in vectors[start : start + width]:
                top = np.maximum(top, word)
            rows.append(np.concatenate([cls, top, widths[width]]))
    return np.array(rows)


# %% the width's row is one too low
# loses: span-vector-seven span-vector-hidden-widths span-vector-hidden-random
# says: Which row is it?
def span_vectors(vectors, cls, widths, widest):
    rows, current = [], vectors
    for width in range(1, min(widest, len(vectors)) + 1):
        if width > 1:
            current = np.maximum(current[:-1], vectors[width - 1 :])
        rows += [np.concatenate([cls, row, widths[width - 1]]) for row in current]
    return np.array(rows)


# %% the mean
# loses: span-vector-seven span-vector-negative span-vector-hidden-random
# says: Which number of a column counts?
def span_vectors(vectors, cls, widths, widest):
    rows = []
    for width in range(1, min(widest, len(vectors)) + 1):
        for start in range(len(vectors) - width + 1):
            top = vectors[start : start + width].mean(axis=0)
            rows.append(np.concatenate([cls, top, widths[width]]))
    return np.array(rows)


# %% the maximum stands first
# loses: span-vector-seven span-vector-negative span-vector-hidden-random
# says: Which comes first?
def span_vectors(vectors, cls, widths, widest):
    rows, current = [], vectors
    for width in range(1, min(widest, len(vectors)) + 1):
        if width > 1:
            current = np.maximum(current[:-1], vectors[width - 1 :])
        rows += [np.concatenate([row, cls, widths[width]]) for row in current]
    return np.array(rows)


# %% the end is part of the span
# loses: span-vector-seven span-vector-negative span-vector-hidden-random
# says: Is the end part of a span?
def span_vectors(vectors, cls, widths, widest):
    rows = []
    for width in range(1, min(widest, len(vectors)) + 1):
        for start in range(len(vectors) - width + 1):
            top = vectors[start : start + width + 1].max(axis=0)
            rows.append(np.concatenate([cls, top, widths[width]]))
    return np.array(rows)


# %% the learner's maxima are written into the vectors
# loses: span-vector-negative
# says:
def span_vectors(vectors, cls, widths, widest):
    rows, words = [], vectors.copy()
    for width in range(1, min(widest, len(words)) + 1):
        count = len(words) - width + 1
        if width > 1:
            vectors[:count] = np.maximum(vectors[:count], words[width - 1 :])
        rows += [np.concatenate([cls, row, widths[width]]) for row in vectors[:count]]
    return np.array(rows)


# %% only the ends of a span are compared
# loses: span-vector-seven span-vector-negative span-vector-hidden-random
# says:
def span_vectors(vectors, cls, widths, widest):
    rows = []
    for width in range(1, min(widest, len(vectors)) + 1):
        for start in range(len(vectors) - width + 1):
            top = np.maximum(vectors[start], vectors[start + width - 1])
            rows.append(np.concatenate([cls, top, widths[width]]))
    return np.array(rows)
