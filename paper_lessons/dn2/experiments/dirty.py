"""Training data with anomalies in it: clean by leave-one-out scores, then score with what is left.

A share of the training pictures comes from other classes. The paper drops the half that lies farthest from
its neighbours. Here the number of neighbours that decide what is dropped varies, apart from the number that
scores: anomalies of one kind are near to one another, and few neighbours let them pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int
from sklearn.metrics import roc_auc_score

from paper_lessons import plotting
from paper_lessons.dn2.detector import DeepNearestNeighbors
from paper_lessons.dn2.experiments.data import Data, class_features, several_classes
from paper_lessons.runs import run_tasks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHARES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
CLEANING_NEIGHBORS = (2, 10, 50)
UNCLEANED = "as it is"

Rows = Float[np.ndarray, "rows dimension"]


def run(
    data: Data = "digits",
    *,
    seed: int = 0,
    shares: Sequence[float] = SHARES,
    clean: float = 0.5,
    cleaning_neighbors: Sequence[int] = CLEANING_NEIGHBORS,
    n_neighbors: int = 2,
    normal_pictures: int = 300,
    size: int = 128,
    cache: str | None = None,
    jobs: int | None = None,
    progress: bool = False,
    checkpoint: str | None = None,
) -> dict[str, Any]:
    """Area under the ROC curve on test pictures as the training part gets dirtier.

    Parameters
    ----------
    data : str, ImageSet or ClassFeatures
        As in :func:`paper_lessons.dn2.experiments.one_class.run`.
    seed : int
        Fixes which pictures train.
    shares : sequence of float
        Shares of anomalies in the training part, in [0, 0.9].
    clean : float
        Share of the training part that cleaning drops; the paper's is one half.
    cleaning_neighbors : sequence of int
        Neighbours that decide what is dropped.
    n_neighbors : int
        Neighbours that score.
    normal_pictures : int
        Normal training pictures at most; anomalies are drawn from all other classes and added to them.
    size, cache, progress
        As in :class:`paper_lessons.dn2.ImageFeatures`.
    jobs, progress, checkpoint
        As in :func:`~paper_lessons.runs.run_tasks`.

    Returns
    -------
    dict
        ``"settings"``; under ``"ways"`` for each way (``"as it is"`` or ``"k = 50"``) one row for each
        share: its ``"auc"``, one for each class; and ``"found"``, the area under the ROC curve with which
        the cleaning scores tell the training part's anomalies (empty where there is none).

    Raises
    ------
    ValueError
        If a share does not fit or the data have too few pictures.

    Notes
    -----
    Source: the paper's unsupervised setting (section 3.2); its scoring and its cleaning have one k.

    Examples
    --------
    >>> from paper_lessons.dn2.experiments.data import load_pictures
    >>> few = class_features(load_pictures("digits", train_per_class=20, test_per_class=5), size=32)
    >>> found = run(few, shares=(0.2,), cleaning_neighbors=(2,), normal_pictures=16)
    >>> list(found["ways"])
    ['as it is', 'k = 2']
    """
    if not shares or not all(0 <= share <= 0.9 for share in shares):
        raise ValueError(f"shares must lie in [0, 0.9], got {list(shares)}")
    if normal_pictures < 4:
        raise ValueError(f"normal_pictures must be at least 4, got {normal_pictures}")
    known = class_features(data, size=size, cache=cache, progress=progress)
    several_classes(known)
    settings = {"clean": clean, "cleaning_neighbors": list(cleaning_neighbors), "seed": seed}
    settings |= {"n_neighbors": n_neighbors, "normal_pictures": normal_pictures}
    arrays = known.arrays()
    del arrays["train_pixels"], arrays["test_pixels"]
    tasks = [
        {"normal": normal, "share": share}
        for share in shares
        for normal in range(len(known.classes))
    ]
    options: dict[str, Any] = {"jobs": jobs, "progress": progress, "checkpoint": checkpoint}
    runs = run_tasks(clean_and_score, tasks, shared={**arrays, **settings}, **options)
    ways = [UNCLEANED, *map(_way, cleaning_neighbors)]
    return {
        "settings": {"shares": list(shares), **settings, **known.settings()},
        "ways": {way: [_row(way, share, tasks, runs) for share in shares] for way in ways},
    }


def clean_and_score(
    normal: int,
    share: float,
    *,
    train: Rows,
    train_labels: Int[np.ndarray, " train"],
    test: Rows,
    test_labels: Int[np.ndarray, " test"],
    clean: float,
    cleaning_neighbors: Sequence[int],
    n_neighbors: int,
    normal_pictures: int,
    seed: int,
) -> dict[str, Any]:
    """All ways of cleaning on one dirty training part.

    Parameters
    ----------
    normal : int
        The normal class.
    share : float
        Of anomalies.
    train, train_labels, test, test_labels
        As in :class:`~paper_lessons.dn2.experiments.data.ClassFeatures`.
    clean, cleaning_neighbors, n_neighbors, normal_pictures, seed
        As in :func:`run`.

    Returns
    -------
    dict
        For each way ``"auc"`` and ``"found"``.
    """
    rows = dirty_rows(train_labels, normal, share, normal_pictures, seed)
    anomalous, dirt = test_labels != normal, train_labels[rows] != normal
    found = {}
    for k in [None, *cleaning_neighbors]:
        chosen: dict[str, Any] = {} if k is None else {"clean": clean, "clean_neighbors": k}
        detector = DeepNearestNeighbors(n_neighbors, **chosen).fit(train[rows])
        told = detector.leave_one_out_scores_ if k is None else detector.cleaning_scores_
        found[UNCLEANED if k is None else _way(k)] = {
            "auc": float(roc_auc_score(anomalous, detector.anomaly_score(test))),
            "found": float(roc_auc_score(dirt, told)) if dirt.any() else None,
        }
    return found


def dirty_rows(
    labels: Int[np.ndarray, " train"], normal: int, share: float, normal_pictures: int, seed: int
) -> Int[np.ndarray, " rows"]:
    """Rows of a training part in which a share is anomalous.

    Parameters
    ----------
    labels : Int[np.ndarray, "train"]
    normal : int
        The normal class.
    share : float
        Of anomalies; the more there are, the more are the same.
    normal_pictures : int
        At most.
    seed : int

    Returns
    -------
    Int[np.ndarray, "rows"]

    Raises
    ------
    ValueError
        If there are too few anomalies.

    Examples
    --------
    >>> rows = dirty_rows(np.array([0] * 8 + [1] * 8), 0, 0.2, 8, seed=0)
    >>> rows[:8].tolist(), len(rows)
    ([0, 1, 2, 3, 4, 5, 6, 7], 10)
    """
    generator = np.random.default_rng([seed, normal])
    normals = np.sort(generator.permutation(np.flatnonzero(labels == normal))[:normal_pictures])
    others = generator.permutation(np.flatnonzero(labels != normal))
    wanted = round(share / (1 - share) * len(normals))
    if wanted > len(others):
        raise ValueError(
            f"share {share} needs {wanted} anomalies for {len(normals)} normal pictures, "
            f"the data have {len(others)}; lower normal_pictures"
        )
    return np.concatenate([normals, others[:wanted]])


def plot(result: dict[str, Any], axes: Axes) -> None:
    """Draw the mean area over the share of anomalies in the training part, a line for each way.

    Parameters
    ----------
    result : dict
        From :func:`run`.
    axes : matplotlib.axes.Axes
    """
    colors = [plotting.COLORS["red"], *plotting.ramp(len(result["ways"]) - 1)]
    for (way, rows), color in zip(result["ways"].items(), colors, strict=True):
        shares = [100 * row["share"] for row in rows]
        means = [100 * np.mean(row["auc"]) for row in rows]
        axes.plot(shares, means, "o-", color=color, label=way)
    axes.set_xlabel("anomalies in the training part (%)")
    axes.set_ylabel("area under the ROC curve (%)")
    plotting.label_lines(axes)


def _way(k: int) -> str:
    return f"k = {k}"


def _row(
    way: str, share: float, tasks: list[dict[str, Any]], runs: list[dict[str, Any]]
) -> dict[str, Any]:
    own = [run[way] for task, run in zip(tasks, runs, strict=True) if task["share"] == share]
    found = [one["found"] for one in own if one["found"] is not None]
    return {"share": share, "auc": [one["auc"] for one in own], "found": found}
