"""Where to draw the line: the same quantile of three kinds of scores, and what it promises.

The naive threshold scores the training pictures by the fitted detector, where each of them finds itself at
distance 0. Leave-one-out scores and conformal p-values leave it out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from paper_lessons import plotting
from paper_lessons.dn2.detector import DeepNearestNeighbors
from paper_lessons.dn2.experiments.data import Data, class_features, several_classes
from paper_lessons.dn2.thresholds import leave_one_out_threshold
from paper_lessons.runs import run_tasks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WAYS = ("with itself (naive)", "leave-one-out", "conformal p-value")

Scores = Float[np.ndarray, " pictures"]


def run(
    data: Data = "digits",
    *,
    seed: int = 0,
    false_positive_rate: float = 0.05,
    n_neighbors: int = 2,
    size: int = 128,
    cache: str | None = None,
    jobs: int | None = None,
    progress: bool = False,
    checkpoint: str | None = None,
) -> dict[str, Any]:
    """False alarms among held-out normal pictures, and anomalies found, for each kind of threshold.

    Parameters
    ----------
    data : str, ImageSet or ClassFeatures
        As in :func:`paper_lessons.dn2.experiments.one_class.run`.
    seed : int
        Kept with the result; nothing is random.
    false_positive_rate : float
        What is asked for, in (0, 1).
    n_neighbors : int
    size, cache, progress
        As in :class:`paper_lessons.dn2.ImageFeatures`.
    jobs, progress, checkpoint
        As in :func:`~paper_lessons.runs.run_tasks`.

    Returns
    -------
    dict
        ``"settings"``; under ``"ways"`` for each of ``WAYS`` ``"false_alarms"`` and ``"detected"``, shares
        in [0, 1], one for each class as the normal one.

    Raises
    ------
    ValueError
        If the data or a number do not fit.

    Notes
    -----
    Source: not in the paper, which has no threshold.

    Examples
    --------
    >>> from paper_lessons.dn2.experiments.data import load_pictures
    >>> few = class_features(load_pictures("digits", train_per_class=20, test_per_class=5), size=32)
    >>> list(run(few)["ways"])
    ['with itself (naive)', 'leave-one-out', 'conformal p-value']
    """
    known = class_features(data, size=size, cache=cache, progress=progress)
    several_classes(known)
    arrays = known.arrays()
    shared = {name: arrays[name] for name in ("train", "train_labels", "test", "test_labels")}
    chosen = {"false_positive_rate": false_positive_rate, "n_neighbors": n_neighbors}
    tasks = [{"normal": normal} for normal in range(len(known.classes))]
    options: dict[str, Any] = {"jobs": jobs, "progress": progress, "checkpoint": checkpoint}
    runs = run_tasks(draw_lines, tasks, shared={**shared, **chosen}, **options)
    return {
        "settings": {"seed": seed, **chosen, **known.settings()},
        "ways": {
            way: {what: [one[way][what] for one in runs] for what in ("false_alarms", "detected")}
            for way in WAYS
        },
    }


def draw_lines(
    normal: int, *, false_positive_rate: float, n_neighbors: int, **arrays: Any
) -> dict[str, Any]:
    """The three thresholds with one normal class.

    Parameters
    ----------
    normal : int
        Index of the class.
    false_positive_rate, n_neighbors
        As in :func:`run`.
    **arrays
        ``train``, ``train_labels``, ``test``, ``test_labels``.

    Returns
    -------
    dict
        For each of ``WAYS`` the shares ``"false_alarms"`` and ``"detected"``.
    """
    scores = score_class(normal, n_neighbors=n_neighbors, **arrays)
    detector, alone = scores["detector"], scores["train, left out"]
    naive = leave_one_out_threshold(scores["train, with itself"], false_positive_rate)
    honest = leave_one_out_threshold(alone, false_positive_rate)
    found = {}
    for what, name in (("false_alarms", "test, normal"), ("detected", "test, anomalous")):
        rows = arrays["test"][(arrays["test_labels"] == normal) == (what == "false_alarms")]
        p_values = detector.p_values(rows)
        alarms = (scores[name] > naive, scores[name] > honest, p_values <= false_positive_rate)
        found[what] = [float(alarm.mean()) for alarm in alarms]
    return {
        way: {what: shares[index] for what, shares in found.items()}
        for index, way in enumerate(WAYS)
    }


def score_class(
    normal: int,
    *,
    train: Float[np.ndarray, "train dimension"],
    train_labels: Any,
    test: Float[np.ndarray, "test dimension"],
    test_labels: Any,
    n_neighbors: int = 2,
    **_: Any,
) -> dict[str, Any]:
    """Scores of one normal class's training pictures, with and without themselves, and of the test pictures.

    Parameters
    ----------
    normal : int
    train, train_labels, test, test_labels
        As in :class:`~paper_lessons.dn2.experiments.data.ClassFeatures`.
    n_neighbors : int
    **_
        Other arrays of the features, not looked at.

    Returns
    -------
    dict
        ``"detector"``, and scores under ``"train, with itself"``, ``"train, left out"``, ``"test, normal"``,
        ``"test, anomalous"``.
    """
    own = train[train_labels == normal]
    detector = DeepNearestNeighbors(n_neighbors).fit(own)
    return {
        "detector": detector,
        "train, with itself": detector.anomaly_score(own),
        "train, left out": detector.leave_one_out_scores_,
        "test, normal": detector.anomaly_score(test[test_labels == normal]),
        "test, anomalous": detector.anomaly_score(test[test_labels != normal]),
    }


def plot(result: dict[str, Any], axes: Axes) -> None:
    """Draw false alarms and detected anomalies of each way: a dot for each class, a bar at the mean.

    Parameters
    ----------
    result : dict
        From :func:`run`.
    axes : matplotlib.axes.Axes
    """
    for shift, what, color in ((-0.15, "false_alarms", "red"), (0.15, "detected", "blue")):
        for row, way in enumerate(result["ways"].values()):
            shares, shade = 100 * np.array(way[what]), plotting.COLORS[color]
            axes.plot(shares, np.full(len(shares), row + shift), "o", color=shade, alpha=0.5)
            ends = [row + shift - 0.12, row + shift + 0.12]
            axes.plot([shares.mean()] * 2, ends, color=shade, linewidth=3)
    axes.set_yticks(range(len(result["ways"])), list(result["ways"]))
    axes.invert_yaxis()
    plotting.mark(axes, 100 * result["settings"]["false_positive_rate"], "asked for")
    axes.set_xlabel("called anomalous (%): normal pictures red, anomalies blue")


def plot_histogram(data: Data, axes: Axes, *, normal: int = 0, n_neighbors: int = 2) -> None:
    """Draw the four kinds of scores of one normal class, with the two thresholds.

    Parameters
    ----------
    data : str, ImageSet or ClassFeatures
        As in :func:`run`.
    axes : matplotlib.axes.Axes
    normal : int
        Index of the class.
    n_neighbors : int
    """
    known = class_features(data)
    scores = score_class(normal, **known.arrays(), n_neighbors=n_neighbors)
    drawn = {name: values for name, values in scores.items() if name != "detector"}
    edges = np.linspace(0, max(values.max() for values in drawn.values()), 61)
    middles = (edges[:-1] + edges[1:]) / 2
    for (name, values), color in zip(
        drawn.items(), ("red", "green", "blue", "orange"), strict=True
    ):
        heights = np.histogram(values, edges)[0] / len(values)
        shade = plotting.COLORS[color]
        axes.fill_between(middles, 100 * heights, color=shade, alpha=0.2, linewidth=0, step="mid")
        axes.step(middles, 100 * heights, color=shade, where="mid", label=name, linewidth=1.4)
    for name, text, color in (
        ("train, with itself", "naive", "red"),
        ("train, left out", "leave-one-out", "green"),
    ):
        plotting.mark(axes, leave_one_out_threshold(drawn[name], 0.05), text, color=color)
    axes.set_xlabel("anomaly score (mean squared distance)")
    axes.set_ylabel("share of the pictures in a bin (%)")
    axes.legend()
