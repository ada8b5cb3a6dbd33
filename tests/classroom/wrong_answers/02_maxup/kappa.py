"""Wrong answers to exercise 2."""
# ruff: noqa: F811, F821


# %% only where it goes for large m
# cell: kappa-exact-answer
# loses: kappa-values kappa-hidden-exact
# says: What is the density?
def kappa(m):
    return math.sqrt(2 * math.log(m))


# %% any of them can be the largest, which is not counted
# cell: kappa-exact-answer
# loses: kappa-values kappa-hidden-exact
# says: where is that counted?
def kappa(m):
    return float(
        integrate.quad(lambda x: x * stats.norm.pdf(x) * stats.norm.cdf(x) ** (m - 1), -12, 12)[0]
    )


# %% all of them below, the largest, too
# cell: kappa-exact-answer
# loses: kappa-values kappa-hidden-exact
# says: how many others have to lie below?
def kappa(m):
    return float(
        integrate.quad(lambda x: x * m * stats.norm.pdf(x) * stats.norm.cdf(x) ** m, -12, 12)[0]
    )


# %% the integral ends too early
# cell: kappa-exact-answer
# loses: kappa-values kappa-hidden-exact
# says: How far does your integral reach?
def kappa(m):
    return float(
        integrate.quad(lambda x: x * m * stats.norm.pdf(x) * stats.norm.cdf(x) ** (m - 1), -3, 3)[0]
    )


# %% columns for rows
# cell: kappa-simulated-answer
# loses: kappa-draws kappa-hidden-draws
# says: Along which axis do the m numbers of a draw lie?
def simulated(normals):
    top = normals.max(axis=0)
    return float(top.mean()), float(top.std(ddof=1) / math.sqrt(len(top)))


# %% the deviation of one draw
# cell: kappa-simulated-answer
# loses: kappa-draws kappa-hidden-draws
# says: How much does a mean of three?
def simulated(normals):
    top = normals.max(axis=1)
    return float(top.mean()), float(top.std(ddof=1))


# %% divided by the number of draws, not by its root
# cell: kappa-simulated-answer
# loses: kappa-draws kappa-hidden-draws
# says: By which power of it does the error of a mean fall?
def simulated(normals):
    top = normals.max(axis=1)
    return float(top.mean()), float(top.std(ddof=1) / len(top))


# %% without signs
# cell: kappa-exact-answer
# loses: kappa-values kappa-hidden-exact
# says: Has a sign been lost?
def kappa(m):
    def weighed(x):
        return 2 * m * x * stats.norm.pdf(x) * (2 * stats.norm.cdf(x) - 1) ** (m - 1)

    return float(integrate.quad(weighed, 0, 12, limit=200)[0])
