"""Wrong answers to exercise 4."""
# ruff: noqa: F811, F821


# %% the lowest scores dropped
# cell: keep-answer
# loses: cleaning-line cleaning-random cleaning-digits cleaning-hidden-keep cleaning-hidden-scores cleaning-hidden-default cleaning-hidden-digits
# says: Which end of the scores do you drop?
def keep(features, share, k):
    scores = leave_one_out_scores(features, k)
    return np.sort(np.argsort(scores, kind="stable")[int(share * len(features)) :])


# %% in the order of the scores
# cell: keep-answer
# loses: cleaning-line cleaning-hidden-keep
# says: Their old order is wanted.
def keep(features, share, k):
    left = len(features) - int(share * len(features))
    return np.argsort(leave_one_out_scores(features, k), kind="stable")[:left]


# %% the share kept instead of dropped
# cell: keep-answer
# loses: cleaning-line cleaning-random cleaning-hidden-keep cleaning-hidden-scores cleaning-hidden-default
# says: Is the share what is kept or what is dropped?
def keep(features, share, k):
    left = int(share * len(features))
    return np.sort(np.argsort(leave_one_out_scores(features, k), kind="stable")[:left])


# %% rounded up
# cell: keep-answer
# loses: cleaning-line cleaning-random cleaning-hidden-keep cleaning-hidden-default
# says: How is 2.1 rounded?
def keep(features, share, k):
    left = len(features) - math.ceil(share * len(features))
    return np.sort(np.argsort(leave_one_out_scores(features, k), kind="stable")[:left])


# %% each row has found itself
# cell: keep-answer
# loses: cleaning-line cleaning-hidden-keep cleaning-hidden-default cleaning-hidden-digits
# says: Has each row found itself?
def keep(features, share, k):
    left = len(features) - int(share * len(features))
    return np.sort(np.argsort(anomaly_scores(features, features, k), kind="stable")[:left])


# %% a mask
# cell: keep-answer
# loses: cleaning-line cleaning-hidden-keep
# says: A mask came back. At which places is it True?
def keep(features, share, k):
    ranks = leave_one_out_scores(features, k).argsort(kind="stable").argsort()
    return ranks < len(features) - int(share * len(features))


# %% the rows, not their indices
# cell: keep-answer
# loses: cleaning-line cleaning-random cleaning-digits cleaning-hidden-keep cleaning-hidden-scores cleaning-hidden-default cleaning-hidden-digits
# says: What are their indices?
def keep(features, share, k):
    left = len(features) - int(share * len(features))
    return features[np.sort(np.argsort(leave_one_out_scores(features, k), kind="stable")[:left])]


# %% cleaned, and scored against everything
# cell: score-after-cleaning-answer
# loses: cleaning-random cleaning-digits cleaning-hidden-scores cleaning-hidden-default cleaning-hidden-digits
# says: Which rows are the queries scored against?
def score_after_cleaning(queries, features, k, share, cleaning_k=None):
    if cleaning_k is None:
        cleaning_k = max(1, min(50, len(features) // 4))
    keep(features, share, cleaning_k)
    return anomaly_scores(queries, features, k)


# %% cleaned with the k of scoring
# cell: score-after-cleaning-answer
# loses: cleaning-random cleaning-digits cleaning-hidden-scores cleaning-hidden-default cleaning-hidden-digits
# says: Whose k decides what is dropped?
def score_after_cleaning(queries, features, k, share, cleaning_k=None):
    return anomaly_scores(queries, features[keep(features, share, k)], k)


# %% scored with the k of cleaning
# cell: score-after-cleaning-answer
# loses: cleaning-random cleaning-hidden-scores cleaning-hidden-default cleaning-hidden-digits
# says: Which k is for the queries?
def score_after_cleaning(queries, features, k, share, cleaning_k=None):
    if cleaning_k is None:
        cleaning_k = max(1, min(50, len(features) // 4))
    left = features[keep(features, share, cleaning_k)]
    return anomaly_scores(queries, left, min(cleaning_k, len(left)))


# %% 50 neighbours by default, however few rows there are
# cell: score-after-cleaning-answer
# loses: cleaning-hidden-default
# says: It is a quarter of the rows, at most 50 and at least 1.
def score_after_cleaning(queries, features, k, share, cleaning_k=50):
    return anomaly_scores(queries, features[keep(features, share, cleaning_k)], k)


# %% a quarter of the rows by default, however many there are
# cell: score-after-cleaning-answer
# loses: cleaning-hidden-default
# says: 50 is less than a quarter. Is your default?
def score_after_cleaning(queries, features, k, share, cleaning_k=None):
    if cleaning_k is None:
        cleaning_k = max(1, len(features) // 4)
    return anomaly_scores(queries, features[keep(features, share, cleaning_k)], k)


# %% no neighbour by default, where a quarter is less than one
# cell: score-after-cleaning-answer
# loses: cleaning-hidden-default
# says: It is a quarter of the rows, at most 50 and at least 1.
def score_after_cleaning(queries, features, k, share, cleaning_k=None):
    if cleaning_k is None:
        cleaning_k = min(50, len(features) // 4)
    return anomaly_scores(queries, features[keep(features, share, cleaning_k)], k)
