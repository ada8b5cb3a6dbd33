"""The lesson's drawings: progress of searches, evaluations for each success, programs side by side.

Each takes plain data, as the experiments return it and their records keep it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from paper_lessons import plotting

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "draw_curves",
    "draw_evaluations_per_success",
    "draw_programs",
    "draw_turning_points",
]

_DATA_COLORS = [color for name, color in plotting.COLORS.items() if name != "ink"]
_LINE_INCHES = 0.155  # of a program's text
_LETTER_INCHES = 0.071


def draw_curves(
    axes: Axes,
    groups: Mapping[str, Sequence[Sequence[Sequence[float]]]],
    *,
    ylabel: str = "best fitness so far",
) -> None:
    """Draw best fitness over evaluations: a staircase for each search, a colour for each group.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    groups : mapping of str to sequence of curves
        A curve is a list of [evaluations, fitness], as
        :func:`~paper_lessons.automl_zero.finds.curve` gives it.
    ylabel : str
        What the fitness is.

    Examples
    --------
    >>> drawn, axes = plotting.figure()
    >>> draw_curves(axes, {"one": [[[1, 0.2], [50, 0.9]]], "two": [[[1, 0.3], [80, 0.4]]]})
    >>> [text.get_text() for text in axes.texts]
    ['one', 'two']
    """
    for number, (name, curves) in enumerate(groups.items()):
        color = _DATA_COLORS[number % len(_DATA_COLORS)]
        # The name stands at the end of the group's longest search.
        longest = max(range(len(curves)), key=lambda i: curves[i][-1][0], default=None)
        for place, points in enumerate(curves):
            axes.step(
                [max(1.0, point[0]) for point in points],
                [point[1] for point in points],
                where="post",
                color=color,
                label=name if place == longest else f"_{name} {place}",
            )
    axes.set_xscale("log")
    axes.set_xlabel("programs evaluated")
    axes.set_ylabel(ylabel)
    plotting.label_lines(axes)


def draw_turning_points(
    axes: Axes, points: Sequence[Mapping[str, Any]], *, numbered: bool = False
) -> None:
    """Draw a dot where a search turned, over its curve.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where the curve is drawn.
    points : sequence of mapping
        With ``evaluations`` and ``fitness``, as
        :func:`~paper_lessons.automl_zero.finds.turning_points` gives them.
    numbered : bool
        Whether to write numbers at the dots, from 1.

    Examples
    --------
    >>> drawn, axes = plotting.figure()
    >>> draw_turning_points(axes, [{"evaluations": 9, "fitness": 0.5}], numbered=True)
    >>> axes.texts[0].get_text()
    '1'
    """
    ink = plotting.COLORS["ink"]
    places = [(max(1.0, float(one["evaluations"])), float(one["fitness"])) for one in points]
    for place in places:
        axes.plot(*place, "o", color=ink, markersize=4)
    if numbered:
        for number, place in enumerate(places, start=1):
            axes.annotate(
                str(number),
                place,
                xytext=(-3, 4),
                textcoords="offset points",
                ha="right",
                color=ink,
            )


def draw_evaluations_per_success(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """Draw how many programs a method evaluates for each success, with 95 % intervals.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    rows : sequence of mapping
        From top to bottom: ``name``, ``per_success``, ``low`` and ``high``. Without a success
        ``per_success`` and ``high`` are None, and an arrow begins at what is at least needed.

    Examples
    --------
    >>> drawn, axes = plotting.figure()
    >>> row = {"name": "random search", "per_success": None, "low": 1e6, "high": None}
    >>> draw_evaluations_per_success(axes, [row])
    >>> axes.texts[0].get_text()
    'random search'
    """
    axes.set_xscale("log")
    for place, row in enumerate(rows):
        color = _DATA_COLORS[place % len(_DATA_COLORS)]
        low, high, middle = row["low"], row["high"], row["per_success"]
        axes.annotate(
            str(row["name"]),
            (0.0, place),
            xycoords=("axes fraction", "data"),
            xytext=(0, 8),
            textcoords="offset points",
            color=color,
        )
        if middle is None:
            arrow = {"arrowstyle": "->", "color": color, "linewidth": 1.8}
            axes.plot(low, place, "|", color=color, markersize=12)
            axes.annotate(
                "", (4.0 * low, place), xytext=(low, place), arrowprops=arrow, annotation_clip=False
            )
            axes.plot(4.0 * low, place, alpha=0.0)  # makes room for the arrow
            continue
        axes.plot([low, high], [place, place], color=color)
        axes.plot(middle, place, "o", color=color)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_ylim(len(rows) - 0.5, -0.7)
    left, right = (math.log10(edge) for edge in axes.get_xlim())
    axes.set_xlim(10.0 ** math.floor(left), 10.0 ** math.ceil(right))  # whole decades have labels
    axes.set_xlabel("programs evaluated for each success")


def draw_programs(
    programs: Mapping[str, str], *, columns: int = 3, width: float | None = None
) -> Figure:
    """Write programs side by side; lines that the one before does not have stand out.

    Parameters
    ----------
    programs : mapping of str to str
        Title and text of each, in the order of reading.
    columns : int
        Most programs in a row.
    width : float, optional
        Inches; by default as wide as the texts need, but not narrower than a page.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no program, or ``columns`` is below 1.

    Examples
    --------
    >>> from paper_lessons.automl_zero.programs import linear_model
    >>> drawn = draw_programs({"one": str(linear_model(0.1)), "two": str(linear_model(0.2))})
    >>> len(drawn.axes)
    2
    """
    if not programs or columns < 1:
        raise ValueError(
            f"programs must hold one or more and columns be from 1, got {len(programs)} and {columns}"
        )
    columns = min(columns, len(programs))
    texts = [text.splitlines() for text in programs.values()]
    rows = [texts[start : start + columns] for start in range(0, len(texts), columns)]
    longest = [max(len(lines) for lines in row) for row in rows]
    letters = max(len(line) for lines in texts for line in lines)
    width = max(6.5, columns * letters * _LETTER_INCHES) if width is None else width
    drawn, panels = plotting.figure(
        len(rows),
        columns,
        width=width,
        height=sum(longest) * _LINE_INCHES + 0.45 * len(rows),
        squeeze=False,
        height_ratios=[n + 2.0 for n in longest],
    )
    for place, panel in enumerate(panels.flat):
        if place >= len(texts):
            panel.remove()
            continue
        before = set(texts[place - 1]) if place else set(texts[0])
        title = list(programs)[place]
        panel.set_title(title, loc="left", fontsize="small", color=plotting.COLORS["ink"])
        _write_lines(panel, texts[place], before, longest[place // columns])
    return drawn


def _write_lines(axes: Axes, lines: Sequence[str], before: set[str], room: int) -> None:
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(room, 0))
    for place, line in enumerate(lines):
        new = line not in before
        axes.text(
            0.0,
            place,
            line,
            family="monospace",
            fontsize=8,
            va="top",
            color=plotting.COLORS["orange" if new else "ink"],
            weight="bold" if new else "normal",
        )
