"""Wrong answers to exercise 5."""
# ruff: noqa: F811, F821


# %% sums, which grow with the group
# cell: mean-by-group-answer
# loses: group-pooling-five group-pooling-random group-pooling-digits group-pooling-hidden-means group-pooling-hidden-random group-pooling-hidden-order
# says: What does a sum depend on that a mean does not?
def mean_by_group(features, groups):
    names, number = np.unique(groups, return_inverse=True)
    sums = np.zeros((len(names), features.shape[1]))
    np.add.at(sums, number, features)
    return names, sums


# %% the maximum
# cell: mean-by-group-answer
# loses: group-pooling-five group-pooling-random group-pooling-digits group-pooling-hidden-means group-pooling-hidden-random group-pooling-hidden-order
# says: Is pooling by the mean or by the maximum?
def mean_by_group(features, groups):
    names = np.unique(groups)
    return names, np.stack([features[groups == name].max(axis=0) for name in names])


# %% all groups divided by one number
# cell: mean-by-group-answer
# loses: group-pooling-five group-pooling-random group-pooling-digits group-pooling-hidden-means group-pooling-hidden-random group-pooling-hidden-order
# says: How large is each of them?
def mean_by_group(features, groups):
    names = np.unique(groups)
    sums = np.stack([features[groups == name].sum(axis=0) for name in names])
    return names, sums * len(names) / len(features)


# %% added with an index, which writes each entry once
# cell: mean-by-group-answer
# loses: group-pooling-five group-pooling-random group-pooling-digits group-pooling-hidden-means group-pooling-hidden-random group-pooling-hidden-order
# says: Only the last row of group 1 was added.
def mean_by_group(features, groups):
    names, number = np.unique(groups, return_inverse=True)
    sums = np.zeros((len(names), features.shape[1]))
    sums[number] += features
    return names, sums / np.bincount(number)[:, None]


# %% in the order of first appearance
# cell: mean-by-group-answer
# loses: group-pooling-five group-pooling-random group-pooling-hidden-means group-pooling-hidden-order
# says: The names are to rise.
def mean_by_group(features, groups):
    names = list(dict.fromkeys(groups.tolist()))
    return np.array(names), np.stack([features[groups == name].mean(axis=0) for name in names])


# %% cut where the name changes
# cell: mean-by-group-answer
# loses: group-pooling-five group-pooling-random group-pooling-digits group-pooling-hidden-means group-pooling-hidden-random group-pooling-hidden-order
# says: Do you rely on the order of the rows?
def mean_by_group(features, groups):
    starts = np.flatnonzero(np.append(True, groups[1:] != groups[:-1]))
    sizes = np.diff(np.append(starts, len(groups)))
    means = np.add.reduceat(features, starts) / sizes[:, None]
    order = np.argsort(groups[starts], kind="stable")
    return groups[starts][order], means[order]


# %% pooled without a common length
# cell: judge-groups-answer
# loses: group-pooling-random group-pooling-hidden-random group-pooling-hidden-order
# says: What comes before pooling?
def judge_groups(features, groups, normal_features, normal_groups, k):
    means = mean_by_group(features, groups)[1]
    normal_means = mean_by_group(normal_features, normal_groups)[1]
    scores = anomaly_scores(means, normal_means, k)
    return scores, conformal_p_values(scores, leave_one_out_scores(normal_means, k))


# %% the means brought to length 1, not the pictures
# cell: judge-groups-answer
# loses: group-pooling-random group-pooling-hidden-random group-pooling-hidden-order
# says: You pooled first and brought the means to length 1.
def judge_groups(features, groups, normal_features, normal_groups, k):
    def unit(rows):
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    means = unit(mean_by_group(features, groups)[1])
    normal_means = unit(mean_by_group(normal_features, normal_groups)[1])
    scores = anomaly_scores(means, normal_means, k)
    return scores, conformal_p_values(scores, leave_one_out_scores(normal_means, k))


# %% the mean of the pictures' scores
# cell: judge-groups-answer
# loses: group-pooling-random group-pooling-digits group-pooling-hidden-random group-pooling-hidden-order
# says: Are pictures compared, or sets of pictures?
def judge_groups(features, groups, normal_features, normal_groups, k):
    def unit(rows):
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    rows, normal_rows = unit(features), unit(normal_features)
    scores = mean_by_group(anomaly_scores(rows, normal_rows, k)[:, None], groups)[1][:, 0]
    others = leave_one_out_scores(normal_rows, k)
    return scores, conformal_p_values(
        scores, mean_by_group(others[:, None], normal_groups)[1][:, 0]
    )


# %% normal groups that have found themselves
# cell: judge-groups-answer
# loses: group-pooling-random group-pooling-hidden-random group-pooling-hidden-order
# says: each without itself?
def judge_groups(features, groups, normal_features, normal_groups, k):
    def pooled(rows, names):
        return mean_by_group(rows / np.linalg.norm(rows, axis=1, keepdims=True), names)[1]

    means, normal_means = pooled(features, groups), pooled(normal_features, normal_groups)
    scores = anomaly_scores(means, normal_means, k)
    return scores, conformal_p_values(scores, anomaly_scores(normal_means, normal_means, k))


# %% groups compared with pictures
# cell: judge-groups-answer
# loses: group-pooling-random group-pooling-hidden-random group-pooling-hidden-order
# says: Whose scores are the p-values compared with
def judge_groups(features, groups, normal_features, normal_groups, k):
    def unit(rows):
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    normal_rows = unit(normal_features)
    means = mean_by_group(unit(features), groups)[1]
    scores = anomaly_scores(means, mean_by_group(normal_rows, normal_groups)[1], k)
    return scores, conformal_p_values(scores, leave_one_out_scores(normal_rows, k))


# %% p-values among the groups that are asked about
# cell: judge-groups-answer
# loses: group-pooling-random group-pooling-hidden-order
# says: Whose scores are the p-values compared with
def judge_groups(features, groups, normal_features, normal_groups, k):
    def pooled(rows, names):
        return mean_by_group(rows / np.linalg.norm(rows, axis=1, keepdims=True), names)[1]

    means, normal_means = pooled(features, groups), pooled(normal_features, normal_groups)
    scores = anomaly_scores(means, normal_means, k)
    return scores, conformal_p_values(scores, scores)
