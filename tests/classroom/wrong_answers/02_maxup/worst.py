"""Wrong answers to exercise 1."""
# ruff: noqa: F811, F821


# %% the axes are exchanged
# loses: worst-hand worst-ties worst-hidden
# says: Along which axis are the losses of one sample?
def worst_copies(losses, copies):
    best = losses.nan_to_num(nan=-torch.inf).argmax(1)
    return copies[torch.arange(len(best)), best]


# %% one copy for the whole batch
# loses: worst-hand worst-ties worst-hidden
# says: Has every sample a worst copy of its own?
def worst_copies(losses, copies):
    return copies[losses.nan_to_num(nan=-torch.inf).sum(1).argmax()]


# %% a loss that is no number wins
# loses: worst-ties worst-hidden
# says: What does argmax do with it?
def worst_copies(losses, copies):
    return copies[losses.argmax(0), torch.arange(copies.shape[1])]


# %% the last of equal losses
# loses: worst-ties worst-hidden
# says: Which copy counts then?
def worst_copies(losses, copies):
    losses = losses.nan_to_num(nan=-torch.inf).flip(0)
    return copies[len(losses) - 1 - losses.argmax(0), torch.arange(copies.shape[1])]


# %% the smallest losses
# loses: worst-hand worst-ties worst-hidden
# says: The copies with the smallest losses.
def worst_copies(losses, copies):
    best = losses.nan_to_num(nan=torch.inf).argmin(0)
    return copies[best, torch.arange(copies.shape[1])]


# %% the list of all copies is read sample by sample
# loses: worst-hand worst-ties worst-hidden
# says: where is copy i of sample j?
def worst_copies(losses, copies):
    m, n = losses.shape
    best = losses.nan_to_num(nan=-torch.inf).argmax(0)
    return copies.flatten(0, 1)[best + m * torch.arange(n)]
