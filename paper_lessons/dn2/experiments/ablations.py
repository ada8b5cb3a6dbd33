"""What the result depends on: k, number of normal pictures, resolution, layer, network, and what is kept.

Each part changes one thing and leaves the others at the defaults: features of length 1, k = 2, every class
once the normal one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, Int
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score

from paper_lessons import plotting
from paper_lessons.dn2.backbones import Backbone, load_backbone, wrap_module
from paper_lessons.dn2.detector import DeepNearestNeighbors
from paper_lessons.dn2.experiments.data import (
    ClassFeatures,
    Data,
    class_features,
    load_pictures,
    several_classes,
)
from paper_lessons.dn2.normalizing import unit_rows
from paper_lessons.dn2.pictures.networks import EfficientNetLite0
from paper_lessons.runs import run_tasks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Rows = Float[np.ndarray, "rows dimension"]

ON_FEATURES = ("neighbors", "normals", "dimensions", "storage", "reduction")
ON_PICTURES = ("resolution", "layer", "backbone")
PARTS = (*ON_FEATURES, *ON_PICTURES)

NEIGHBORS = (1, 2, 3, 5, 10, 20, 50)
NORMALS = (3, 5, 10, 20, 50, 100, 200, 500)
DIMENSIONS = (16, 32, 64, 128, 256)
BASE_SIZES = (3, 10, 50, 200)
STORAGES = ("float32", "float16", "uint8")
RESOLUTIONS = (32, 64, 96, 128, 224)
LAYERS = ("stage4", "stage5", "stage6", "stage", "pool", "stage + pool")
BACKBONES = ("random weights", "lite0")

_TITLES = {
    "neighbors": "neighbours (k)",
    "normals": "normal pictures",
    "dimensions": "dimensions kept",
    "storage": "index stored as",
    "reduction": "rows of the base",
    "resolution": "side of the resized picture (pixels)",
    "layer": "layer",
    "backbone": "network",
}


def run(
    data: Data = "digits",
    *,
    seed: int = 0,
    parts: Sequence[str] = PARTS,
    n_neighbors: int = 2,
    size: int = 128,
    neighbors: Sequence[int] = NEIGHBORS,
    normals: Sequence[int] = NORMALS,
    dimensions: Sequence[int] = DIMENSIONS,
    base_sizes: Sequence[int] = BASE_SIZES,
    resolutions: Sequence[int] = RESOLUTIONS,
    layers: Sequence[str] = LAYERS,
    backbones: Sequence[str] = BACKBONES,
    cache: str | None = None,
    jobs: int | None = None,
    progress: bool = False,
    checkpoint: str | None = None,
) -> dict[str, Any]:
    """Area under the ROC curve as one thing changes.

    Parameters
    ----------
    data : str, ImageSet or ClassFeatures
        As in :func:`paper_lessons.dn2.experiments.one_class.run`. Parts of ``ON_PICTURES`` need pictures.
    seed : int
        Of random subsets, projections, centroids and random weights.
    parts : sequence of str
        Some of ``PARTS``.
    n_neighbors : int
        Of all parts but the first.
    size : int
        Side of the resized pictures, of all parts but ``"resolution"``.
    neighbors, normals, dimensions, base_sizes, resolutions, layers, backbones : sequences
        What the parts go through; what the data are too small for is left out. ``"stage + pool"`` joins two
        layers, ``"random weights"`` is Lite0 before any training.
    cache, progress
        As in :class:`paper_lessons.dn2.ImageFeatures`.
    jobs, progress, checkpoint
        As in :func:`~paper_lessons.runs.run_tasks`.

    Returns
    -------
    dict
        ``"settings"``; under ``"parts"`` for each its lines, for each line of rows with ``"value"`` and
        ``"auc"``, one for each class.

    Raises
    ------
    ValueError
        If a part is unknown, or needs pictures and gets features.

    Notes
    -----
    Source: the paper varies k, the number of normal pictures and the depth of its network; the other parts
    are ours.

    Examples
    --------
    >>> few = class_features(load_pictures("digits", train_per_class=20, test_per_class=5), size=32)
    >>> found = run(few, parts=("neighbors",), neighbors=(1, 5))
    >>> [row["value"] for row in found["parts"]["neighbors"]["nearest neighbours"]]
    [1, 5]
    """
    unknown = [part for part in parts if part not in PARTS]
    if unknown or not parts:
        raise ValueError(f"parts must be some of {', '.join(PARTS)}; got {list(parts)}")
    pictured = [part for part in parts if part in ON_PICTURES]
    if isinstance(data, ClassFeatures) and pictured:
        raise ValueError(f"data must be pictures for {', '.join(pictured)}, got features")
    pictures = load_pictures(data) if isinstance(data, str) else data
    known = class_features(pictures, size=size, cache=cache, progress=progress)
    several_classes(known)
    rows = int(np.bincount(known.train_labels).min())
    options: dict[str, Any] = {"jobs": jobs, "progress": progress, "checkpoint": checkpoint}

    def areas(features: ClassFeatures, variants: Sequence[dict[str, Any]]) -> list[list[float]]:
        arrays = features.arrays()
        del arrays["train_pixels"], arrays["test_pixels"]
        tasks = [
            {"normal": normal, "variant": variant}
            for variant in variants
            for normal in range(len(features.classes))
        ]
        shared = {**arrays, "n_neighbors": n_neighbors, "seed": seed}
        runs = iter(run_tasks(area, tasks, shared=shared, **options))
        return [[next(runs) for _ in features.classes] for _ in variants]

    def on_features(part: str) -> dict[str, Any]:
        lines = _variants(part, rows, neighbors, normals, dimensions, base_sizes)
        return {
            line: _rows([value for value, _ in one], areas(known, [v for _, v in one]))
            for line, one in lines.items()
        }

    def on_pictures(part: str) -> dict[str, Any]:
        values = {"resolution": resolutions, "layer": layers, "backbone": backbones}[part]
        found = []
        for value in values:
            how = _how(part, value, size, seed)
            found += areas(class_features(pictures, cache=cache, progress=progress, **how), [{}])
        return {"features, l2": _rows(list(values), found)}

    found = {part: (on_pictures if part in ON_PICTURES else on_features)(part) for part in parts}
    settings = {"seed": seed, "n_neighbors": n_neighbors, "size": size}
    return {"settings": {**known.settings(), **settings}, "parts": found}


def area(
    normal: int,
    variant: dict[str, Any],
    *,
    train: Rows,
    train_labels: Int[np.ndarray, " train"],
    test: Rows,
    test_labels: Int[np.ndarray, " test"],
    n_neighbors: int,
    seed: int,
) -> float:
    """Area under the ROC curve of one variant with one normal class.

    Parameters
    ----------
    normal : int
        Index of the class.
    variant : dict
        ``"normals"`` keeps so many normal pictures, drawn at random; ``"pca"`` keeps so many principal axes
        of the normal features; all else are options of :class:`paper_lessons.dn2.DeepNearestNeighbors`.
    train, train_labels, test, test_labels
        As in :class:`~paper_lessons.dn2.experiments.data.ClassFeatures`.
    n_neighbors, seed : int

    Returns
    -------
    float
    """
    variant = {"n_neighbors": n_neighbors, "random_state": seed, **variant}
    own, new = train[train_labels == normal], test
    normals, axes = variant.pop("normals", None), variant.pop("pca", None)
    if normals is not None:
        own = np.random.default_rng([seed, normal]).permutation(own)[:normals]
    if axes is not None:
        own, new = unit_rows(own), unit_rows(new)
        pca = PCA(axes, svd_solver="full").fit(own)
        own, new = pca.transform(own), pca.transform(new)
        variant["normalize"] = None  # lengths are 1 before the axes are taken
    detector = DeepNearestNeighbors(**variant).fit(own)
    return float(roc_auc_score(test_labels != normal, detector.anomaly_score(new)))


def random_lite0(seed: int) -> Backbone:
    """Lite0 with the weights that training would start from: what does the architecture do alone?

    Parameters
    ----------
    seed : int

    Returns
    -------
    Backbone

    Examples
    --------
    >>> random_lite0(0).fingerprint == random_lite0(0).fingerprint != random_lite0(1).fingerprint
    True
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = EfficientNetLite0()
    return wrap_module(network, name="random weights", mean=(0.5,) * 3, std=(0.5,) * 3)


