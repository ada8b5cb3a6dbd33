"""The chapter's drawings: scores in a plane, who finds itself, cleaning, the PCA trap, lengths and angles.

Each takes axes of :func:`paper_lessons.plotting.figure`; what it draws is computed by this package, so a
drawing cannot disagree with the code.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from PIL import Image

from paper_lessons import plotting
from paper_lessons.dn2.detector import DeepNearestNeighbors
from paper_lessons.dn2.report.thumbnails import thumbnail

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from paper_lessons.dn2.report.examination import Finding

__all__ = [
    "distance_parts",
    "draw_cleaning",
    "draw_distance_parts",
    "draw_findings",
    "draw_pictures",
    "draw_plane",
    "draw_principal_axis",
    "draw_self_and_left_out",
]

Points = Float[np.ndarray, "n 2"]


def draw_plane(
    axes: Axes,
    normal: Points,
    new: Mapping[str, tuple[float, float]],
    *,
    normalize: str | None = None,
    n_neighbors: int = 2,
    reach: float = 17.5,
) -> None:
    """Draw normal points, new ones, and the part of the plane that the detector calls normal.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    normal : Float[np.ndarray, "n 2"]
        What the detector is fitted on.
    new : mapping of str to (float, float)
        Points to judge, by name.
    normalize : {"l2", None}
        Of the detector.
    n_neighbors : int
    reach : float
        The axes go from 0 to here.
    """
    detector = _fitted(normal, n_neighbors=n_neighbors, normalize=normalize)
    # The corner is left out: the direction of (0, 0) is not defined.
    ticks = np.linspace(reach / 400, reach, 120)
    grid = np.stack(np.meshgrid(ticks, ticks), axis=-1)  # (120, 120, 2)
    inside = detector.decision_function(grid.reshape(-1, 2)).reshape(len(ticks), len(ticks))
    green = plotting.COLORS["green"]
    axes.contourf(ticks, ticks, inside, levels=[0, np.inf], colors=[green], alpha=0.15)
    axes.contour(ticks, ticks, inside, levels=[0], colors=[green], linewidths=1.2)
    axes.plot(*normal.T, "o", color=plotting.COLORS["blue"], markersize=6)
    for name, point in new.items():
        normal_here = detector.predict([point])[0] == 1
        color = plotting.COLORS["green" if normal_here else "red"]
        axes.plot(*point, "o" if normal_here else "X", color=color, markersize=8)
        axes.annotate(
            name,
            point,
            xytext=(0, 8),
            textcoords="offset points",
            color=color,
            ha="center",
            fontsize="small",
        )
    axes.set(xlim=(0, reach), ylim=(0, reach), xlabel="first number", ylabel="second number")
    axes.set_aspect("equal")


def draw_self_and_left_out(
    axes: Axes, normal: Points, new: Mapping[str, tuple[float, float]], *, n_neighbors: int = 2
) -> None:
    """Draw three rows of scores: training points that find themselves, left out, and new points.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    normal : Float[np.ndarray, "n 2"]
    new : mapping of str to (float, float)
        New points by name.
    n_neighbors : int
    """
    detector = _fitted(normal, n_neighbors=n_neighbors, normalize=None)
    own, alone = detector.anomaly_score(normal), detector.leave_one_out_scores_
    scores = detector.anomaly_score(np.array(list(new.values()), dtype=float))
    for row, (values, color) in enumerate(((own, "red"), (alone, "green"), (scores, "blue"))):
        axes.plot(values, np.full(len(values), row), "o", color=plotting.COLORS[color])
    for name, score in zip(new, scores, strict=True):
        axes.annotate(
            name,
            (float(score), 2.0),
            xytext=(0, -14),
            textcoords="offset points",
            color=plotting.COLORS["blue"],
            ha="center",
            fontsize="small",
        )
    axes.set_yticks(
        range(3),
        ["training points,\neach finds itself", "training points,\nleft out", "new points"],
    )
    axes.set_ylim(2.6, -0.6)
    plotting.mark(axes, float(own.max()), "naive line", color="red")
    plotting.mark(axes, detector.threshold_, "honest line", color="green")
    axes.set_xscale("log")
    axes.set_xlabel("score (mean squared distance to the nearest two)")


def draw_cleaning(axes: Axes, points: Points, *, clean: float, clean_neighbors: int) -> None:
    """Draw dirty training points with their cleaning scores; what cleaning drops is crossed out.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    points : Float[np.ndarray, "n 2"]
    clean, clean_neighbors
        As in :class:`paper_lessons.dn2.DeepNearestNeighbors`.
    """
    detector = _fitted(points, normalize=None, clean=clean, clean_neighbors=clean_neighbors)
    told = detector.cleaning_scores_
    assert told is not None  # for mypy: clean is above 0
    kept = set(detector.kept_.tolist())
    for index, (point, score) in enumerate(zip(points, told, strict=True)):
        color = plotting.COLORS["blue" if index in kept else "red"]
        axes.plot(*point, "o" if index in kept else "X", color=color, markersize=7)
        axes.annotate(
            f"{score:.1f}",
            tuple(point),
            xytext=(7, 3),
            textcoords="offset points",
            color=color,
            fontsize="small",
        )
    axes.set(xlim=(1, 16), ylim=(-1, 10), xlabel="first number", ylabel="second number")
    axes.set_aspect("equal")
    plural = "" if clean_neighbors == 1 else "s"
    axes.set_title(f"cleaning with {clean_neighbors} neighbour{plural}")


def draw_principal_axis(
    axes: Axes, normal: Points, new: Mapping[str, tuple[float, float]]
) -> Float[np.ndarray, " 2"]:
    """Draw points, and where each lands on the axis along which the normal ones vary most.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    normal : Float[np.ndarray, "n 2"]
    new : mapping of str to (float, float)

    Returns
    -------
    Float[np.ndarray, "2"]
        The axis, of length 1.
    """
    middle = normal.mean(axis=0)
    direction = np.linalg.svd(normal - middle)[2][0]
    direction = direction * np.sign(direction.sum())
    ends = middle + np.outer([-6.0, 6.0], direction)
    axes.plot(*ends.T, color=plotting.COLORS["ink"], linewidth=1.0)
    for points, color in ((normal, "blue"), (np.array(list(new.values()), float), "red")):
        landed = middle + np.outer((points - middle) @ direction, direction)
        for start, stop in zip(points, landed, strict=True):
            axes.plot(*np.stack([start, stop]).T, color=plotting.COLORS[color], linewidth=0.8)
        axes.plot(*landed.T, "|", color=plotting.COLORS[color], markersize=12, markeredgewidth=2)
        axes.plot(*points.T, "o", color=plotting.COLORS[color])
    for name, point in new.items():
        axes.annotate(
            name,
            point,
            xytext=(0, -14),
            textcoords="offset points",
            color=plotting.COLORS["red"],
            ha="center",
            fontsize="small",
        )
    axes.set(xlim=(1, 14), ylim=(-0.5, 11), xlabel="first number", ylabel="second number")
    axes.set_aspect("equal")
    return direction


def distance_parts(features: Float[np.ndarray, "n d"]) -> dict[str, Float[np.ndarray, " pairs"]]:
    """Squared distances of all pairs, and the three things that they are made of.

    Parameters
    ----------
    features : Float[np.ndarray, "n d"]

    Returns
    -------
    dict
        For each pair ``"distance"`` (squared), ``"lengths"`` (the product of both), ``"difference"`` (of the
        lengths, squared) and ``"angle"`` (``2 - 2 cos``): distance = difference + lengths * angle.

    Examples
    --------
    >>> parts = distance_parts(np.array([[3.0, 4.0], [10.0, 0.0]]))
    >>> {name: round(float(value[0]), 6) for name, value in parts.items()}
    {'distance': 65.0, 'lengths': 50.0, 'difference': 25.0, 'angle': 0.8}
    """
    rows = np.asarray(features, dtype=np.float64)
    lengths = np.linalg.norm(rows, axis=1)
    first, second = np.triu_indices(len(rows), 1)
    units = rows / np.where(lengths == 0, 1, lengths)[:, None]
    angle = 2 - 2 * (units @ units.T)[first, second]
    product = lengths[first] * lengths[second]
    difference = np.square(lengths[first] - lengths[second])
    return {
        "distance": difference + product * angle,
        "lengths": product,
        "difference": difference,
        "angle": angle,
    }


def draw_distance_parts(axes: Sequence[Axes], features: Float[np.ndarray, "n d"]) -> None:
    """Draw the squared distance of each pair over its lengths (left) and over its angle (right).

    Parameters
    ----------
    axes : sequence of two matplotlib.axes.Axes
    features : Float[np.ndarray, "n d"]
        Some thirty rows are enough: every pair is a dot.
    """
    parts = distance_parts(features)
    for one, (part, text, color) in zip(
        axes,
        (
            ("lengths", "product of the two lengths", "orange"),
            ("angle", "squared distance after l2", "blue"),
        ),
        strict=True,
    ):
        shade = plotting.COLORS[color]
        one.plot(parts[part], parts["distance"], ".", color=shade, alpha=0.5, markersize=4)
        one.set_xlabel(text)
    axes[0].set_ylabel("squared distance")


def draw_pictures(
    axes: Sequence[Axes], pictures: Sequence[Any], titles: Sequence[str] | None = None
) -> None:
    """Show pictures side by side.

    Parameters
    ----------
    axes : sequence of matplotlib.axes.Axes
        At least as many as there are pictures; the rest are left empty.
    pictures : sequence of arrays (height, width) or (height, width, 3)
        In [0, 1].
    titles : sequence of str, optional
        One line for each.
    """
    for one in axes:
        one.set_axis_off()
    for place, (one, picture) in enumerate(zip(axes, pictures, strict=False)):
        one.imshow(np.clip(picture, 0, 1), cmap="gray", vmin=0, vmax=1)
        if titles is not None:
            one.set_title(titles[place], fontsize="small", loc="center")


def draw_findings(axes: Any, findings: Sequence[Finding]) -> None:
    """Show pictures, each beside its nearest normal ones; anomalous ones have a red title.

    Parameters
    ----------
    axes : numpy.ndarray of matplotlib.axes.Axes, shape (1 + k, number of findings)
        A column for each: the picture on top, its k neighbours below.
    findings : sequence of Finding
        From :meth:`paper_lessons.dn2.AnomalyDetector.examine`.
    """
    for column, finding in zip(np.asarray(axes).T, findings, strict=True):
        shown = [(finding.picture, f"{Path(finding.picture.name).name}\np = {finding.p_value:.2g}")]
        shown += [(picture, f"at {distance:.2f}") for picture, distance in finding.neighbors]
        for place, (one, (picture, title)) in enumerate(zip(column, shown, strict=False)):
            small = thumbnail(picture.path) if picture.thumbnail is None else picture.thumbnail
            with Image.open(io.BytesIO(small)) as opened:
                one.imshow(np.asarray(opened.convert("RGB")))
            color = plotting.COLORS["red" if finding.anomalous and place == 0 else "ink"]
            one.set_title(title, fontsize="small", loc="center", color=color)
            one.set_axis_off()


def _fitted(points: Points, **options: Any) -> DeepNearestNeighbors:
    # a handful of points: the line is the largest of their scores
    return DeepNearestNeighbors(false_positive_rate=0.2, **options).fit(points)
