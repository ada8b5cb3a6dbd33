"""Wrong answers to exercise 3."""
# ruff: noqa: F811, F821


# %% a quantile that lies between two scores
# cell: threshold-answer
# loses: threshold-five threshold-zeros threshold-hidden-random threshold-hidden-few
# says: it was interpolated between two of them.
def threshold(scores, rate):
    return np.quantile(scores, 1 - rate)


# %% the rank of n scores, not of n + 1
# cell: threshold-answer
# loses: threshold-five threshold-zeros threshold-hidden-random
# says: Is it n or n + 1 that is multiplied
def threshold(scores, rate):
    rank = max(math.ceil((1 - rate) * len(scores)), 1)
    return np.sort(scores)[rank - 1]


# %% rounded down
# cell: threshold-answer
# loses: threshold-five threshold-zeros threshold-hidden-random
# says: and is the result rounded up?
def threshold(scores, rate):
    rank = min(max(int((1 - rate) * (len(scores) + 1)), 1), len(scores))
    return np.sort(scores)[rank - 1]


# %% a rank taken for an index
# cell: threshold-answer
# loses: threshold-five threshold-zeros threshold-hidden-random
# says: Ranks begin with 1; with what do indices begin?
def threshold(scores, rate):
    rank = math.ceil((1 - rate) * (len(scores) + 1))
    return np.sort(scores)[min(rank, len(scores) - 1)]


# %% the other end of the scores
# cell: threshold-answer
# loses: threshold-five threshold-zeros threshold-hidden-random threshold-hidden-few
# says: From which end do you count?
def threshold(scores, rate):
    rank = min(math.ceil((1 - rate) * (len(scores) + 1)), len(scores))
    return np.sort(scores)[len(scores) - rank]


# %% too few scores forgotten
# cell: threshold-answer
# loses: threshold-hidden-few
# says: The rank is 4, and there are three scores.
def threshold(scores, rate):
    return np.sort(scores)[math.ceil((1 - rate) * (len(scores) + 1)) - 1]


# %% the sample itself not counted in
# cell: p-values-answer
# loses: p-values-random p-values-hidden-ties p-values-hidden-digits
# says: A p-value of 0 says: impossible.
def p_values(scores, calibration):
    return (calibration >= scores[:, None]).mean(axis=1)


# %% counted above the line, not below
# cell: p-values-answer
# loses: p-values-random p-values-hidden-ties p-values-hidden-digits
# says: Is it counted below the line as well?
def p_values(scores, calibration):
    return (1 + (calibration >= scores[:, None]).sum(axis=1)) / len(calibration)


# %% equal scores not counted
# cell: p-values-answer
# loses: p-values-hidden-ties
# says: A normal sample scored exactly as high. Does it count?
def p_values(scores, calibration):
    return (1 + (calibration > scores[:, None]).sum(axis=1)) / (len(calibration) + 1)


# %% the comparison the other way round
# cell: p-values-answer
# loses: p-values-random p-values-hidden-ties p-values-hidden-digits
# says: Which way is your comparison?
def p_values(scores, calibration):
    return (1 + (calibration <= scores[:, None]).sum(axis=1)) / (len(calibration) + 1)


# %% one minus the p-value
# cell: p-values-answer
# loses: p-values-random p-values-hidden-ties p-values-hidden-digits
# says: Do you count those above it or those below?
def p_values(scores, calibration):
    return 1 - (1 + (calibration >= scores[:, None]).sum(axis=1)) / (len(calibration) + 1)
