"""The chapter's drawings: the staircase, pooling, the permutahedron, the effect of the strength.

Each takes axes of :func:`paper_lessons.plotting.figure` or makes its own figure; what it draws is
computed by this package, so a drawing cannot disagree with the code.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, permutations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from paper_lessons import plotting
from paper_lessons.soft_sort.operators import soft_rank
from paper_lessons.soft_sort.strength import hard_strength, linear_strength

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "PoolingStep",
    "draw_permutahedra",
    "draw_pooling",
    "draw_rank_while_sliding",
    "draw_ranks_over_strengths",
    "pooling_steps",
]


def draw_rank_while_sliding(
    axes: Axes,
    scores: torch.Tensor,
    *,
    index: int = 0,
    strengths: Sequence[float] = (0.1, 0.5, 2.0),
    regularization: str = "l2",
) -> None:
    """Draw the hard and soft ranks of one score while it slides past the others.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    scores : Tensor, shape (n,)
        The scores; all but one stay where they are.
    index : int
        Which one slides.
    strengths : sequence of float
        One soft rank is drawn for each.
    regularization : {"l2", "kl"}
        The flavour of the soft ranks.
    """
    others = torch.cat([scores[:index], scores[index + 1 :]])
    low, high = float(others.min()) - 0.8, float(others.max()) + 0.8
    positions = torch.linspace(low, high, 1201, dtype=torch.float64)
    rows = scores.double().repeat(len(positions), 1)  # (n,) -> (positions, n)
    rows[:, index] = positions
    for strength, color in zip(strengths, plotting.ramp(max(len(strengths), 1)), strict=False):
        ranks = soft_rank(rows, regularization, strength)[:, index]
        axes.plot(positions, ranks, color=color, label=f"strength {strength:g}")
    # The staircase has gaps where it jumps.
    hard = 1.0 + (others[None, :] < positions[:, None]).sum(dim=1).double()
    hard[1:][hard.diff() != 0] = float("nan")
    color = plotting.COLORS["ink"] if strengths else plotting.COLORS["blue"]
    axes.plot(positions, hard, color=color, label="rank" if strengths else "_rank")
    for other in others:
        axes.axvline(float(other), ymax=0.03, color=plotting.COLORS["ink"])
    axes.set(
        xlabel="value of the sliding score", ylabel="its rank", yticks=range(1, len(scores) + 1)
    )
    axes.set_title("" if not strengths else regularization)
    if strengths:
        axes.legend(fontsize="small", loc="upper left")


class PoolingStep(NamedTuple):
    """One state of pool adjacent violators: the blocks after a number was pushed or two were merged."""

    seen: int
    blocks: tuple[tuple[int, int, float], ...]
    what: str


def pooling_steps(values: Sequence[float]) -> list[PoolingStep]:
    """Every state of pool adjacent violators on a short list.

    Parameters
    ----------
    values : sequence of float, length n
        The numbers to fit by a non-increasing sequence.

    Returns
    -------
    list of PoolingStep
        ``blocks`` holds (start, stop, mean); ``what`` says what was done last.

    Examples
    --------
    >>> [step.what for step in pooling_steps([1.0, 2.0])]
    ['push 1', 'push 2', 'merge']
    """
    blocks: list[tuple[int, int, float]] = []
    steps = []
    for place, value in enumerate(values):
        blocks.append((place, place + 1, float(value)))
        steps.append(PoolingStep(place + 1, tuple(blocks), f"push {place + 1}"))
        while len(blocks) > 1 and blocks[-2][2] <= blocks[-1][2]:
            start, stop = blocks[-2][0], blocks[-1][1]
            blocks[-2:] = [(start, stop, float(np.mean([float(v) for v in values[start:stop]])))]
            steps.append(PoolingStep(place + 1, tuple(blocks), "merge"))
    return steps


def draw_pooling(values: Sequence[float], *, columns: int = 4) -> Figure:
    """Draw pool adjacent violators on a short list, one panel a step.

    Parameters
    ----------
    values : sequence of float, length n
        The numbers to fit by a non-increasing sequence.
    columns : int
        Panels in a row.

    Returns
    -------
    matplotlib.figure.Figure
    """
    values = [float(value) for value in values]
    steps = pooling_steps(values)
    rows = -(-len(steps) // columns)
    figure, grid = plotting.figure(
        rows, columns, height=1.55 * rows + 0.2, sharex=True, sharey=True, squeeze=False
    )
    places = np.arange(1, len(values) + 1)
    for panel in grid.flat[len(steps) :]:
        panel.set_visible(False)
    for panel, step in zip(grid.flat, steps, strict=False):
        merged = step.what == "merge"
        panel.plot(
            places[: step.seen],
            values[: step.seen],
            "o",
            color=plotting.COLORS["ink"],
            markersize=4,
        )
        for start, stop, mean in step.blocks:
            last = stop == step.seen
            color = plotting.COLORS["orange" if last and merged else "blue"]
            panel.plot([start + 0.7, stop + 0.3], [mean, mean], color=color, linewidth=2.5)
        panel.set_title(step.what, fontsize="small")
        panel.set(xticks=places, xlim=(0.4, len(values) + 0.6))
    for panel in grid[:, 0]:
        panel.set_ylabel("difference")
    for panel in grid.flat[max(len(steps) - columns, 0) : len(steps)]:
        panel.set_xlabel("place")
        panel.tick_params(labelbottom=True)
    return figure


def draw_permutahedra(scores: torch.Tensor) -> Figure:
    """Draw the permutahedra of three and of four ranks, and a soft rank's path in the first.

    Parameters
    ----------
    scores : Tensor, shape (3,)
        Their soft rank is followed from strength infinity to 0.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there are not three scores.
    """
    if tuple(scores.shape) != (3,):
        raise ValueError(f"scores must have shape (3,), got {tuple(scores.shape)}")
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(6.5, 3.5), layout="constrained")
    flat = figure.add_subplot(1, 2, 1, aspect="equal")
    solid: Any = figure.add_subplot(1, 2, 2, projection="3d", computed_zorder=False)
    _draw_hexagon(flat, scores)
    _draw_truncated_octahedron(solid)
    return figure


def draw_ranks_over_strengths(
    axes: Axes, scores: torch.Tensor, *, regularization: str = "l2", names: bool = True
) -> None:
    """Draw the soft ranks of a few scores over strengths, with the exact thresholds marked.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw; its x axis becomes logarithmic.
    scores : Tensor, shape (n,)
        The scores.
    regularization : {"l2", "kl"}
        The flavour of the soft ranks.
    names : bool
        Write each score beside its line.
    """
    scores = scores.double()
    hard = float(hard_strength(scores, "rank", regularization))
    middle = float(linear_strength(scores, "rank"))
    strengths = np.geomspace(hard / 10, middle * 30, 400)
    ranks = torch.stack([soft_rank(scores, regularization, float(s)) for s in strengths])
    for place, score in enumerate(scores.tolist()):
        color = list(plotting.COLORS.values())[place % 6]
        axes.plot(strengths, ranks[:, place], color=color, label=f"{score:g}")
    axes.set(xscale="log", xlabel="strength", ylabel="soft rank", yticks=range(1, len(scores) + 1))
    axes.set_title(regularization)
    plotting.mark(axes, hard, "hard up to here")
    if regularization == "l2":
        plotting.mark(axes, middle, "a line from here")
    if names:
        plotting.label_lines(axes)


def _plane_basis(n: int) -> np.ndarray:
    """Orthonormal basis of the plane of constant sum: shape (n - 1, n)."""
    directions = np.eye(n)[:-1] - np.eye(n)[1:]
    basis, _ = np.linalg.qr(directions.T)
    return basis.T


def _corners_and_edges(n: int) -> tuple[np.ndarray, list[tuple[int, int]]]:
    corners = np.array(list(permutations(range(1, n + 1))), dtype=float)  # (n!, n)
    # Two corners share an edge when they differ by swapping two consecutive ranks.
    edges = [
        (a, b)
        for a, b in combinations(range(len(corners)), 2)
        if np.isclose(np.square(corners[a] - corners[b]).sum(), 2.0)
    ]
    return corners, edges


def _draw_hexagon(axes: Axes, scores: torch.Tensor) -> None:
    corners, edges = _corners_and_edges(3)
    basis = _plane_basis(3)
    flat = (corners - 2.0) @ basis.T  # (6, 3) -> (6, 2)
    ink, blue, orange = (plotting.COLORS[name] for name in ("ink", "blue", "orange"))
    for a, b in edges:
        axes.plot(*flat[[a, b]].T, color=blue)
    for corner, place in zip(corners, flat, strict=True):
        axes.annotate(
            ",".join(f"{rank:g}" for rank in corner),
            place * 1.22,
            ha="center",
            va="center",
            color=ink,
        )
    strengths = np.geomspace(100.0, float(hard_strength(scores)) / 2, 300)
    path = torch.stack(
        [soft_rank(scores.double(), regularization_strength=float(s)) for s in strengths]
    )
    drawn = (path.numpy() - 2.0) @ basis.T
    axes.plot(*drawn.T, color=orange, linewidth=2.5)
    axes.plot(*drawn[-1], "o", color=orange, markersize=7)
    axes.plot(0, 0, "o", color=ink, markersize=4)
    axes.set(xlim=(-2.0, 2.0), ylim=(-2.0, 2.0))
    axes.set_axis_off()


def _draw_truncated_octahedron(axes: Any) -> None:
    corners, edges = _corners_and_edges(4)
    basis = _plane_basis(4)
    solid = (corners - 2.5) @ basis.T  # (24, 4) -> (24, 3)
    elevation, azimuth = 22.0, 60.0
    axes.view_init(elev=elevation, azim=azimuth)
    axes.set_proj_type("ortho")
    up, around = np.radians([elevation, azimuth])
    viewer = np.array([np.cos(up) * np.cos(around), np.cos(up) * np.sin(around), np.sin(up)])
    # A face is where a subset of the items shares the smallest ranks; it looks away from that subset.
    subsets = [
        np.isin(np.arange(4), chosen) for k in (1, 2, 3) for chosen in combinations(range(4), k)
    ]
    faces = [corners @ chosen == chosen.sum() * (chosen.sum() + 1) / 2 for chosen in subsets]
    seen = [
        face for face, chosen in zip(faces, subsets, strict=True) if -(basis @ chosen) @ viewer > 0
    ]
    for a, b in edges:
        visible = any(face[a] and face[b] for face in seen)
        axes.plot(
            *solid[[a, b]].T,
            color=plotting.COLORS["blue" if visible else "ink"],
            linewidth=1.8 if visible else 0.8,
            linestyle="-" if visible else ":",
        )
    axes.set(xlim=(-1.6, 1.6), ylim=(-1.6, 1.6), zlim=(-1.6, 1.6))
    axes.set_box_aspect((1, 1, 1), zoom=1.05)
    axes.set_axis_off()
