"""Wrong answers to exercise 4."""
# ruff: noqa: F811, F821


# %% the strength forgotten
# loses: soft-rank-vjp-five soft-rank-vjp-random soft-rank-vjp-hidden-random soft-rank-vjp-hidden-one-block soft-rank-vjp-hidden-input
# says: By what were the scores divided?
def soft_rank_vjp(values, strength, g):
    order = values.argsort(descending=True)
    fit = isotonic_l2(values[order] / strength - torch.arange(len(values), 0, -1.0))
    sizes = torch.unique_consecutive(fit, return_counts=True)[1]
    result = torch.empty_like(values)
    result[order] = torch.cat(
        [piece - piece.mean() for piece in g[order].split(tuple(sizes.tolist()))]
    )
    return result


# %% the gradient of the fit, not of the rank
# loses: soft-rank-vjp-five soft-rank-vjp-random soft-rank-vjp-hard soft-rank-vjp-hidden-random soft-rank-vjp-hidden-one-block soft-rank-vjp-hidden-input
# says: This is the gradient of the fit v.
def soft_rank_vjp(values, strength, g):
    order = values.argsort(descending=True)
    fit = isotonic_l2(values[order] / strength - torch.arange(len(values), 0, -1.0))
    sizes = torch.unique_consecutive(fit, return_counts=True)[1]
    pieces = g[order].split(tuple(sizes.tolist()))
    result = torch.empty_like(values)
    result[order] = torch.cat([piece.mean().expand(len(piece)) for piece in pieces]) / strength
    return result


# %% g taken apart in the order that came in
# loses: soft-rank-vjp-five soft-rank-vjp-random soft-rank-vjp-hard soft-rank-vjp-hidden-random soft-rank-vjp-hidden-one-block soft-rank-vjp-hidden-input
# says: Is g in the order of the scores, or in sorted order, when you take it apart?
def soft_rank_vjp(values, strength, g):
    order = values.argsort(descending=True)
    fit = isotonic_l2(values[order] / strength - torch.arange(len(values), 0, -1.0))
    sizes = torch.unique_consecutive(fit, return_counts=True)[1]
    result = torch.empty_like(values)
    pieces = g.split(tuple(sizes.tolist()))
    result[order] = torch.cat([piece - piece.mean() for piece in pieces]) / strength
    return result


# %% the result left in sorted order
# loses: soft-rank-vjp-five soft-rank-vjp-random soft-rank-vjp-hard soft-rank-vjp-hidden-random soft-rank-vjp-hidden-one-block soft-rank-vjp-hidden-input
# says: Is g in the order of the scores, or in sorted order, when you take it apart?
def soft_rank_vjp(values, strength, g):
    order = values.argsort(descending=True)
    fit = isotonic_l2(values[order] / strength - torch.arange(len(values), 0, -1.0))
    sizes = torch.unique_consecutive(fit, return_counts=True)[1]
    pieces = g[order].split(tuple(sizes.tolist()))
    return torch.cat([piece - piece.mean() for piece in pieces]) / strength


# %% one mean over all
# loses: soft-rank-vjp-five soft-rank-vjp-random soft-rank-vjp-hard soft-rank-vjp-hidden-random soft-rank-vjp-hidden-input
# says: Is your mean taken over all of them?
def soft_rank_vjp(values, strength, g):
    return (g - g.mean()) / strength


# %% the right values, and g overwritten
# loses: soft-rank-vjp-hidden-input
# says: Your function changed its input.
def soft_rank_vjp(values, strength, g):
    order = values.argsort(descending=True)
    fit = isotonic_l2(values[order] / strength - torch.arange(len(values), 0, -1.0))
    sizes = torch.unique_consecutive(fit, return_counts=True)[1]
    pieces = g[order].split(tuple(sizes.tolist()))
    g[order] = torch.cat([piece - piece.mean() for piece in pieces]) / strength
    return g
