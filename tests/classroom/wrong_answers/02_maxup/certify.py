"""Wrong answers to exercise 5."""
# ruff: noqa: F811, F821


# %% alpha is shared between two sides
# cell: certify-bound-answer
# loses: certify-bounds certify-radii certify-hidden-bounds certify-hidden-radii
# says: Half of alpha went to the other side.
def lower_bound(hits, n, alpha):
    return float(stats.beta.ppf(alpha / 2, hits, n - hits + 1)) if hits else 0.0


# %% the normal approximation
# cell: certify-bound-answer
# loses: certify-bounds certify-radii certify-hidden-bounds certify-hidden-radii
# says: Three votes are no proof of certainty.
def lower_bound(hits, n, alpha):
    p = hits / n
    return max(0.0, p + float(stats.norm.ppf(alpha)) * math.sqrt(p * (1 - p) / n))


# %% more than so many hits
# cell: certify-bound-answer
# loses: certify-bounds certify-radii certify-hidden-bounds certify-hidden-radii
# says: What of exactly two?
def lower_bound(hits, n, alpha):
    if hits == 0:
        return 0.0
    if hits == n:
        return alpha ** (1 / n)
    return float(stats.beta.ppf(alpha, hits + 1, n - hits))


# %% without a hit it is no number
# cell: certify-bound-answer
# loses: certify-bounds certify-hidden-bounds
# says: No hits at all.
def lower_bound(hits, n, alpha):
    return float(stats.beta.ppf(alpha, hits, n - hits + 1))


# %% the second round says which class
# cell: certify-radius-answer
# loses: certify-radii certify-hidden-radii
# says: Which round says which class it is?
def certificate(first, second, sigma, alpha=0.001):
    best = int(np.argmax(second))
    bound = lower_bound(second[best], sum(second), alpha)
    return (best, float(sigma * stats.norm.ppf(bound))) if bound > 0.5 else (-1, 0.0)


# %% nothing is ever left open
# cell: certify-radius-answer
# loses: certify-radii certify-hidden-radii
# says: What is said then?
def certificate(first, second, sigma, alpha=0.001):
    best = int(np.argmax(first))
    bound = lower_bound(second[best], sum(second), alpha)
    return best, float(sigma * stats.norm.ppf(bound))


# %% the share of votes in place of a bound
# cell: certify-radius-answer
# loses: certify-radii certify-hidden-radii
# says: The share of votes is not a bound.
def certificate(first, second, sigma, alpha=0.001):
    best = int(np.argmax(first))
    share = second[best] / sum(second)
    return (best, float(sigma * stats.norm.ppf(min(share, 0.999)))) if share > 0.5 else (-1, 0.0)


# %% the bound itself as a radius
# cell: certify-radius-answer
# loses: certify-radii certify-hidden-radii
# says: That is sigma times the bound.
def certificate(first, second, sigma, alpha=0.001):
    best = int(np.argmax(first))
    bound = lower_bound(second[best], sum(second), alpha)
    return (best, sigma * bound) if bound > 0.5 else (-1, 0.0)
