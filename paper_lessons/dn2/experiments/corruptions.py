"""Spoiled photographs among good ones: what a camera does wrong is the anomaly.

Photographs are cut into tiles. Some tiles are the normal ones; of the others each is scored as it is and
spoiled in several ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from sklearn.metrics import roc_auc_score

from paper_lessons import plotting
from paper_lessons.dn2.detector import DeepNearestNeighbors
from paper_lessons.dn2.experiments.photographs import (
    CORRUPTIONS,
    PHOTOGRAPHS,
    corrupt,
    cut_tiles,
    photograph,
)
from paper_lessons.dn2.features import ImageFeatures
from paper_lessons.runs import run_tasks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEVELS = (1, 2, 3)
METHODS = ("pixels, l2", "features", "features, l2")

Tiles = Float[np.ndarray, "tiles side side 3"]


def run(
    photographs: Sequence[str] = PHOTOGRAPHS,
    *,
    seed: int = 0,
    corruptions: Sequence[str] = tuple(CORRUPTIONS),
    levels: Sequence[int] = LEVELS,
    side: int = 64,
    size: int = 64,
    tiles: int | None = None,
    test_share: float = 0.3,
    n_neighbors: int = 2,
    cache: str | None = None,
    jobs: int | None = None,
    progress: bool = False,
    checkpoint: str | None = None,
) -> dict[str, Any]:
    """Area under the ROC curve between good and spoiled tiles, for each corruption and strength.

    Parameters
    ----------
    photographs : sequence of str
        Names of :data:`~paper_lessons.dn2.experiments.photographs.PHOTOGRAPHS`.
    seed : int
        Fixes which tiles are for testing, and noise.
    corruptions : sequence of str
        Names of :data:`~paper_lessons.dn2.experiments.photographs.CORRUPTIONS`.
    levels : sequence of int
        Some of 1, 2, 3: slight to strong.
    side : int
        Of a tile, in pixels.
    size : int
        To which the network's pictures are resized.
    tiles : int, optional
        Of each photograph at most, drawn at random.
    test_share : float
        Share of each photograph's tiles that is for testing, in (0, 1).
    n_neighbors : int
    cache, progress
        As in :class:`paper_lessons.dn2.ImageFeatures`.
    jobs, progress, checkpoint
        As in :func:`~paper_lessons.runs.run_tasks`.

    Returns
    -------
    dict
        ``"settings"``; under ``"corruptions"`` for each one row for each level, with the area of each of
        ``METHODS``.

    Raises
    ------
    ValueError
        If a name is unknown or a number does not fit.

    Notes
    -----
    Source: not in the paper.

    Examples
    --------
    >>> found = run(("coffee",), corruptions=("noise",), levels=(3,), side=80, size=32)
    >>> sorted(found["corruptions"]["noise"][0])
    ['auc', 'level']
    """
    for name, given, allowed in (
        ("photographs", photographs, PHOTOGRAPHS),
        ("corruptions", corruptions, tuple(CORRUPTIONS)),
        ("levels", levels, LEVELS),
    ):
        if not given or any(one not in allowed for one in given):
            raise ValueError(
                f"{name} must be some of {', '.join(map(str, allowed))}; got {list(given)}"
            )
    normal, held_out = split_tiles(
        photographs, side=side, tiles=tiles, test_share=test_share, seed=seed
    )
    features = ImageFeatures(size=size, cache=cache, progress=progress)
    shared = {
        "normal": normal.reshape(len(normal), -1),
        "normal_features": features.transform(normal),
        "held_out": held_out,
        "held_out_features": features.transform(held_out),
    }
    settings: dict[str, Any] = {
        "size": size,
        "n_neighbors": n_neighbors,
        "seed": seed,
        "cache": cache,
    }
    tasks = [{"corruption": name, "level": level} for name in corruptions for level in levels]
    options: dict[str, Any] = {"jobs": jobs, "progress": progress, "checkpoint": checkpoint}
    runs = iter(run_tasks(spoil_and_score, tasks, shared={**shared, **settings}, **options))
    found = {
        name: [{"level": level, "auc": next(runs)} for level in levels] for name in corruptions
    }
    del settings["cache"]
    settings |= {"photographs": list(photographs), "side": side, "tiles": tiles}
    settings |= {"normal_tiles": len(normal), "test_tiles": len(held_out)}
    return {"settings": settings, "corruptions": found}


def split_tiles(
    photographs: Sequence[str],
    *,
    side: int = 64,
    tiles: int | None = None,
    test_share: float = 0.3,
    seed: int = 0,
) -> tuple[Tiles, Tiles]:
    """Tiles of photographs, some to know and some to test; no two overlap.

    Parameters
    ----------
    photographs, side, tiles, test_share, seed
        As in :func:`run`.

    Returns
    -------
    normal, held_out : Float[np.ndarray, "tiles side side 3"]
        float32 in [0, 1].

    Raises
    ------
    ValueError
        If a photograph has too few tiles.

    Examples
    --------
    >>> normal, held_out = split_tiles(["coffee"], side=100)
    >>> normal.shape, held_out.shape
    ((17, 100, 100, 3), (7, 100, 100, 3))
    """
    if not 0 < test_share < 1:
        raise ValueError(f"test_share must lie between 0 and 1, got {test_share}")
    normal, held_out = [], []
    for number, name in enumerate(photographs):
        cut = cut_tiles(photograph(name), side)
        order = np.random.default_rng([seed, number]).permutation(len(cut))[:tiles]
        test = round(test_share * len(order))
        if not 0 < test < len(order):
            raise ValueError(
                f"side must leave tiles to know and to test, {name} has {len(order)} of {side} pixels"
            )
        held_out += [cut[index] for index in order[:test]]
        normal += [cut[index] for index in order[test:]]
    return np.stack(normal).astype(np.float32), np.stack(held_out).astype(np.float32)


def spoil_and_score(
    corruption: str,
    level: int,
    *,
    normal: Float[np.ndarray, "normal pixels"],
    normal_features: Float[np.ndarray, "normal dimension"],
    held_out: Tiles,
    held_out_features: Float[np.ndarray, "tiles dimension"],
    size: int,
    n_neighbors: int,
    seed: int,
    cache: str | None,
) -> dict[str, float]:
    """Area of each method for one corruption at one level.

    Parameters
    ----------
    corruption, level
        As in :func:`~paper_lessons.dn2.experiments.photographs.corrupt`.
    normal, normal_features, held_out, held_out_features
        Tiles and their features.
    size, n_neighbors, seed, cache
        As in :func:`run`.

    Returns
    -------
    dict of str to float
    """
    spoiled = corrupt(list(held_out), corruption, level, seed=seed)
    found = ImageFeatures(size=size, cache=cache).transform(spoiled)
    pixels = np.concatenate([held_out, spoiled]).reshape(2 * len(held_out), -1)
    features = np.concatenate([held_out_features, found])
    answer = np.repeat([0, 1], len(held_out))
    areas = {}
    for method in METHODS:
        known, new = (normal, pixels) if "pixels" in method else (normal_features, features)
        detector = DeepNearestNeighbors(n_neighbors, normalize="l2" if "l2" in method else None)
        areas[method] = float(roc_auc_score(answer, detector.fit(known).anomaly_score(new)))
    return areas


def plot(result: dict[str, Any], axes: Axes, *, method: str = "features, l2") -> None:
    """Draw the area of one method over the level, a line for each corruption.

    Parameters
    ----------
    result : dict
        From :func:`run`.
    axes : matplotlib.axes.Axes
    method : str
        One of ``METHODS``.
    """
    for (name, rows), color in zip(
        result["corruptions"].items(), plotting.COLORS.values(), strict=False
    ):
        levels = [row["level"] for row in rows]
        areas = [100 * row["auc"][method] for row in rows]
        axes.plot(levels, areas, "o-", color=color, label=name)
    axes.set_xticks(levels, ["slight", "medium", "strong"][: len(levels)])
    plotting.mark(axes, 50, "chance", along="y")
    axes.set_ylabel(f"area under the ROC curve (%): {method}")
    plotting.label_lines(axes)


def plot_tiles(
    axes: Sequence[Axes], *, name: str = "coffee", side: int = 64, level: int = 3
) -> None:
    """Show one tile as it is, and spoiled in each way.

    Parameters
    ----------
    axes : sequence of matplotlib.axes.Axes
        One for the tile and one for each of ``CORRUPTIONS``.
    name : str
        A photograph.
    side, level : int
    """
    cut = cut_tiles(photograph(name), side)
    tile = cut[len(cut) // 2]
    shown = {"as it is": tile.astype(np.float32)}
    shown |= {kind: corrupt([tile], kind, level)[0] for kind in CORRUPTIONS}
    for one, (kind, pixels) in zip(axes, shown.items(), strict=True):
        one.imshow(pixels)
        one.set_title(kind, fontsize="small", loc="center")
        one.set_axis_off()
