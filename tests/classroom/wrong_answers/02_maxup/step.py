"""Wrong answers to exercise 3."""
# ruff: noqa: F811, F821


# %% copies are judged by their own statistics
# loses: step-small step-hidden
# says: By which should it be judged?
def maxup_step(weights, running, copies, targets, rate=0.1):
    n, rows, losses = len(targets), np.arange(len(targets)), []
    for one in copies:
        z, _ = batch_norm(one, running, training=True)
        losses.append(-np.log(softmax(z @ weights)[rows, targets]))
    worst = copies[np.argmax(losses, axis=0), rows]
    z, running = batch_norm(worst, running, training=True)
    slope = softmax(z @ weights)
    slope[rows, targets] -= 1
    return weights - rate * z.T @ slope / n, running


# %% every pass writes into the memory
# loses: step-small step-one step-hidden
# says: Which of the passes may write into it?
def maxup_step(weights, running, copies, targets, rate=0.1):
    n, rows, losses = len(targets), np.arange(len(targets)), []
    for one in copies:
        z, running = batch_norm(one, running, training=True)
        losses.append(-np.log(softmax(z @ weights)[rows, targets]))
    worst = copies[np.argmax(losses, axis=0), rows]
    z, running = batch_norm(worst, running, training=True)
    slope = softmax(z @ weights)
    slope[rows, targets] -= 1
    return weights - rate * z.T @ slope / n, running


# %% no pass writes into it
# loses: step-small step-one step-hidden
# says: Which pass should write into it?
def maxup_step(weights, running, copies, targets, rate=0.1):
    n, rows, losses = len(targets), np.arange(len(targets)), []
    for one in copies:
        z, _ = batch_norm(one, running, training=False)
        losses.append(-np.log(softmax(z @ weights)[rows, targets]))
    worst = copies[np.argmax(losses, axis=0), rows]
    z, running = batch_norm(worst, running, training=False)
    slope = softmax(z @ weights)
    slope[rows, targets] -= 1
    return weights - rate * z.T @ slope / n, running


# %% all copies are learnt from
# loses: step-small step-hidden
# says: Which ones go through the network the second time?
def maxup_step(weights, running, copies, targets, rate=0.1):
    flat, aims = copies.reshape(-1, copies.shape[2]), np.tile(targets, len(copies))
    z, running = batch_norm(flat, running, training=True)
    slope = softmax(z @ weights)
    slope[np.arange(len(aims)), aims] -= 1
    return weights - rate * z.T @ slope / len(aims), running


# %% the sum of the losses goes down
# loses: step-small step-one step-hidden
# says: Is it the mean loss that goes down?
def maxup_step(weights, running, copies, targets, rate=0.1):
    rows, losses = np.arange(len(targets)), []
    for one in copies:
        z, _ = batch_norm(one, running, training=False)
        losses.append(-np.log(softmax(z @ weights)[rows, targets]))
    worst = copies[np.argmax(losses, axis=0), rows]
    z, running = batch_norm(worst, running, training=True)
    slope = softmax(z @ weights)
    slope[rows, targets] -= 1
    return weights - rate * z.T @ slope, running


# %% uphill
# loses: step-small step-one step-hidden
# says: Do they go down
def maxup_step(weights, running, copies, targets, rate=0.1):
    n, rows, losses = len(targets), np.arange(len(targets)), []
    for one in copies:
        z, _ = batch_norm(one, running, training=False)
        losses.append(-np.log(softmax(z @ weights)[rows, targets]))
    worst = copies[np.argmax(losses, axis=0), rows]
    z, running = batch_norm(worst, running, training=True)
    slope = softmax(z @ weights)
    slope[rows, targets] -= 1
    return weights + rate * z.T @ slope / n, running
