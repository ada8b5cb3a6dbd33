"""Wrong answers to exercise 3."""
# ruff: noqa: F811, F821


# %% never put back into the order that came in
# loses: soft-rank-five soft-rank-random soft-rank-hard soft-rank-hidden-random soft-rank-hidden-strong soft-rank-hidden-ties
# says: These are the right ranks, in sorted order.
def soft_rank(values, strength):
    z = values.sort(descending=True).values / strength
    rho = torch.arange(len(values), 0, -1.0)
    return z - isotonic_l2(z - rho)


# %% read with the order instead of written with it
# loses: soft-rank-five soft-rank-random soft-rank-hard soft-rank-hidden-random soft-rank-hidden-strong soft-rank-hidden-ties
# says: Which of the two brings an entry back?
def soft_rank(values, strength):
    order = values.argsort(descending=True, stable=True)
    z = values[order] / strength
    rho = torch.arange(len(values), 0, -1.0)
    return (z - isotonic_l2(z - rho))[order]


# %% the largest value gets rank 1
# loses: soft-rank-five soft-rank-random soft-rank-hard soft-rank-hidden-random soft-rank-hidden-strong soft-rank-hidden-ties
# says: Does the largest value meet the largest rank?
def soft_rank(values, strength):
    order = (-values).argsort(descending=True)
    z = -values[order] / strength
    rho = torch.arange(len(values), 0, -1.0)
    ranks = torch.empty_like(values)
    ranks[order] = z - isotonic_l2(z - rho)
    return ranks


# %% multiplied by the strength
# loses: soft-rank-five soft-rank-random soft-rank-hard soft-rank-hidden-random soft-rank-hidden-strong soft-rank-hidden-ties
# says: Is something multiplied that should be divided?
def soft_rank(values, strength):
    order = values.argsort(descending=True)
    z = values[order] * strength
    rho = torch.arange(len(values), 0, -1.0)
    ranks = torch.empty_like(values)
    ranks[order] = z - isotonic_l2(z - rho)
    return ranks


# %% the strength forgotten
# loses: soft-rank-five soft-rank-random soft-rank-hard soft-rank-hidden-random soft-rank-hidden-strong soft-rank-hidden-ties
# says: Where does the strength come in?
def soft_rank(values, strength):
    order = values.argsort(descending=True)
    z = values[order]
    rho = torch.arange(len(values), 0, -1.0)
    ranks = torch.empty_like(values)
    ranks[order] = z - isotonic_l2(z - rho)
    return ranks


# %% exact ranks
# loses: soft-rank-five soft-rank-random soft-rank-hidden-random soft-rank-hidden-strong soft-rank-hidden-ties
# says: Where do they become soft?
def soft_rank(values, strength):
    return values.argsort().argsort() + 1.0
