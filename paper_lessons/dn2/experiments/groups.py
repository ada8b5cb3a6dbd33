"""Sets of pictures as samples: which pool of their features tells an odd set best?

A normal set has one picture from each of M classes. An anomalous set has M pictures drawn from the same
classes with replacement, so that a class is there twice and another is not: each picture is normal, the
set is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int
from sklearn.metrics import roc_auc_score

from paper_lessons import plotting
from paper_lessons.dn2.experiments.data import Data, class_features, several_classes
from paper_lessons.dn2.groups import GroupNearestNeighbors
from paper_lessons.runs import run_tasks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZES = (2, 3, 5, 10)
POOLS = ("mean", "max", "concat")

Rows = Float[np.ndarray, "rows dimension"]


def run(
    data: Data = "digits",
    *,
    seed: int = 0,
    repeats: int = 10,
    sizes: Sequence[int] = SIZES,
    pools: Sequence[str] = POOLS,
    n_neighbors: int = 2,
    train_groups: int = 500,
    test_groups: int = 200,
    size: int = 128,
    cache: str | None = None,
    jobs: int | None = None,
    progress: bool = False,
    checkpoint: str | None = None,
) -> dict[str, Any]:
    """Area under the ROC curve of each pool, as sets grow.

    Parameters
    ----------
    data : str, ImageSet or ClassFeatures
        As in :func:`paper_lessons.dn2.experiments.one_class.run`.
    seed : int
        Of the first repeat; each repeat draws classes and sets anew.
    repeats : int
    sizes : sequence of int
        Pictures in a set (M), from 2 to the number of classes.
    pools : sequence of str
        Some of ``"mean"``, ``"max"``, ``"concat"``.
    n_neighbors : int
    train_groups, test_groups : int
        Normal sets to fit on; normal sets, and as many anomalous ones, to test.
    size, cache, progress
        As in :class:`paper_lessons.dn2.ImageFeatures` (``size`` is the picture's side).
    jobs, progress, checkpoint
        As in :func:`~paper_lessons.runs.run_tasks`.

    Returns
    -------
    dict
        ``"settings"``; under ``"pools"`` for each pool one row for each M with its ``"auc"``, one for each
        repeat.

    Raises
    ------
    ValueError
        If a number does not fit.

    Notes
    -----
    Source: the paper's experiment on group anomalies (section 3.3).

    Examples
    --------
    >>> from paper_lessons.dn2.experiments.data import load_pictures
    >>> few = class_features(load_pictures("digits", train_per_class=9, test_per_class=3), size=32)
    >>> found = run(few, repeats=1, sizes=(2,), train_groups=20, test_groups=10)
    >>> [(pool, len(rows)) for pool, rows in found["pools"].items()]
    [('mean', 1), ('max', 1), ('concat', 1)]
    """
    unknown = [pool for pool in pools if pool not in POOLS]
    if unknown or not pools:
        raise ValueError(f"pools must be some of {', '.join(POOLS)}; got {list(pools)}")
    for name, value in (
        ("repeats", repeats),
        ("train_groups", train_groups),
        ("test_groups", test_groups),
    ):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    known = class_features(data, size=size, cache=cache, progress=progress)
    several_classes(known)
    if not sizes or not all(2 <= one <= len(known.classes) for one in sizes):
        raise ValueError(
            f"sizes must lie from 2 to {len(known.classes)} (classes), got {list(sizes)}"
        )
    counts = {"train_groups": train_groups, "test_groups": test_groups, "n_neighbors": n_neighbors}
    arrays = known.arrays()
    del arrays["train_pixels"], arrays["test_pixels"]
    tasks = [
        {"pictures": pictures, "seed": seed + repeat}
        for pictures in sizes
        for repeat in range(repeats)
    ]
    shared = {**arrays, **counts, "pools": list(pools)}
    options: dict[str, Any] = {"jobs": jobs, "progress": progress, "checkpoint": checkpoint}
    runs = run_tasks(pool_and_score, tasks, shared=shared, **options)
    found: dict[str, list[Any]] = {pool: [] for pool in pools}
    for pool, rows in found.items():
        for pictures in sizes:
            pairs = zip(tasks, runs, strict=True)
            own = [one[pool] for task, one in pairs if task["pictures"] == pictures]
            rows.append({"pictures": pictures, "auc": own})
    settings = {"seed": seed, "repeats": repeats, "sizes": list(sizes), **counts}
    return {"settings": {**settings, **known.settings()}, "pools": found}


def pool_and_score(
    pictures: int,
    seed: int,
    *,
    train: Rows,
    train_labels: Int[np.ndarray, " train"],
    test: Rows,
    test_labels: Int[np.ndarray, " test"],
    train_groups: int,
    test_groups: int,
    n_neighbors: int,
    pools: Sequence[str],
) -> dict[str, float]:
    """All pools on the same sets.

    Parameters
    ----------
    pictures : int
        In a set.
    seed : int
    train, train_labels, test, test_labels
        As in :class:`~paper_lessons.dn2.experiments.data.ClassFeatures`.
    train_groups, test_groups, n_neighbors, pools
        As in :func:`run`.

    Returns
    -------
    dict of str to float
        Area under the ROC curve of each pool.
    """
    generator = np.random.default_rng([seed, pictures])
    classes = generator.choice(np.unique(train_labels), pictures, replace=False)
    known = draw_groups(train_labels, classes, train_groups, False, generator)
    new = np.concatenate(
        [draw_groups(test_labels, classes, test_groups, odd, generator) for odd in (False, True)]
    )
    answer = np.repeat([0, 1], test_groups)
    fit_on, score_on = train[known], test[new]  # (groups, M, dimension)
    found = {}
    for pool in pools:
        detector = GroupNearestNeighbors(pool=pool, n_neighbors=n_neighbors).fit(list(fit_on))
        found[pool] = float(roc_auc_score(answer, detector.anomaly_score(list(score_on))))
    return found


def draw_groups(
    labels: Int[np.ndarray, " pictures"],
    classes: Int[np.ndarray, " M"],
    count: int,
    odd: bool,
    generator: np.random.Generator,
) -> Int[np.ndarray, "count M"]:
    """Rows of the pictures in each of many sets, in any order within a set.

    Parameters
    ----------
    labels : Int[np.ndarray, "pictures"]
    classes : Int[np.ndarray, "M"]
    count : int
        Number of sets.
    odd : bool
        Whether at least one class is there twice; otherwise each is there once.
    generator : numpy.random.Generator

    Returns
    -------
    Int[np.ndarray, "count M"]

    Examples
    --------
    >>> labels = np.array([0, 0, 1, 1, 2])
    >>> groups = draw_groups(labels, np.array([0, 1]), 5, False, np.random.default_rng(0))
    >>> np.sort(labels[groups], axis=1).tolist() == [[0, 1]] * 5
    True
    """
    rows = {int(label): np.flatnonzero(labels == label) for label in classes}
    groups = np.empty((count, len(classes)), dtype=np.int64)
    for group in groups:
        drawn = generator.permutation(classes)
        while odd and len(np.unique(drawn)) == len(classes):
            drawn = generator.choice(classes, len(classes))
        group[:] = [generator.choice(rows[int(label)]) for label in drawn]
    return groups


def plot(result: dict[str, Any], axes: Axes) -> None:
    """Draw the area over the number of pictures in a set: mean and standard error over the repeats.

    Parameters
    ----------
    result : dict
        From :func:`run`.
    axes : matplotlib.axes.Axes
    """
    for (pool, rows), color in zip(result["pools"].items(), plotting.COLORS.values(), strict=False):
        sizes = [row["pictures"] for row in rows]
        areas = 100 * np.array([row["auc"] for row in rows])  # (M, repeat)
        mean, error = areas.mean(1), areas.std(1) / np.sqrt(areas.shape[1])
        axes.plot(sizes, mean, "o-", color=color, label=pool)
        axes.fill_between(sizes, mean - error, mean + error, color=color, alpha=0.2, linewidth=0)
    plotting.mark(axes, 50, "chance", along="y")
    axes.set_xticks(result["settings"]["sizes"])
    axes.set_xlabel("pictures in a set (M)")
    axes.set_ylabel("area under the ROC curve (%)")
    plotting.label_lines(axes)
