"""One class is normal, all others are anomalies: the paper's main experiment, for each class in turn.

The same pictures go through the paper's plain distance, through distances between features of length 1,
and through rivals on the same features. Test labels are used for the areas under the ROC curves only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int
from sklearn.covariance import LedoitWolf
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.neighbors import LocalOutlierFactor
from sklearn.svm import OneClassSVM

from paper_lessons import plotting
from paper_lessons.dn2.detector import DeepNearestNeighbors
from paper_lessons.dn2.experiments.data import Data, class_features, several_classes
from paper_lessons.dn2.normalizing import unit_rows
from paper_lessons.runs import run_tasks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Rows = Float[np.ndarray, "rows dimension"]
Scores = Float[np.ndarray, " rows"]


@dataclass(frozen=True)
class Method:
    """One way to score: from what, and how.

    Attributes
    ----------
    score : callable
        ``score(train, test, n_neighbors, seed)`` gives one number for each test row, higher for anomalies.
    pixels : bool
        Whether it sees pixels instead of features.
    """

    score: Callable[[Rows, Rows, int, int], Scores]
    pixels: bool = False


def _neighbors(normalize: str | None) -> Callable[[Rows, Rows, int, int], Scores]:
    def score(train: Rows, test: Rows, n_neighbors: int, seed: int) -> Scores:
        return DeepNearestNeighbors(n_neighbors, normalize=normalize).fit(train).anomaly_score(test)

    return score


def _lof(train: Rows, test: Rows, n_neighbors: int, seed: int) -> Scores:
    model = LocalOutlierFactor(min(20, len(train) - 1), novelty=True)
    return -model.fit(unit_rows(train)).score_samples(unit_rows(test))


def _one_class_svm(train: Rows, test: Rows, n_neighbors: int, seed: int) -> Scores:
    return -OneClassSVM(nu=0.1).fit(unit_rows(train)).score_samples(unit_rows(test))


def _isolation_forest(train: Rows, test: Rows, n_neighbors: int, seed: int) -> Scores:
    return -IsolationForest(random_state=seed).fit(unit_rows(train)).score_samples(unit_rows(test))


def _mahalanobis(train: Rows, test: Rows, n_neighbors: int, seed: int) -> Scores:
    fitted = LedoitWolf().fit(unit_rows(train).astype(np.float64))
    return fitted.mahalanobis(unit_rows(test).astype(np.float64))


METHODS: dict[str, Method] = {
    "pixels": Method(_neighbors(None), pixels=True),
    "pixels, l2": Method(_neighbors("l2"), pixels=True),
    "features": Method(_neighbors(None)),
    "features, l2": Method(_neighbors("l2")),
    "features, z-score": Method(_neighbors("zscore")),
    "features, whitened": Method(_neighbors("whiten")),
    "LOF": Method(_lof),
    "one-class SVM": Method(_one_class_svm),
    "isolation forest": Method(_isolation_forest),
    "Mahalanobis": Method(_mahalanobis),
}


def run(
    data: Data = "digits",
    *,
    seed: int = 0,
    methods: Sequence[str] = tuple(METHODS),
    n_neighbors: int = 2,
    size: int = 128,
    layer: str | Sequence[str] | None = None,
    backbone: str = "lite0",
    cache: str | None = None,
    jobs: int | None = None,
    progress: bool = False,
    checkpoint: str | None = None,
) -> dict[str, Any]:
    """Area under the ROC curve of each method, each class once the normal one.

    Parameters
    ----------
    data : str, ImageSet or ClassFeatures
        What :func:`~paper_lessons.dn2.experiments.data.class_features` takes. Features at hand save the
        time to compute them, and ``size``, ``layer`` and ``backbone`` then do not matter.
    seed : int
        Of the isolation forest; nothing else is random.
    methods : sequence of str
        Names of ``METHODS``. All but pixels see the same features; rivals see them at length 1.
    n_neighbors : int
        Of our detectors. LOF has 20, the isolation forest 100 trees, the SVM nu = 0.1.
    size, layer, backbone, cache, progress
        As in :class:`paper_lessons.dn2.ImageFeatures`.
    jobs, progress, checkpoint
        As in :func:`~paper_lessons.runs.run_tasks`.

    Returns
    -------
    dict
        ``"settings"``; under ``"methods"`` for each its ``"auc"``, one in [0, 1] for each class, and their
        ``"mean"``.

    Raises
    ------
    ValueError
        If a method is unknown, or the data do not fit.

    Notes
    -----
    Source: the paper's experiments on one class against the rest, and its metric (section 4).

    Examples
    --------
    >>> from paper_lessons.dn2.experiments.data import load_pictures
    >>> few = load_pictures("digits", train_per_class=10, test_per_class=5)
    >>> found = run(few, methods=("features, l2",), size=32)
    >>> len(found["methods"]["features, l2"]["auc"])
    10
    """
    unknown = [name for name in methods if name not in METHODS]
    if unknown or not methods:
        raise ValueError(f"methods must be some of {', '.join(METHODS)}; got {list(methods)}")
    known = class_features(
        data, backbone=backbone, size=size, layer=layer, cache=cache, progress=progress
    )
    several_classes(known)
    tasks = [
        {"method": method, "normal": index}
        for method in methods
        for index in range(len(known.classes))
    ]
    shared = {**known.arrays(), "n_neighbors": n_neighbors, "seed": seed}
    options: dict[str, Any] = {"jobs": jobs, "progress": progress, "checkpoint": checkpoint}
    areas = iter(run_tasks(area, tasks, shared=shared, **options))
    found = {}
    for method in methods:
        own = [next(areas) for _ in known.classes]
        found[method] = {"auc": own, "mean": float(np.mean(own))}
    settings = {"seed": seed, "n_neighbors": n_neighbors, **known.settings()}
    return {"settings": settings, "methods": found}


def area(method: str, normal: int, **shared: Any) -> float:
    """Area under the ROC curve of one method with one normal class.

    Parameters
    ----------
    method : str
        A name of ``METHODS``.
    normal : int
        Index of the class.
    **shared
        As in :func:`score_pictures`.

    Returns
    -------
    float
    """
    anomalous, scores = score_pictures(method, normal, **shared)
    return float(roc_auc_score(anomalous, scores))


def score_pictures(
    method: str,
    normal: int,
    *,
    train: Rows,
    train_labels: Int[np.ndarray, " train"],
    test: Rows,
    test_labels: Int[np.ndarray, " test"],
    train_pixels: Rows,
    test_pixels: Rows,
    n_neighbors: int = 2,
    seed: int = 0,
) -> tuple[Int[np.ndarray, " test"], Scores]:
    """Scores of all test pictures by one method, fitted on one class.

    Parameters
    ----------
    method, normal
        As in :func:`area`.
    train, train_labels, test, test_labels, train_pixels, test_pixels
        As in :class:`~paper_lessons.dn2.experiments.data.ClassFeatures`.
    n_neighbors, seed : int

    Returns
    -------
    anomalous : Int[np.ndarray, "test"]
        0 for pictures of the normal class, 1 for the others.
    scores : Float[np.ndarray, "test"]
        Higher for anomalies.
    """
    chosen = METHODS[method]
    known, new = (train_pixels, test_pixels) if chosen.pixels else (train, test)
    scores = chosen.score(known[train_labels == normal], new, n_neighbors, seed)
    return (test_labels != normal).astype(int), scores


def plot_classes(result: dict[str, Any], axes: Axes) -> None:
    """Draw the areas of each method: a dot for each class, a bar at the mean.

    Parameters
    ----------
    result : dict
        From :func:`run`.
    axes : matplotlib.axes.Axes
    """
    colors = list(plotting.COLORS.values())
    for row, found in enumerate(result["methods"].values()):
        areas, color = 100 * np.array(found["auc"]), colors[row % 6]
        axes.plot(areas, np.full(len(areas), row), "o", color=color, alpha=0.6, markersize=5)
        axes.plot([100 * found["mean"]] * 2, [row - 0.35, row + 0.35], color=color, linewidth=3)
    axes.set_yticks(range(len(result["methods"])), list(result["methods"]))
    axes.invert_yaxis()
    plotting.mark(axes, 50, "chance")
    axes.set_xlabel("area under the ROC curve (%), a dot for each normal class")


def plot_roc(data: Data, axes: Axes, *, method: str = "features, l2", n_neighbors: int = 2) -> None:
    """Draw the ROC curve of each class and their mean.

    Parameters
    ----------
    data : str, ImageSet or ClassFeatures
        As in :func:`run`.
    axes : matplotlib.axes.Axes
    method : str
        A name of ``METHODS``.
    n_neighbors : int
    """
    known = class_features(data)
    grid = np.linspace(0, 1, 201)
    curves = []
    for normal in range(len(known.classes)):
        shared: dict[str, Any] = {**known.arrays(), "n_neighbors": n_neighbors}
        answer = score_pictures(method, normal, **shared)
        false, true, _ = roc_curve(*answer)
        curves.append(np.interp(grid, false, true))
        axes.plot(100 * false, 100 * true, color=plotting.COLORS["blue"], alpha=0.35, linewidth=1)
    mean = np.mean(curves, axis=0)
    axes.plot(100 * grid, 100 * mean, color=plotting.COLORS["orange"], linewidth=2.5, label="mean")
    axes.plot([0, 100], [0, 100], color=plotting.COLORS["ink"], linestyle=(0, (4, 3)), linewidth=1)
    axes.set_xlabel("false alarms among normal pictures (%)")
    axes.set_ylabel("anomalies found (%)")
    axes.set_aspect("equal")
