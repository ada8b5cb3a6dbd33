"""Wrong answers to exercise 2."""
# ruff: noqa: F811, F821


# %% every row finds itself
# loses: leave-one-out-five leave-one-out-random leave-one-out-copies leave-one-out-hidden-digits leave-one-out-hidden-copies leave-one-out-hidden-all
# says: Every row scores 0: each has found itself.
def leave_one_out(features, k):
    distances, indices = search(features, features, k)
    return distances.mean(axis=1), indices


# %% the row itself still counts in the mean
# loses: leave-one-out-five leave-one-out-random leave-one-out-hidden-digits leave-one-out-hidden-copies leave-one-out-hidden-all
# says: Does the row itself, at distance 0, still count in your mean?
def leave_one_out(features, k):
    n = len(features)
    distances, indices = search(features, features, k + 1)
    own = indices == np.arange(n)[:, None]
    own[~own.any(axis=1), -1] = True
    return distances.mean(axis=1), indices[~own].reshape(n, k)


# %% left out by distance zero
# loses: leave-one-out-five leave-one-out-copies leave-one-out-hidden-digits leave-one-out-hidden-copies
# says: Did you leave out everybody at distance 0?
def leave_one_out(features, k):
    distances, indices = search(features, features, len(features))
    scores, neighbors = [], []
    for row in range(len(features)):
        others = distances[row] > 0
        scores.append(distances[row][others][:k].mean())
        neighbors.append(indices[row][others][:k])
    return np.array(scores), np.array(neighbors)


# %% the first column taken for the row itself
# loses: leave-one-out-five leave-one-out-copies leave-one-out-hidden-digits leave-one-out-hidden-copies
# says: Which of two equal rows comes first in a search?
def leave_one_out(features, k):
    distances, indices = search(features, features, k + 1)
    return distances[:, 1:].mean(axis=1), indices[:, 1:]


# %% left out by index, and the first neighbour where the search did not meet the row
# loses: leave-one-out-copies leave-one-out-hidden-copies
# says: Which of the two is then one too many: the first or the last?
def leave_one_out(features, k):
    n = len(features)
    distances, indices = search(features, features, k + 1)
    place = (indices == np.arange(n)[:, None]).argmax(axis=1)
    others = np.arange(k + 1) != place[:, None]
    return distances[others].reshape(n, k).mean(axis=1), indices[others].reshape(n, k)


# %% left out by index, without a thought of many copies
# loses: leave-one-out-copies leave-one-out-hidden-copies
# says: How many neighbours do they have left?
def leave_one_out(features, k):
    n = len(features)
    distances, indices = search(features, features, k + 1)
    others = indices != np.arange(n)[:, None]
    return distances[others].reshape(n, k).mean(axis=1), indices[others].reshape(n, k)


# %% copies thrown away first
# loses: leave-one-out-five leave-one-out-random leave-one-out-copies leave-one-out-hidden-digits leave-one-out-hidden-copies leave-one-out-hidden-all
# says: Two equal rows are still two rows, and both want a score.
def leave_one_out(features, k):
    rows = np.unique(features, axis=0)
    distances, indices = search(rows, rows, min(k + 1, len(rows)))
    return distances[:, 1:].mean(axis=1), indices[:, 1:]


# %% one neighbour short
# loses: leave-one-out-five leave-one-out-random leave-one-out-copies leave-one-out-hidden-digits leave-one-out-hidden-copies leave-one-out-hidden-all
# says: How many must the search find, if one of them goes?
def leave_one_out(features, k):
    distances, indices = search(features, features, k)
    own = indices == np.arange(len(features))[:, None]
    own[~own.any(axis=1), -1] = True
    shape = len(features), k - 1
    return distances[~own].reshape(shape).mean(axis=1), indices[~own].reshape(shape)
