"""Wrong answers to exercise 1. Each is a cell of its own; what it must lose and what a learner must be told stand above it."""
# ruff: noqa: F811, F821


# %% distances that are not squared
# loses: knn-score-five knn-score-random knn-score-nearest knn-score-hidden-digits knn-score-hidden-all knn-score-hidden-input
# says: The mean of 5 and 2, which are distances. Are they squared?
def knn_score(queries, normal, k):
    distances = np.linalg.norm(queries[:, None] - normal, axis=2)
    return np.sort(distances, axis=1)[:, :k].mean(axis=1)


# %% the mean first, then the square
# loses: knn-score-five knn-score-random knn-score-hidden-digits knn-score-hidden-all knn-score-hidden-input
# says: The square of a mean is not the mean of squares.
def knn_score(queries, normal, k):
    distances = np.linalg.norm(queries[:, None] - normal, axis=2)
    return np.sort(distances, axis=1)[:, :k].mean(axis=1) ** 2


# %% the sum over the neighbours
# loses: knn-score-five knn-score-random knn-score-hidden-digits knn-score-hidden-all knn-score-hidden-input
# says: Where is the mean?
def knn_score(queries, normal, k):
    squared = ((queries[:, None] - normal) ** 2).sum(axis=2)
    return np.sort(squared, axis=1)[:, :k].sum(axis=1)


# %% averaged over the features too
# loses: knn-score-five knn-score-random knn-score-nearest knn-score-hidden-digits knn-score-hidden-all knn-score-hidden-input
# says: Over the features the squares are added, not averaged.
def knn_score(queries, normal, k):
    squared = ((queries[:, None] - normal) ** 2).mean(axis=2)
    return np.sort(squared, axis=1)[:, :k].mean(axis=1)


# %% the k-th neighbour only
# loses: knn-score-five knn-score-random knn-score-hidden-digits knn-score-hidden-all knn-score-hidden-input
# says: Only the k-th neighbour counts here.
def knn_score(queries, normal, k):
    squared = ((queries[:, None] - normal) ** 2).sum(axis=2)
    return np.sort(squared, axis=1)[:, k - 1]


# %% the k farthest
# loses: knn-score-five knn-score-random knn-score-nearest knn-score-hidden-digits knn-score-hidden-input
# says: Which end of the sorted row do you keep?
def knn_score(queries, normal, k):
    squared = ((queries[:, None] - normal) ** 2).sum(axis=2)
    return np.sort(squared, axis=1)[:, -k:].mean(axis=1)


# %% all normal rows, whatever k
# loses: knn-score-five knn-score-random knn-score-nearest knn-score-hidden-digits knn-score-hidden-input
# says: What does k do?
def knn_score(queries, normal, k):
    return ((queries[:, None] - normal) ** 2).sum(axis=2).mean(axis=1)


# %% the distance to the middle of the neighbours
# loses: knn-score-five knn-score-random knn-score-hidden-digits knn-score-hidden-all knn-score-hidden-input
# says: Average the distances, not the points.
def knn_score(queries, normal, k):
    squared = ((queries[:, None] - normal) ** 2).sum(axis=2)
    nearest = normal[np.argsort(squared, axis=1)[:, :k]]
    return ((queries - nearest.mean(axis=1)) ** 2).sum(axis=1)


# %% equal rows counted once
# loses: knn-score-five knn-score-hidden-input
# says: Two normal points are equal, and you counted them once.
def knn_score(queries, normal, k):
    normal = np.unique(normal, axis=0)
    squared = ((queries[:, None] - normal) ** 2).sum(axis=2)
    return np.sort(squared, axis=1)[:, :k].mean(axis=1)


# %% sorted along the queries
# loses: knn-score-five knn-score-random knn-score-nearest knn-score-hidden-digits knn-score-hidden-all knn-score-hidden-input
# says: Along which axis do you sort and average?
def knn_score(queries, normal, k):
    squared = ((queries[:, None] - normal) ** 2).sum(axis=2)
    return np.sort(squared, axis=0)[:k].mean(axis=0)


# %% centred in place: the right values, and the inputs moved
# loses: knn-score-hidden-input
# says: Your function changed its input.
def knn_score(queries, normal, k):
    middle = normal.mean(axis=0)
    queries -= middle
    normal -= middle
    squared = ((queries[:, None] - normal) ** 2).sum(axis=2)
    return np.sort(squared, axis=1)[:, :k].mean(axis=1)
