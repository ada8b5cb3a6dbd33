"""Which strengths matter: below one threshold an operator is hard, above another it is a plain linear map."""

from __future__ import annotations

import torch
from jaxtyping import Float64, Real
from torch import Tensor

from paper_lessons.soft_sort import checks
from paper_lessons.soft_sort.isotonic import isotonic_l2


def hard_strength(
    values: Real[Tensor, "*batch n"],
    operator: str = "rank",
    regularization: str = "l2",
    *,
    descending: bool = False,
    dim: int = -1,
) -> Float64[Tensor, "*batch"]:
    """The largest strength at which an operator still gives the hard result.

    Up to and including this strength the result is the hard one; strictly below it the gradient is the hard
    operator's too (zero for ranks). Above it at least two neighbours are blended.

    Parameters
    ----------
    values : Tensor of shape (*batch, n)
        Any real dtype.
    operator : {"rank", "sort"}
        Ranks blend the closest values first, sorted values the most distant neighbours.
    regularization : {"l2", "kl"}
        It matters for ranks; both soft sorts become soft at the same strength.
    descending : bool
        As given to the operator; it matters for the kl rank only.
    dim : int
        The dimension that is sorted or ranked along; the result does not have it.

    Returns
    -------
    Tensor of shape (*batch,)
        In float64, in the unit that the operator's `regularization_strength` has. 0 for ranks of tied values; inf for a row of one
        element, and for the sort of equal ones. NaN where the operator gives NaN.

    Raises
    ------
    ValueError
        If an argument is not one of the above.

    Notes
    -----
    With theta sorted descending, the l2 rank: min(theta_i - theta_i+1); the kl rank: min((theta_i - theta_i+1)
    / log(rho_i / rho_i+1)), rho = (n, ..., 1); the sorts: 1 / max(theta_i - theta_i+1).

    Examples
    --------
    >>> hard_strength(torch.tensor([0.3, -1.2, 0.9, 0.5, 2.0], dtype=torch.float64)).item()
    0.2
    """
    theta = _sorted_descending(values, operator, regularization, dim, negate=descending)
    gaps = theta[..., :-1] - theta[..., 1:]
    if gaps.shape[-1] == 0:
        return torch.full_like(theta.sum(-1), torch.inf)
    if operator == "sort":
        return gaps.amax(-1).reciprocal()
    if regularization == "kl":
        rho = torch.arange(theta.shape[-1], 0, -1, dtype=theta.dtype, device=theta.device)
        gaps = gaps / (rho[:-1] / rho[1:]).log()
    return gaps.amin(-1)


def linear_strength(
    values: Real[Tensor, "*batch n"],
    operator: str = "rank",
    regularization: str = "l2",
    *,
    dim: int = -1,
) -> Float64[Tensor, "*batch"]:
    """The smallest strength at which all values share one block, and an l2 operator is linear.

    From this strength on (itself included) ranks are (theta - mean(theta))/strength + (n + 1)/2, and sorted values are
    mean(theta) + (rho - mean(rho))/strength: nothing in them is sorted any more.

    Parameters
    ----------
    values : Tensor of shape (*batch, n)
        Any real dtype.
    operator : {"rank", "sort"}
        Which operator.
    regularization : {"l2"}
        The kl operators never become linear.
    dim : int
        The dimension that is sorted or ranked along; the result does not have it.

    Returns
    -------
    Tensor of shape (*batch,)
        In float64. For a row of one element, which has nothing to order, inf by convention. For equal values 0
        (rank) and inf (sort). NaN for a row with an entry that is not finite.

    Raises
    ------
    ValueError
        If an argument is not one of the above.

    Notes
    -----
    With m_i the mean of the i largest values and m the mean of all, ranks: max 2 (m_i - m)/(n - i) over i < n; sorts: the
    reciprocal of the minimum of the same. Both are tight. The sufficient condition usual in the literature,
    max (theta_i - theta_j)/(rho_i - rho_j), is larger.

    Examples
    --------
    >>> round(linear_strength(torch.tensor([0.3, -1.2, 0.9, 0.5, 2.0])).item(), 6)
    0.85
    """
    if regularization == "kl":
        raise ValueError(
            "linear_strength exists for regularization 'l2' only, got 'kl' "
            "(the kl operators approach a limit but are never linear)"
        )
    theta = _sorted_descending(values, operator, regularization, dim, negate=False)
    n = theta.shape[-1]
    if n < 2:
        return torch.full_like(theta.sum(-1), torch.inf)
    # relative to a value of the row: equal values then give exact zeros
    theta = theta - theta[..., n // 2, None]
    excess = (theta - theta.mean(-1, keepdim=True)).cumsum(-1)[..., :-1]
    i = torch.arange(1, n, dtype=theta.dtype, device=theta.device)
    slopes = 2 * excess / (i * (n - i))
    return slopes.amax(-1) if operator == "rank" else slopes.amin(-1).reciprocal()


def covering_strength(
    values: Real[Tensor, "*batch n"], coverage: float = 0.9, *, dim: int = -1
) -> float:
    """The smallest strength at which a given share of all values hears a gradient through the l2 rank.

    A value in a block of its own has a settled rank and gets the gradient zero. Blocks only ever merge as the
    strength grows, so there is one such strength, between `hard_strength` and `linear_strength`; it is a good one to
    start from.

    Parameters
    ----------
    values : Tensor of shape (*batch, n)
        Any real dtype, finite; a whole batch, as the model makes it.
    coverage : float
        The share of the values, over all rows, in (0, 1].
    dim : int
        The dimension that is ranked along.

    Returns
    -------
    float
        In the values' unit; right to one part in a million.

    Raises
    ------
    ValueError
        If `coverage` is out of range, or the values are not finite or have rows of fewer than two elements.

    Notes
    -----
    Not in the paper. Adding strength times a convex sequence to the cumulative sums can only remove corners of their least
    concave majorant, and the corners are where blocks end: that is why blocks only merge.

    Examples
    --------
    >>> round(covering_strength(torch.tensor([0.3, -1.2, 0.9, 0.5, 2.0]), 0.6), 6)
    0.333333
    """
    if not 0 < coverage <= 1:
        raise ValueError(f"coverage must be a share in (0, 1], got {coverage!r}")
    theta = _sorted_descending(values, "rank", "l2", dim, negate=False)
    n = theta.shape[-1]
    if n < 2 or theta.numel() == 0 or not bool(theta.isfinite().all()):
        raise ValueError("values must be finite, with at least two along dim and at least one row")
    rho = torch.arange(n, 0, -1, dtype=theta.dtype, device=theta.device)

    def covered(strength: float) -> float:
        apart = isotonic_l2(theta - strength * rho).diff(dim=-1) != 0
        edge = torch.ones_like(apart[..., :1])
        alone = torch.cat([edge, apart], -1) & torch.cat([apart, edge], -1)
        return (~alone).double().mean().item()

    low, high = 0.0, linear_strength(theta).max().item()
    while high - low > 1e-7 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if covered(middle) >= coverage else (middle, high)
    return high


def _sorted_descending(
    values: Tensor, operator: str, regularization: str, dim: int, *, negate: bool
) -> Tensor:
    checks.check_tensor(values)
    checks.one_of(operator, checks.OPERATORS, "operator")
    checks.one_of(regularization, checks.REGULARIZATIONS, "regularization")
    dim = checks.check_dim(values, dim)
    theta = values.detach().movedim(dim, -1).to(checks.precise_dtype(values))
    if negate:
        theta = -theta
    return theta.sort(dim=-1, descending=True).values
