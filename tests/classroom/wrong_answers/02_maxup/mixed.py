"""Wrong answers to exercise 4."""
# ruff: noqa: F811, F821


# %% the entropy is added
# loses: mixed-hand mixed-large mixed-hidden
# says: Is it added, or taken off?
def soft_losses(logits, targets):
    moved = logits - logits.max(axis=1, keepdims=True)
    log_p = moved - np.log(np.exp(moved).sum(axis=1, keepdims=True))
    losses = -(targets * log_p).sum(axis=1)
    logs = np.log(np.where(targets > 0, targets, 1))
    return losses, losses - (targets * logs).sum(axis=1)


# %% zero times the logarithm of zero
# loses: mixed-hand mixed-large mixed-hidden
# says: What should it add?
def soft_losses(logits, targets):
    moved = logits - logits.max(axis=1, keepdims=True)
    log_p = moved - np.log(np.exp(moved).sum(axis=1, keepdims=True))
    losses = -(targets * log_p).sum(axis=1)
    with np.errstate(all="ignore"):
        return losses, losses + (targets * np.log(targets)).sum(axis=1)


# %% powers of large logits
# loses: mixed-large
# says: What is exp(1000)?
def soft_losses(logits, targets):
    with np.errstate(all="ignore"):
        powers = np.exp(logits)
        log_p = np.log(powers / powers.sum(axis=1, keepdims=True))
        losses = -(targets * log_p).sum(axis=1)
    logs = np.log(np.where(targets > 0, targets, 1))
    return losses, losses + (targets * logs).sum(axis=1)


# %% a probability that is cut off
# loses: mixed-large
# says: Has a probability been cut off?
def soft_losses(logits, targets):
    moved = logits - logits.max(axis=1, keepdims=True)
    p = np.exp(moved) / np.exp(moved).sum(axis=1, keepdims=True)
    losses = -(targets * np.log(np.clip(p, 1e-12, 1))).sum(axis=1)
    logs = np.log(np.where(targets > 0, targets, 1))
    return losses, losses + (targets * logs).sum(axis=1)


# %% the entropy of the prediction
# loses: mixed-hand mixed-large mixed-hidden
# says: Whose entropy is the floor
def soft_losses(logits, targets):
    moved = logits - logits.max(axis=1, keepdims=True)
    log_p = moved - np.log(np.exp(moved).sum(axis=1, keepdims=True))
    losses = -(targets * log_p).sum(axis=1)
    p = np.exp(log_p)
    return losses, losses + (p * np.where(p > 0, log_p, 0)).sum(axis=1)


# %% the mean over classes
# loses: mixed-hand mixed-large mixed-hidden
# says: Is it a sum over classes, or a mean?
def soft_losses(logits, targets):
    moved = logits - logits.max(axis=1, keepdims=True)
    log_p = moved - np.log(np.exp(moved).sum(axis=1, keepdims=True))
    losses = -(targets * log_p).mean(axis=1)
    logs = np.log(np.where(targets > 0, targets, 1))
    return losses, losses + (targets * logs).mean(axis=1)