def plot(result: dict[str, Any], part: str, axes: Axes) -> None:
    """Draw one part: the mean area over the thing that changes.

    Parameters
    ----------
    result : dict
        From :func:`run`.
    part : str
        One of the parts that were run.
    axes : matplotlib.axes.Axes
    """
    colors = list(plotting.COLORS.values())
    lines = result["parts"][part]
    for (line, rows), color in zip(lines.items(), colors, strict=False):
        values = [row["value"] for row in rows]
        means = [100 * np.mean(row["auc"]) for row in rows]
        if isinstance(values[0], str):
            spread = [100 * np.array(row["auc"]) for row in rows]
            for place, areas in enumerate(spread):
                axes.plot(areas, np.full(len(areas), place), "o", color=color, alpha=0.5)
                axes.plot([means[place]] * 2, [place - 0.3, place + 0.3], color=color, linewidth=3)
            axes.set_yticks(range(len(values)), values)
            axes.invert_yaxis()
            axes.set_ylabel(_TITLES[part])
            axes.set_xlabel("area under the ROC curve (%)")
            return
        axes.plot(values, means, "o-", color=color, label=line)
    axes.set_xscale("log")
    ticks = sorted({row["value"] for rows in lines.values() for row in rows})
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel(_TITLES[part])
    axes.set_ylabel("area under the ROC curve (%)")
    if len(lines) > 1:
        plotting.label_lines(axes)


