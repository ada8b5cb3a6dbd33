"""Robust regression: soft least trimmed squares against least squares, Huber and the hard trimmed kind.

Some training targets get noise of five standard deviations; test targets stay clean. What a method
leaves open (trim, strength, Huber's threshold) is chosen by cross-validation within the contaminated
training part, by the median absolute error, which outliers cannot move as long as they are a minority.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from sklearn.base import BaseEstimator
from sklearn.datasets import load_diabetes
from sklearn.linear_model import HuberRegressor, LinearRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, KFold, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from paper_lessons import plotting
from paper_lessons.runs import run_tasks
from paper_lessons.soft_sort.estimators import SoftTrimmedRegressor

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHARES = (0.0, 0.1, 0.2, 0.3, 0.4)
TRIMS = (0.1, 0.2, 0.3, 0.4, 0.5)
THRESHOLDS = (1.01, 1.1, 1.35, 2.0, 3.0)
# Chosen from by cross-validation; and the fine sweep that draws the way from one end to the other.
STRENGTHS = (0.0, 3.0, 10.0, 30.0, 100.0, 1e4)
SWEEP = (0.0, 0.01, 0.1, *np.geomspace(1, 100, 17).tolist(), 1e3, 1e4)
SWEEP_TRIM = 0.4

METHODS = ("least squares", "Huber", "hard trimmed", "soft trimmed")


def run(
    *,
    seed: int = 0,
    splits: int = 10,
    shares: Sequence[float] = SHARES,
    methods: Sequence[str] = METHODS,
    trims: Sequence[float] = TRIMS,
    strengths: Sequence[float] = STRENGTHS,
    sweep: Sequence[float] = SWEEP,
    inner_folds: int = 5,
    jobs: int | None = None,
    progress: bool = False,
    checkpoint: str | None = None,
) -> dict[str, Any]:
    """Test accuracy of each method on the diabetes data, as outliers grow.

    Parameters
    ----------
    seed : int
        Fixes splits and noise.
    splits : int
        Random splits, a quarter of the samples for testing.
    shares : sequence of float
        Shares of the training targets that become outliers, in [0, 0.5).
    methods : sequence of str
        Some of :data:`METHODS`.
    trims, strengths : sequence of float
        What the trimmed methods choose from.
    sweep : sequence of float
        Strengths at which soft trimming (dropping :data:`SWEEP_TRIM`) is also fitted without any
        choice, to see it pass from one end to the other.
    inner_folds : int
        Folds of the choice.
    jobs, progress, checkpoint
        As in :func:`~paper_lessons.runs.run_tasks`.

    Returns
    -------
    dict
        ``"settings"``; under ``"methods"``, for each method and share of outliers, the R2 on clean
        test data (``"scores"``, one for each split) and what was ``"chosen"``; under ``"sweep"``
        the R2 of each share, one row for each strength.

    Raises
    ------
    ValueError
        If a method is unknown or a number does not fit.

    Notes
    -----
    Source: the paper's experiment on robust regression; its data sets need a download, so this one
    takes the diabetes data that scikit-learn carries.

    Examples
    --------
    >>> found = run(splits=1, shares=(0.4,), methods=("least squares", "Huber"), sweep=())
    >>> found["methods"]["Huber"][0]["share"]
    0.4
    """
    unknown = [name for name in methods if name not in METHODS]
    if unknown:
        raise ValueError(f"methods must be some of {', '.join(METHODS)}; got {unknown}")
    if splits < 1 or inner_folds < 2:
        raise ValueError(
            f"splits must be at least 1 and inner_folds at least 2, got {splits} and {inner_folds}"
        )
    if not all(0 <= share < 0.5 for share in shares):
        raise ValueError(f"shares must lie in [0, 0.5), got {list(shares)}")
    settings = {
        "seed": seed,
        "trims": list(trims),
        "strengths": list(strengths),
        "inner_folds": inner_folds,
    }
    options: dict[str, Any] = {"jobs": jobs, "progress": progress, "checkpoint": checkpoint}
    tasks = [
        {"method": method, "share": share, "split": split}
        for method in methods
        for share in shares
        for split in range(splits)
    ]
    scores = run_tasks(tune_and_score, tasks, shared=settings, **options)
    sweeps = [
        {"share": share, "split": split, "strengths": list(sweep)}
        for share in shares
        for split in range(splits)
        if sweep
    ]
    curves = run_tasks(sweep_strengths, sweeps, shared={"seed": seed}, **options)
    return {
        "settings": {"splits": splits, "shares": list(shares), "sweep": list(sweep), **settings}
        | {"sweep_trim": SWEEP_TRIM},
        "methods": _by_method(methods, shares, tasks, scores),
        "sweep": _by_share(shares, sweeps, curves),
    }


def contaminated_diabetes(
    seed: int, split: int, share: float
) -> tuple[
    Float[np.ndarray, "train features"],
    Float[np.ndarray, " train"],
    Float[np.ndarray, "test features"],
    Float[np.ndarray, " test"],
]:
    """The diabetes data, split, with noise of five standard deviations on some training targets.

    Parameters
    ----------
    seed, split : int
        The same for all shares: more outliers are the same outliers and others.
    share : float
        Share of the training targets that get ``N(0, (5 sd)**2)`` added.

    Returns
    -------
    tuple of arrays
        Training inputs and targets, test inputs and targets.

    Examples
    --------
    >>> X, y, X_test, y_test = contaminated_diabetes(0, 0, 0.1)
    >>> X.shape, X_test.shape
    ((331, 10), (111, 10))
    """
    X, y = load_diabetes(return_X_y=True)
    state = 1000 * seed + split
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, random_state=state)
    generator = np.random.default_rng([seed, split])
    order, noise = generator.permutation(len(y)), generator.normal(size=len(y))
    outliers = order[: round(share * len(y))]
    y = y.copy()
    y[outliers] += 5 * y.std() * noise[outliers]
    return X, y, X_test, y_test


def tune_and_score(
    method: str,
    share: float,
    split: int,
    *,
    seed: int,
    trims: Sequence[float],
    strengths: Sequence[float],
    inner_folds: int,
) -> dict[str, Any]:
    """Tune one method on one contaminated training part and score it on the clean test part.

    Parameters
    ----------
    method : str
        One of :data:`METHODS`.
    share, split, seed
        As in :func:`contaminated_diabetes`.
    trims, strengths, inner_folds
        As in :func:`run`.

    Returns
    -------
    dict
        R2 as ``"score"`` and what cross-validation took as ``"chosen"``.
    """
    X, y, X_test, y_test = contaminated_diabetes(seed, split, share)
    model, grid = _model_and_grid(method, trims, strengths)
    search = GridSearchCV(
        Pipeline([("scale", StandardScaler()), ("fit", model)]),
        {f"fit__{name}": values for name, values in grid.items()},
        scoring="neg_median_absolute_error",
        cv=KFold(inner_folds, shuffle=True, random_state=split),
        error_score="raise",
    ).fit(X, y)
    chosen = {name.removeprefix("fit__"): value for name, value in search.best_params_.items()}
    return {"score": float(r2_score(y_test, search.predict(X_test))), "chosen": chosen}


def sweep_strengths(
    share: float, split: int, strengths: Sequence[float], *, seed: int
) -> list[float]:
    """R2 on clean test data of soft trimming at each strength, at a fixed trim.

    Parameters
    ----------
    share, split, seed
        As in :func:`contaminated_diabetes`.
    strengths : sequence of float

    Returns
    -------
    list of float
    """
    X, y, X_test, y_test = contaminated_diabetes(seed, split, share)
    scores = []
    for strength in strengths:
        model = SoftTrimmedRegressor(SWEEP_TRIM, regularization_strength=strength).fit(X, y)
        scores.append(float(r2_score(y_test, model.predict(X_test))))
    return scores


def plot_methods(result: dict[str, Any], axes: Axes) -> None:
    """Draw R2 on clean test data over the share of outliers: mean and spread over the splits.

    Parameters
    ----------
    result : dict
        From :func:`run`.
    axes : matplotlib.axes.Axes
    """
    for (method, rows), color in zip(
        result["methods"].items(), plotting.COLORS.values(), strict=False
    ):
        shares = 100 * np.array([row["share"] for row in rows])
        scores = np.array([row["scores"] for row in rows])  # (share, split)
        mean, error = scores.mean(1), scores.std(1) / np.sqrt(scores.shape[1])
        axes.plot(shares, mean, "o-", color=color, label=method)
        axes.fill_between(shares, mean - error, mean + error, color=color, alpha=0.2, linewidth=0)
    axes.set_xlabel("outliers among the training targets (%)")
    axes.set_ylabel("R² on clean test data")
    plotting.label_lines(axes)


def plot_sweep(result: dict[str, Any], axes: Axes) -> None:
    """Draw R2 over the strength, one line for each share of outliers.

    Parameters
    ----------
    result : dict
        From :func:`run` with a sweep.
    axes : matplotlib.axes.Axes
    """
    strengths = np.array(result["settings"]["sweep"])
    shades = plotting.ramp(len(result["sweep"]))
    for row, color in zip(result["sweep"], shades, strict=True):
        mean = np.array(row["scores"]).mean(0)
        axes.plot(strengths, mean, color=color, label=f"{100 * row['share']:.0f} %")
    positive = strengths[strengths > 0]
    # Strength 0 has a place of its own, left of the logarithmic part.
    axes.set_xscale("symlog", linthresh=float(positive.min()))
    axes.set_xlabel("strength (0: hard trimming; large: least squares)")
    axes.set_ylabel("R² on clean test data")
    plotting.label_lines(axes)


def _model_and_grid(
    method: str, trims: Sequence[float], strengths: Sequence[float]
) -> tuple[BaseEstimator, dict[str, list[float]]]:
    if method == "least squares":
        return LinearRegression(), {"fit_intercept": [True]}
    if method == "Huber":
        return HuberRegressor(alpha=0.0, max_iter=1000), {"epsilon": list(THRESHOLDS)}
    if method == "hard trimmed":
        return SoftTrimmedRegressor(regularization_strength=0.0), {"trim": list(trims)}
    grid = {"trim": list(trims), "regularization_strength": list(strengths)}
    return SoftTrimmedRegressor(), grid


def _by_method(
    methods: Sequence[str], shares: Sequence[float], tasks: list[Any], runs: list[Any]
) -> dict[str, Any]:
    def row(method: str, share: float) -> dict[str, Any]:
        own = [
            one
            for task, one in zip(tasks, runs, strict=True)
            if (task["method"], task["share"]) == (method, share)
        ]
        return {
            "share": share,
            "scores": [one["score"] for one in own],
            "chosen": [one["chosen"] for one in own],
        }

    return {method: [row(method, share) for share in shares] for method in methods}


def _by_share(shares: Sequence[float], tasks: list[Any], curves: list[Any]) -> list[Any]:
    return [
        {
            "share": share,
            "scores": [
                curve for task, curve in zip(tasks, curves, strict=True) if task["share"] == share
            ],
        }
        for share in shares
        if curves
    ]
