"""Wrong answers to exercise 5."""
# ruff: noqa: F811, F821


# %% old mean and new mean weigh the same
# cell: register-code-answer
# loses: register-means register-hidden-means
# says: How many shots is the mean over?
def register(bank, name, codes):
    new = codes.mean(axis=0)
    if name not in bank:
        return {**bank, name: (new.tolist(), len(codes))}
    mean, shots = bank[name]
    return {**bank, name: (((np.array(mean) + new) / 2).tolist(), shots + len(codes))}


# %% the old shots are forgotten
# cell: register-code-answer
# loses: register-means register-hidden-means
# says: What was asked for?
def register(bank, name, codes):
    return {**bank, name: (codes.mean(axis=0).tolist(), len(codes))}


# %% the bank that was given is changed
# cell: register-code-answer
# loses: register-means
# says: changed its input
def register(bank, name, codes):
    mean, shots = bank.get(name, ([0.0] * codes.shape[1], 0))
    total = shots * np.array(mean) + codes.sum(axis=0)
    shots += len(codes)
    bank[name] = ((total / shots).tolist(), shots)
    return bank


# %% nearly the same is taken for the same
# cell: register-proof-answer
# loses: register-proof register-hidden-proof
# says: A score has changed in its tenth digit.
def unmoved(before, after, name):
    left = [[[d for d in some if d[0] != name] for some in side] for side in (before, after)]
    if [[d[0] for d in some] for some in left[0]] != [[d[0] for d in some] for some in left[1]]:
        return False
    return all(
        np.allclose(a[1:], b[1:])
        for one, two in zip(*left, strict=True)
        for a, b in zip(one, two, strict=True)
    )


# %% the comparison ends with the shorter list
# cell: register-proof-answer
# loses: register-proof register-hidden-proof
# says: Do you count them?
def unmoved(before, after, name):
    left = [[[d for d in some if d[0] != name] for some in side] for side in (before, after)]
    return all(
        a == b for one, two in zip(*left, strict=False) for a, b in zip(one, two, strict=False)
    )


# %% the class is left out of the second side only
# cell: register-proof-answer
# loses: register-proof register-hidden-proof
# says: On which side is it left out?
def unmoved(before, after, name):
    return before == [[d for d in some if d[0] != name] for some in after]


# %% what came from nowhere is not seen
# cell: register-proof-answer
# loses: register-hidden-proof
# says: Do you look only for what was there before?
def unmoved(before, after, name):
    return len(before) == len(after) and all(
        d in two for one, two in zip(before, after, strict=True) for d in one if d[0] != name
    )


# %% all pictures thrown together
# cell: register-proof-answer
# loses: register-hidden-proof
# says: Do you count them?
def unmoved(before, after, name):
    left = [sorted(d for some in side for d in some if d[0] != name) for side in (before, after)]
    return left[0] == left[1]