def _variants(
    part: str,
    rows: int,
    neighbors: Sequence[int],
    normals: Sequence[int],
    dimensions: Sequence[int],
    base_sizes: Sequence[int],
) -> dict[str, list[tuple[Any, dict[str, Any]]]]:
    """For each line of a part the values and the options that stand for them."""
    if part == "neighbors":
        return {
            "nearest neighbours": [(k, {"n_neighbors": k}) for k in neighbors if k < rows],
        }
    if part == "normals":
        return {"random subsets": [(n, {"normals": n}) for n in normals if n <= rows]}
    if part == "dimensions":
        return {
            "random projection": [
                (d, {"reduction": "projection", "reduction_size": d}) for d in dimensions
            ],
            "PCA of the normal class": [(d, {"pca": d}) for d in dimensions if d < rows],
        }
    if part == "storage":
        return {"features, l2": [(one, {"storage": one}) for one in STORAGES]}
    kinds = {"k-means centroids": "kmeans", "coreset": "coreset"}
    return {
        line: [(n, {"reduction": kind, "reduction_size": n}) for n in base_sizes if n < rows]
        for line, kind in kinds.items()
    }


def _how(part: str, value: Any, size: int, seed: int) -> dict[str, Any]:
    """Options of :func:`class_features` for a value of a part on pictures."""
    if part == "resolution":
        return {"size": value}
    if part == "layer":
        names = tuple(value.split(" + "))
        return {"size": size, "layer": names[0] if len(names) == 1 else names}
    network = random_lite0(seed) if value == "random weights" else load_backbone(value)
    return {"size": size, "backbone": network}


def _rows(values: list[Any], areas: list[list[float]]) -> list[dict[str, Any]]:
    return [{"value": value, "auc": one} for value, one in zip(values, areas, strict=True)]
