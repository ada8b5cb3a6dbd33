"""What both estimators share: L-BFGS over a PyTorch objective, and the checks of common options."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from numbers import Integral, Real

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import OptimizeResult, minimize
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor


def minimize_lbfgs(
    objective: Callable[[Float[Tensor, " n"]], Float[Tensor, ""]],
    start: Float[np.ndarray, " n"],
    *,
    max_iter: int,
    tol: float,
    fixed: slice | None = None,
) -> OptimizeResult:
    """Make a PyTorch objective small by SciPy's L-BFGS, in float64.

    Parameters
    ----------
    objective : callable
        From a vector of weights to a scalar that can be differentiated.
    start : array of shape (n,)
        Where to begin.
    max_iter : int
        Most steps; reaching them gives a ``ConvergenceWarning``.
    tol : float
        Stop when no entry of the gradient is larger, or when a step gains less than the share
        ``1e-5 * tol`` of the objective.
    fixed : slice, optional
        Weights that stay as they start.

    Returns
    -------
    scipy.optimize.OptimizeResult
        With ``x``, ``fun``, ``nit`` and ``success``.

    Examples
    --------
    >>> found = minimize_lbfgs(lambda w: (w - 3).square().sum(), np.zeros(2), max_iter=9, tol=1e-9)
    >>> found.x
    array([3., 3.])
    """

    def value_and_gradient(weights: np.ndarray) -> tuple[float, np.ndarray]:
        variable = torch.tensor(weights, dtype=torch.float64, requires_grad=True)
        value = objective(variable)
        (gradient,) = torch.autograd.grad(value, variable)
        if fixed is not None:
            gradient[fixed] = 0
        return value.item(), gradient.numpy()

    found = minimize(
        value_and_gradient,
        np.asarray(start, dtype=np.float64),
        method="L-BFGS-B",
        jac=True,
        # The gradient jumps where two entries swap; ftol ends the search that would circle there.
        options={"maxiter": max_iter, "maxfun": 4 * max_iter + 20, "gtol": tol, "ftol": 1e-5 * tol},
    )
    if found.nit >= max_iter:
        warnings.warn(
            f"L-BFGS took all {max_iter} steps of max_iter without reaching tol={tol}; "
            "raise max_iter or standardise the features",
            ConvergenceWarning,
            stacklevel=3,
        )
    return found


def location_and_scale(
    X: Float[np.ndarray, "samples features"], *, centred: bool
) -> tuple[Float[np.ndarray, " features"], Float[np.ndarray, " features"]]:
    """Mean and standard deviation of each column: 0 without centring, 1 for a constant column.

    Parameters
    ----------
    X : array of shape (samples, features)
    centred : bool
        Whether to subtract the means; otherwise the deviation is taken from 0.

    Returns
    -------
    tuple of two arrays of shape (features,)

    Examples
    --------
    >>> location_and_scale(np.array([[1.0, 5.0], [3.0, 5.0]]), centred=True)
    (array([2., 5.]), array([1., 1.]))
    """
    centre = X.mean(axis=0) if centred else np.zeros(X.shape[1])
    spread = np.sqrt(((X - centre) ** 2).mean(axis=0))
    # What is left of a constant column after centring is rounding; do not blow it up.
    return centre, np.where(spread > 1e-12 * np.abs(X).max(axis=0), spread, 1.0)


def robust_scale(y: Float[np.ndarray, " samples"]) -> float:
    """1.4826 times the median absolute deviation: the standard deviation of a clean normal sample.

    Parameters
    ----------
    y : array of shape (samples,)

    Returns
    -------
    float
        The standard deviation where more than half of the numbers are equal, 1 where all are.

    Examples
    --------
    >>> robust_scale(np.array([1.0, 2.0, 3.0, 4.0, 500.0]))
    1.4826
    """
    deviation = 1.4826 * float(np.median(np.abs(y - np.median(y))))
    return deviation or float(y.std()) or 1.0


def least_squares(
    design: Float[np.ndarray, "samples width"],
    target: Float[np.ndarray, " samples"],
    *,
    alpha: float,
    penalised: int,
) -> Float[np.ndarray, " width"]:
    """Weights of least mean ``residual**2 / 2 + alpha / 2 * sum(weights[:penalised]**2)``.

    Parameters
    ----------
    design : array of shape (samples, width)
    target : array of shape (samples,)
    alpha : float
        Weight of the penalty.
    penalised : int
        How many of the first weights it counts.

    Returns
    -------
    array of shape (width,)
        The shortest one where several are best.

    Examples
    --------
    >>> least_squares(np.eye(2), np.array([1.0, 2.0]), alpha=0.0, penalised=2)
    array([1., 2.])
    """
    samples, width = design.shape
    penalty = np.zeros(width)
    penalty[:penalised] = np.sqrt(samples * alpha)
    rows = np.vstack([design, np.diag(penalty)])
    return np.linalg.lstsq(rows, np.append(target, np.zeros(width)), rcond=None)[0]


def check_fit_options(estimator: BaseEstimator) -> None:
    """Refuse values of ``alpha``, ``max_iter`` and ``tol`` that make no sense.

    Parameters
    ----------
    estimator : BaseEstimator
        With these three parameters.

    Raises
    ------
    ValueError
        Names the parameter, what came and what is allowed.
    """
    for name in ("alpha", "tol"):
        value = getattr(estimator, name)
        if not isinstance(value, Real) or isinstance(value, bool) or not 0 <= float(value) < np.inf:
            raise ValueError(f"{name} must be a non-negative number, got {value!r}")
    steps = estimator.max_iter
    if not isinstance(steps, Integral) or isinstance(steps, bool) or steps < 1:
        raise ValueError(f"max_iter must be a whole number from 1, got {steps!r}")
