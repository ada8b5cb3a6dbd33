"""Wrong answers to exercise 5."""
# ruff: noqa: F811, F821


# %% the half forgotten
# cell: ranker-loss-answer
# loses: ranker-loss ranker-weights ranker-correlation ranker-hidden-loss ranker-hidden-gradient ranker-hidden-weights
# says: Where is the half?
def spearman_loss(scores, target_ranks, strength):
    return (soft_ranks(scores, strength) - target_ranks).square().sum(dim=1).mean()


# %% summed over the rows
# cell: ranker-loss-answer
# loses: ranker-loss ranker-weights ranker-correlation ranker-hidden-loss ranker-hidden-gradient ranker-hidden-weights
# says: The sum over the rows, or their mean?
def spearman_loss(scores, target_ranks, strength):
    return (soft_ranks(scores, strength) - target_ranks).square().sum() / 2


# %% averaged over the entries too
# cell: ranker-loss-answer
# loses: ranker-loss ranker-weights ranker-hidden-loss ranker-hidden-gradient ranker-hidden-weights
# says: Over a row the squares are summed, not averaged.
def spearman_loss(scores, target_ranks, strength):
    return (soft_ranks(scores, strength) - target_ranks).square().mean() / 2


# %% ranked the other way round
# cell: ranker-loss-answer
# loses: ranker-loss ranker-weights ranker-correlation ranker-hidden-loss ranker-hidden-gradient ranker-hidden-weights
# says: Is the largest score ranked n?
def spearman_loss(scores, target_ranks, strength):
    return (soft_ranks(-scores, strength) - target_ranks).square().sum(dim=1).mean() / 2


# %% exact ranks, through which no gradient flows
# cell: ranker-loss-answer
# loses: ranker-loss ranker-weights ranker-correlation ranker-hidden-loss ranker-hidden-gradient ranker-hidden-weights
# says: No loss at all: are these ranks soft?
def spearman_loss(scores, target_ranks, strength):
    ranks = scores.argsort(dim=1).argsort(dim=1) + 1.0
    return (ranks - target_ranks).square().sum(dim=1).mean() / 2


# %% gradients that pile up
# cell: ranker-train-answer
# loses: ranker-weights ranker-correlation ranker-hidden-weights
def train_ranker(features, target_ranks, steps, learning_rate, strength):
    weights = torch.zeros(features.shape[1], target_ranks.shape[1], requires_grad=True)
    for _ in range(steps):
        spearman_loss(features @ weights, target_ranks, strength).backward()
        with torch.no_grad():
            weights -= learning_rate * weights.grad
    return weights.detach()


# %% uphill
# cell: ranker-train-answer
# loses: ranker-weights ranker-correlation ranker-hidden-weights
# says: Which way does a gradient point?
def train_ranker(features, target_ranks, steps, learning_rate, strength):
    weights = torch.zeros(features.shape[1], target_ranks.shape[1], requires_grad=True)
    for _ in range(steps):
        loss = spearman_loss(features @ weights, target_ranks, strength)
        (gradient,) = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            weights += learning_rate * gradient
    return weights.detach()


# %% the gradient computed once
# cell: ranker-train-answer
# loses: ranker-weights ranker-correlation ranker-hidden-weights
def train_ranker(features, target_ranks, steps, learning_rate, strength):
    weights = torch.zeros(features.shape[1], target_ranks.shape[1], requires_grad=True)
    loss = spearman_loss(features @ weights, target_ranks, strength)
    (gradient,) = torch.autograd.grad(loss, weights)
    with torch.no_grad():
        for _ in range(steps):
            weights -= learning_rate * gradient
    return weights.detach()


# %% one step short
# cell: ranker-train-answer
# loses: ranker-weights ranker-hidden-weights
# says: The weights did not move.
def train_ranker(features, target_ranks, steps, learning_rate, strength):
    weights = torch.zeros(features.shape[1], target_ranks.shape[1], requires_grad=True)
    for _ in range(1, steps):
        loss = spearman_loss(features @ weights, target_ranks, strength)
        (gradient,) = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            weights -= learning_rate * gradient
    return weights.detach()


# %% weights that still carry a gradient
# cell: ranker-train-answer
# loses: ranker-hidden-weights
def train_ranker(features, target_ranks, steps, learning_rate, strength):
    weights = torch.zeros(features.shape[1], target_ranks.shape[1], requires_grad=True)
    for _ in range(steps):
        loss = spearman_loss(features @ weights, target_ranks, strength)
        (gradient,) = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            weights -= learning_rate * gradient
    return weights
