"""Wrong answers to exercise 2."""
# ruff: noqa: F811, F821


# %% the sigmoid and its logarithm, one after the other
# loses: focal-large
# says: How can log(1 + exp(x)) be had without exp(1000)?
def focal_loss(logits, targets):
    with np.errstate(all="ignore"):
        p = 1 / (1 + np.exp(-logits))
        centre = targets == 1
        cost = np.where(
            centre, -np.log(p) * (1 - p) ** 2, -np.log(1 - p) * p**2 * (1 - targets) ** 4
        )
    return float(cost.sum() / max(1, centre.sum()))


# %% cells beside a centre cost as much as empty ones
# loses: focal-small focal-large focal-hidden focal-hidden-empty
# says: What does its target of 0.5 change?
def focal_loss(logits, targets):
    p, centre = 1 / (1 + np.exp(-np.clip(logits, -700, 700))), targets == 1
    cost = np.where(centre, np.logaddexp(0, -logits) * (1 - p) ** 2, np.logaddexp(0, logits) * p**2)
    return float(cost.sum() / max(1, centre.sum()))


# %% divided by all cells
# loses: focal-large focal-hidden focal-hidden-empty
# says: Do you divide by cells, or by centres?
def focal_loss(logits, targets):
    p, centre = 1 / (1 + np.exp(-np.clip(logits, -700, 700))), targets == 1
    cost = np.where(
        centre,
        np.logaddexp(0, -logits) * (1 - p) ** 2,
        np.logaddexp(0, logits) * p**2 * (1 - targets) ** 4,
    )
    return float(cost.mean())


# %% without a centre it divides by nothing
# loses: focal-small focal-large focal-hidden-empty
# says: By what do you divide then?
def focal_loss(logits, targets):
    p, centre = 1 / (1 + np.exp(-np.clip(logits, -700, 700))), targets == 1
    cost = np.where(
        centre,
        np.logaddexp(0, -logits) * (1 - p) ** 2,
        np.logaddexp(0, logits) * p**2 * (1 - targets) ** 4,
    )
    with np.errstate(all="ignore"):
        return float(cost.sum() / centre.sum())


# %% a probability that is cut off
# loses: focal-large
# says: Have you cut p off?
def focal_loss(logits, targets):
    p = 1 / (1 + np.exp(-np.clip(logits, -700, 700)))
    p, centre = np.clip(p, 1e-9, 1 - 1e-9), targets == 1
    cost = np.where(centre, -np.log(p) * (1 - p) ** 2, -np.log(1 - p) * p**2 * (1 - targets) ** 4)
    return float(cost.sum() / max(1, centre.sum()))


# %% every cell near a centre is taken for one
# loses: focal-small focal-large focal-hidden focal-hidden-empty
# says: Which of the two cells is a centre
def focal_loss(logits, targets):
    p, centre = 1 / (1 + np.exp(-np.clip(logits, -700, 700))), targets > 0
    cost = np.where(
        centre,
        np.logaddexp(0, -logits) * (1 - p) ** 2,
        np.logaddexp(0, logits) * p**2,
    )
    return float(cost.sum() / max(1, centre.sum()))


# %% no weights: the plain cross-entropy
# loses: focal-small focal-large focal-hidden focal-hidden-empty
# says: By what is a centre's cost multiplied?
def focal_loss(logits, targets):
    centre = targets == 1
    cost = np.where(centre, np.logaddexp(0, -logits), np.logaddexp(0, logits))
    return float(cost.sum() / max(1, centre.sum()))
