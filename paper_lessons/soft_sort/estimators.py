"""Two scikit-learn estimators built on soft ranks and soft sorts: a label ranker, a robust regressor."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import torch
from jaxtyping import Float
from scipy.stats import rankdata
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.linear_model import Ridge
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor

from paper_lessons.soft_sort.correlation import spearman_correlation, spearman_loss
from paper_lessons.soft_sort.fitting import (
    check_fit_options,
    least_squares,
    location_and_scale,
    minimize_lbfgs,
    robust_scale,
)
from paper_lessons.soft_sort.losses import number_to_drop, trimmed_loss

Array = np.ndarray


class LabelRanker(MultiOutputMixin, BaseEstimator):
    """Ranks a fixed set of labels for each sample, by linear scores trained through a soft rank.

    The scores of a sample are ``X @ coef_.T + intercept_``; the label with the largest has rank 1.
    Training makes :func:`spearman_loss` of the scores small, plus a ridge penalty, by L-BFGS from
    the ridge regression of the ranks. Nothing is random. Inputs should be standardised (put a
    ``StandardScaler`` before it).

    Parameters
    ----------
    regularization : {"l2", "kl"} or None
        Which soft rank; None leaves the projection out, which is ridge regression of the ranks.
    regularization_strength : float
        Softness of the ranks, positive. Linear scores can grow with it, so that it changes the
        predictions only through ``alpha * regularization_strength**2``: with ``alpha=0`` not at all.
    alpha : float
        Weight of the ridge penalty ``alpha / 2 * sum(coef_**2)`` against the mean loss of a sample.
    fit_intercept : bool
        Whether labels have scores of their own that do not depend on the sample.
    max_iter : int
        Most steps of L-BFGS.
    tol : float
        L-BFGS stops when no entry of the gradient is larger, or a step gains less than the share
        ``1e-5 * tol`` of the objective.

    Attributes
    ----------
    coef_ : array of shape (labels, features)
    intercept_ : array of shape (labels,)
    n_labels_ : int
    n_iter_ : int
        Steps taken (0 for the closed form without projection).
    loss_ : float
        Objective at the end, penalty included.

    Notes
    -----
    Source: the paper's experiment on label ranking (a linear model, the soft rank as its last
    layer, half the squared distance between ranks as its loss).

    Examples
    --------
    >>> X, ranks = [[0.0], [1.0], [2.0], [3.0]], [[1, 2], [1, 2], [2, 1], [2, 1]]
    >>> LabelRanker().fit(X, ranks).predict([[0.5], [2.5]])
    array([[1., 2.],
           [2., 1.]])
    """

    def __init__(
        self,
        regularization: str | None = "l2",
        *,
        regularization_strength: float = 1.0,
        alpha: float = 1e-3,
        fit_intercept: bool = True,
        max_iter: int = 300,
        tol: float = 1e-3,
    ) -> None:
        self.regularization = regularization
        self.regularization_strength = regularization_strength
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol

    def fit(self, X: Any, y: Any) -> Self:
        """Learn the scores from samples and the ranks of their labels.

        Parameters
        ----------
        X : array of shape (samples, features)
        y : array of shape (samples, labels)
            Ranks, the smallest for the best label. Only the order in a row counts; equal numbers
            are ties and share their average rank.

        Returns
        -------
        LabelRanker

        Raises
        ------
        ValueError
            If a parameter or the data do not fit.
        """
        self._check_parameters()
        X, y = validate_data(self, X, y, multi_output=True, dtype=np.float64, y_numeric=True)
        ranks = rankdata(_as_table(y), axis=1)
        samples, self.n_labels_ = ranks.shape
        strength = 1.0 if self.regularization is None else float(self.regularization_strength)
        # Scores divided by the strength are as good at strength 1: so only the penalty knows it,
        # and L-BFGS meets the same slopes at every strength.
        penalty = self.alpha * strength**2
        start = self._ridge(X, ranks, penalty)
        split = self.n_labels_ * X.shape[1]
        self.n_iter_, weights = 0, start
        if self.regularization is None:
            residuals = X @ start[:split].reshape(self.n_labels_, -1).T + start[split:]
            residuals += ranks - ranks.mean()
            self.loss_ = float(
                (residuals**2).sum() / samples + penalty * (start[:split] ** 2).sum()
            )
            self.loss_ /= 2
        else:
            found = minimize_lbfgs(
                self._objective(torch.tensor(X), torch.tensor(ranks), penalty),
                start,
                max_iter=self.max_iter,
                tol=self.tol,
                fixed=None if self.fit_intercept else slice(split, None),
            )
            weights, self.n_iter_, self.loss_ = found.x, int(found.nit), float(found.fun)
        self.coef_ = strength * weights[:split].reshape(self.n_labels_, -1)
        self.intercept_ = strength * weights[split:]
        return self

    def predict_scores(self, X: Any) -> Float[Array, "samples labels"]:
        """Scores of the labels, the larger the better.

        Parameters
        ----------
        X : array of shape (samples, features)

        Returns
        -------
        array of shape (samples, labels)
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return X @ self.coef_.T + self.intercept_

    def predict(self, X: Any) -> Float[Array, "samples labels"]:
        """Ranks of the labels, 1 for the best; equal scores share their average rank.

        Parameters
        ----------
        X : array of shape (samples, features)

        Returns
        -------
        array of shape (samples, labels)
        """
        return rankdata(-self.predict_scores(X), axis=1)

    def score(self, X: Any, y: Any) -> float:
        """Mean Spearman coefficient of predicted and given ranks.

        Parameters
        ----------
        X : array of shape (samples, features)
        y : array of shape (samples, labels)
            Ranks, the smallest for the best label.

        Returns
        -------
        float
            From -1 to 1. Samples whose labels are all tied in ``y`` say nothing and are left out;
            a prediction that ties all labels counts as 0. NaN if no sample is left.
        """
        y = _as_table(check_array(y, dtype=np.float64, ensure_2d=False))
        informative = np.ptp(y, axis=1) > 0
        coefficients = spearman_correlation(self.predict(X), y)[informative]
        return float(np.nan_to_num(coefficients).mean()) if informative.any() else float("nan")

    def _ridge(self, X: Array, ranks: Array, penalty: float) -> Array:
        """Weights, then constants, of the scores that regress minus the (logarithms of) ranks."""
        targets = -np.log(ranks) if self.regularization == "kl" else ranks.mean() - ranks
        ridge = Ridge(alpha=len(X) * penalty, fit_intercept=self.fit_intercept, solver="svd")
        ridge.fit(X, targets)
        constants = np.broadcast_to(ridge.intercept_, self.n_labels_)
        return np.concatenate([np.ravel(ridge.coef_), constants])

    def _objective(self, X: Tensor, ranks: Tensor, penalty: float) -> Callable[[Tensor], Tensor]:
        split = self.n_labels_ * X.shape[1]

        def objective(weights: Tensor) -> Tensor:
            coefficients = weights[:split].view(self.n_labels_, -1)
            loss = spearman_loss(
                X @ coefficients.T + weights[split:],
                ranks,
                regularization=self.regularization or "l2",
                descending=True,
            )
            return loss + penalty / 2 * coefficients.square().sum()

        return objective

    def _check_parameters(self) -> None:
        if self.regularization not in ("l2", "kl", None):
            raise ValueError(
                f"regularization must be 'l2', 'kl' or None, got {self.regularization!r}"
            )
        strength = self.regularization_strength
        if not isinstance(strength, Real) or not 0 < strength < np.inf:
            raise ValueError(
                f"regularization_strength must be a positive number, got {strength!r}"
                " (hard ranks have no slope to learn from)"
            )
        check_fit_options(self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.single_output = False
        tags.target_tags.two_d_labels = True
        return tags


class SoftTrimmedRegressor(RegressorMixin, BaseEstimator):
    """Linear regression that drops the samples with the largest residuals, softly.

    Minimises the soft trimmed mean of ``residual**2 / 2`` plus ``alpha / 2 * sum(coefficients**2)``
    by L-BFGS from the least squares solution. Features are centred and divided by their standard
    deviation, the target by its median absolute deviation; losses and penalty are measured in these
    units. So predictions follow any change of units or origin of the data.

    Parameters
    ----------
    trim : float or int
        Share of the samples to drop, in [0, 1), or their number. Above one half the majority
        itself could be dropped.
    regularization_strength : float
        0 drops samples wholly (least trimmed squares); a large number drops nothing (least
        squares). The change-over grows with the number of samples; between 1 and 100 for hundreds.
    alpha : float
        Weight of the ridge penalty.
    fit_intercept : bool
        Whether the line may pass beside the origin; without it nothing is centred.
    n_init : int
        Starts. The first is least squares, each other one an exact fit of a few samples drawn at
        random, which helps when outliers agree with one another; the best end counts.
    max_iter : int
        Most steps of L-BFGS for a start.
    tol : float
        L-BFGS stops when no entry of the gradient is larger, or a step gains less than the share
        ``1e-5 * tol`` of the objective.
    random_state : int, RandomState or None
        Draws the samples of the further starts.

    Attributes
    ----------
    coef_ : array of shape (features,)
    intercept_ : float
    weights_ : array of shape (samples,)
        How much each training sample counts at the end; they sum to 1. Dropped samples have 0.
    scale_ : float
        The unit of the residuals: 1.4826 times the target's median absolute deviation (its
        standard deviation, or 1, where that is 0).
    n_iter_ : int
        Steps of the best start.
    loss_ : float
        Objective at the end.

    Notes
    -----
    Source: the paper's experiment on robust regression (soft least trimmed squares).

    Examples
    --------
    >>> X, y = np.arange(10.0).reshape(-1, 1), np.arange(10.0)
    >>> y[9] = 500.0
    >>> model = SoftTrimmedRegressor(trim=0.2, regularization_strength=0).fit(X, y)
    >>> model.predict([[20.0]]).round(3), model.weights_[9].round(3)
    (array([20.]), np.float64(0.0))
    """

    def __init__(
        self,
        trim: float | int = 0.25,
        *,
        regularization_strength: float = 1.0,
        alpha: float = 0.0,
        fit_intercept: bool = True,
        n_init: int = 1,
        max_iter: int = 500,
        tol: float = 1e-6,
        random_state: Any = None,
    ) -> None:
        self.trim = trim
        self.regularization_strength = regularization_strength
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:
        """Learn the coefficients.

        Parameters
        ----------
        X : array of shape (samples, features)
        y : array of shape (samples,)

        Returns
        -------
        SoftTrimmedRegressor

        Raises
        ------
        ValueError
            If a parameter or the data do not fit.
        """
        self._check_parameters()
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        y = np.asarray(y, dtype=np.float64)
        number_to_drop(self.trim, len(y))  # before any work, so that the message comes first
        centre, spread = location_and_scale(X, centred=self.fit_intercept)
        middle = float(np.median(y)) if self.fit_intercept else 0.0
        self.scale_ = robust_scale(y)
        design = (X - centre) / spread
        if self.fit_intercept:
            design = np.column_stack([design, np.ones(len(design))])
        target = (y - middle) / self.scale_

        ends = [self._descend(design, target, start) for start in self._starts(design, target)]
        best = min(ends, key=lambda end: end.fun)
        self.loss_, self.n_iter_ = float(best.fun), int(best.nit)
        self.weights_ = self._weights(design, target, best.x)
        self.coef_ = best.x[: X.shape[1]] * self.scale_ / spread
        self.intercept_ = 0.0
        if self.fit_intercept:
            self.intercept_ = float(best.x[-1] * self.scale_ + middle - centre @ self.coef_)
        return self

    def predict(self, X: Any) -> Float[Array, " samples"]:
        """Values of the linear function.

        Parameters
        ----------
        X : array of shape (samples, features)

        Returns
        -------
        array of shape (samples,)
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return X @ self.coef_ + self.intercept_

    def _trimmed(self, losses: Tensor) -> Tensor:
        strength = self.regularization_strength
        return trimmed_loss(losses, self.trim, regularization_strength=strength)

    def _descend(self, design: Array, target: Array, start: Array) -> Any:
        features, wanted = torch.tensor(design), torch.tensor(target)
        penalised = design.shape[1] - int(self.fit_intercept)

        def objective(weights: Tensor) -> Tensor:
            losses = (features @ weights - wanted).square() / 2
            return self._trimmed(losses) + self.alpha / 2 * weights[:penalised].square().sum()

        return minimize_lbfgs(objective, start, max_iter=self.max_iter, tol=self.tol)

    def _weights(self, design: Array, target: Array, weights: Array) -> Array:
        # The slope of the trimmed mean in a sample's loss is that sample's share of the fit.
        losses = torch.tensor((design @ weights - target) ** 2 / 2, requires_grad=True)
        (share,) = torch.autograd.grad(self._trimmed(losses), losses)
        return share.numpy()

    def _starts(self, design: Array, target: Array) -> list[Array]:
        samples, width = design.shape
        penalised = width - int(self.fit_intercept)
        first = least_squares(design, target, alpha=self.alpha, penalised=penalised)
        generator = check_random_state(self.random_state)
        few = [
            generator.choice(samples, size=min(width, samples), replace=False)
            for _ in range(self.n_init - 1)
        ]
        exact = [np.linalg.lstsq(design[rows], target[rows], rcond=None)[0] for rows in few]
        return [first, *exact]

    def _check_parameters(self) -> None:
        strength = self.regularization_strength
        if not isinstance(strength, Real) or isinstance(strength, bool) or not strength >= 0:
            raise ValueError(
                f"regularization_strength must be a non-negative number, got {strength!r}"
                " (0 gives least trimmed squares)"
            )
        if not isinstance(self.n_init, Integral) or self.n_init < 1:
            raise ValueError(f"n_init must be a whole number from 1, got {self.n_init!r}")
        check_fit_options(self)


def _as_table(y: Array) -> Array:
    return y.reshape(len(y), -1)
