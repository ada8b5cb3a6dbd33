"""The lesson's drawings: progress of searches, evaluations for each success, programs side by side.

Each takes plain data, as the experiments return it and their records keep it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from paper_lessons import plotting
from paper_lessons.automl_zero.export.graph import feeds
from paper_lessons.automl_zero.program import Program
from paper_lessons.automl_zero.simplify import liveness

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from paper_lessons.automl_zero.export.stepper import Step

__all__ = [
    "draw_curves",
    "draw_evaluations_per_success",
    "draw_graph",
    "draw_programs",
    "draw_steps",
    "draw_tournaments",
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
    programs: Mapping[str, str],
    *,
    columns: int = 3,
    width: float | None = None,
    compare: Literal["before", "first"] = "before",
) -> Figure:
    """Write programs side by side; lines that the one before, or the first, does not have stand out.

    Parameters
    ----------
    programs : mapping of str to str
        Title and text of each, in the order of reading.
    columns : int
        Most programs in a row.
    width : float, optional
        Inches; by default as wide as the texts need, but not narrower than a page.
    compare : {"before", "first"}
        Which program the lines of the others are compared with.

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
        before = set(texts[place - 1 if place and compare == "before" else 0])
        title = list(programs)[place]
        panel.set_title(title, loc="left", fontsize="small", color=plotting.COLORS["ink"])
        _write_lines(panel, texts[place], before, longest[place // columns])
    return drawn


def draw_steps(axes: Axes, steps: Sequence[Step]) -> None:
    """Write the memory after every step, a column for each; what was just written stands out.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    steps : sequence of Step
        From :func:`~paper_lessons.automl_zero.export.stepper.record_steps`.

    Examples
    --------
    >>> from paper_lessons.automl_zero import LinearRegressionTasks, programs
    >>> from paper_lessons.automl_zero.export.stepper import record_steps
    >>> drawn, axes = plotting.figure()
    >>> draw_steps(axes, record_steps(programs.linear_model(), LinearRegressionTasks(1, 1, train=1)))
    >>> axes.texts[0].get_text()
    's0'
    """
    names = list(steps[0].memory)
    ink, new = plotting.COLORS["ink"], plotting.COLORS["orange"]
    axes.set_axis_off()
    axes.set(xlim=(-0.9, len(steps)), ylim=(len(names), -2.6))
    for line, name in enumerate(names):
        axes.text(-0.8, line, name, color=ink, family="monospace", weight="bold")
    for column, step in enumerate(steps):
        axes.text(column, -0.8, step.text, color=ink, rotation=32, fontsize="small")
        if step.text.startswith("x arrives"):
            axes.axvline(column - 0.12, ymax=0.72, color=ink, linewidth=0.8)
        for line, (name, value) in enumerate(step.memory.items()):
            fresh = name in step.changed
            axes.text(
                column,
                line,
                value.strip("[]"),
                color=new if fresh else ink,
                weight="bold" if fresh else "normal",
                family="monospace",
                fontsize=8,
            )


def draw_tournaments(axes: Axes, rounds: Sequence[Mapping[str, Any]]) -> None:
    """Draw a population from the oldest (left) to the youngest, a line for each round.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    rounds : sequence of mapping
        ``fitness``, a number for each program; ``picked``, places of those that were drawn; ``parent``,
        the best of these. The first program dies.

    Examples
    --------
    >>> drawn, axes = plotting.figure()
    >>> draw_tournaments(axes, [{"fitness": [0.1, 0.7, 0.4], "picked": [1, 2], "parent": 1}])
    >>> [text.get_text() for text in axes.texts]
    ['0.10', '0.70', '0.40']
    """
    ink = plotting.COLORS["ink"]
    blue, orange, red = (plotting.COLORS[name] for name in ("blue", "orange", "red"))
    axes.set_axis_off()
    count = max(len(one["fitness"]) for one in rounds)
    axes.set(xlim=(-0.6, count - 0.4), ylim=(len(rounds) - 0.4, -0.6))
    for line, one in enumerate(rounds):
        for place, value in enumerate(one["fitness"]):
            picked, parent = place in one["picked"], place == one["parent"]
            axes.text(
                place,
                line,
                f"{value:.2f}",
                ha="center",
                va="center",
                color=blue if parent else orange if picked else ink,
                weight="bold" if parent else "normal",
            )
            if picked:
                size = 30 if parent else 26
                axes.plot(
                    place,
                    line,
                    "o",
                    markersize=size,
                    markerfacecolor="none",
                    markeredgecolor=blue if parent else orange,
                    markeredgewidth=2.5 if parent else 1.2,
                )
        axes.plot([-0.35, 0.35], [line - 0.25, line + 0.25], color=red)


def draw_graph(axes: Axes, program: Program) -> None:
    """Draw a program as a graph: an arrow from each instruction to those that read what it wrote.

    Arrows that turn back carry memory from one row to the next. Dead instructions are pale.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    program : Program
        The algorithm.

    Examples
    --------
    >>> from paper_lessons.automl_zero.programs import linear_model
    >>> drawn, axes = plotting.figure()
    >>> draw_graph(axes, linear_model())
    >>> axes.texts[0].get_text()
    'Setup'
    """
    ink, blue, orange = (plotting.COLORS[name] for name in ("ink", "blue", "orange"))
    longest = max(1, *program.sizes)
    axes.set_axis_off()
    axes.set(xlim=(-0.1, 2.9), ylim=(longest + 0.2, -0.6))
    alive = liveness(program)
    for column, (name, instructions) in enumerate(
        zip(("Setup", "Predict", "Learn"), program.components, strict=True)
    ):
        axes.text(column, 0, name, color=ink, weight="bold", va="center")
        for place, one in enumerate(instructions):
            shade = 1.0 if alive[column][place] else 0.45
            axes.text(
                column,
                place + 1,
                str(one),
                color=ink,
                alpha=shade,
                family="monospace",
                fontsize=8,
                va="center",
            )
    for writer, reader, _ in feeds(program):
        back = writer >= reader and writer[0] > 0
        (column, place), (to_column, to_place) = writer, reader
        width = 0.0315 * len(str(program.components[column][place]))
        start = (column + (width + 0.02 if to_column > column else -0.01), place + 1)
        axes.annotate(
            "",
            (to_column - 0.02, to_place + 1),
            xytext=start,
            arrowprops={
                "arrowstyle": "->",
                "color": orange if back else blue,
                "linewidth": 1.2,
                "connectionstyle": f"arc3,rad={0.35 if column >= to_column else -0.12}",
            },
        )


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
