"""Wrong answers to exercise 1. Each is a cell of its own; what it must lose and what a learner must be told stand above it."""
# ruff: noqa: F811, F821


# %% the min and the max exchanged
# loses: minimax-five minimax-random minimax-falling minimax-hidden-random minimax-hidden-input
# says: Does the min run over the left ends, and the max over the right ones?
def isotonic_minimax(y):
    n = len(y)
    rows = [
        max(min(y[j : k + 1].mean() for k in range(i, n)) for j in range(i + 1)) for i in range(n)
    ]
    return torch.stack(rows)


# %% the right end left out of the mean
# loses: minimax-five minimax-random minimax-falling minimax-hidden-random minimax-hidden-input minimax-hidden-one
# says: Does y[j:k] hold y[k]?
def isotonic_minimax(y):
    n = len(y)
    rows = [min(max(y[j:k].mean() for k in range(i, n)) for j in range(i + 1)) for i in range(n)]
    return torch.stack(rows)


# %% the left end stops before i
# loses: minimax-five minimax-random minimax-falling minimax-hidden-random minimax-hidden-input minimax-hidden-one
# says: May j be as large as i?
def isotonic_minimax(y):
    n = len(y)
    rows = [min(max(y[j : k + 1].mean() for k in range(i, n)) for j in range(i)) for i in range(n)]
    return torch.stack(rows)


# %% the stretch always begins at i
# loses: minimax-five minimax-random minimax-hidden-random
# says: Where does your stretch begin: always at i, or at every j up to i?
def isotonic_minimax(y):
    n = len(y)
    return torch.stack([max(y[i : k + 1].mean() for k in range(i, n)) for i in range(n)])


# %% sorted instead of averaged
# loses: minimax-five minimax-random minimax-hidden-random
# says: The nearest falling vector averages; it does not sort.
def isotonic_minimax(y):
    return y.sort(descending=True).values


# %% written into the input
# loses: minimax-five minimax-random minimax-hidden-random
# says: Your function changed its input.
def isotonic_minimax(y):
    n = len(y)
    for i in range(n):
        y[i] = min(max(y[j : k + 1].mean() for k in range(i, n)) for j in range(i + 1))
    return y


# %% the right values, and the input gone
# loses: minimax-five minimax-hidden-input
# says: Your function changed its input.
def isotonic_minimax(y):
    n = len(y)
    rows = [
        min(max(y[j : k + 1].mean() for k in range(i, n)) for j in range(i + 1)) for i in range(n)
    ]
    y[:] = torch.stack(rows)
    y += 0.0 * y.zero_()
    return torch.stack(rows)
