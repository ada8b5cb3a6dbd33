"""The one look of all figures: readable on the light and the dark page, and without colour vision.

A figure has no background of its own, so each colour must stand out from both pages of the book:
:data:`COLORS` gives seven that do, six for data and one grey for text and axes. Lines carry their
names beside them (:func:`label_lines`), so that a legend's colours never have to be matched.

Matplotlib is imported when the first function is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.text import Text

__all__ = [
    "COLORS",
    "DARK_PAGE",
    "LIGHT_PAGE",
    "use_style",
    "figure",
    "label_line",
    "label_lines",
    "mark",
    "ramp",
    "contrast",
    "luminance",
]

#: The light page.
LIGHT_PAGE = "#ffffff"
#: The dark page, as sphinx-book-theme has it.
DARK_PAGE = "#121212"

#: Colours by name. They were found by a search over those of at least 3.1:1 on both pages, for the largest
#: smallest difference as seen with normal sight, protanopia, deuteranopia and tritanopia.
COLORS: dict[str, str] = {
    "blue": "#3c6c9c",
    "orange": "#d87800",
    "green": "#009c54",
    "violet": "#9000fc",
    "red": "#cc0024",
    "lavender": "#8478fc",
    "ink": "#7a7a7e",
}

_DATA_COLORS = [name for name in COLORS if name != "ink"]
_INCHES_OF_A_PAGE = 6.5


def use_style(image_format: Literal["svg", "png"] = "svg") -> None:
    """Give every figure drawn from now on the book's look.

    Parameters
    ----------
    image_format : {"svg", "png"}
        How a notebook shows figures. Pictures of more than some ten thousand marks are smaller
        as ``"png"`` (drawn at twice the resolution of the page).

    Raises
    ------
    ValueError
        If the format is another one.

    Examples
    --------
    >>> use_style()
    >>> import matplotlib; matplotlib.rcParams["figure.facecolor"]
    'none'
    """
    if image_format not in ("svg", "png"):
        raise ValueError(f'image_format must be "svg" or "png", got {image_format!r}')
    import matplotlib

    matplotlib.rcParams.update(_settings())
    _set_notebook_format(image_format)


def figure(
    nrows: int = 1,
    ncols: int = 1,
    *,
    width: float = _INCHES_OF_A_PAGE,
    height: float | None = None,
    **options: Any,
) -> tuple[Figure, Any]:
    """A figure as wide as the page's text, with room kept for labels.

    Parameters
    ----------
    nrows, ncols : int
        Grid of panels.
    width, height : float
        Inches. The default height gives panels of 4 to 3, at most 5 inches in all.
    **options
        Passed on to :func:`matplotlib.pyplot.subplots` (``sharey``, ``subplot_kw``, ``squeeze`` ...).

    Returns
    -------
    figure : matplotlib.figure.Figure
    axes : matplotlib.axes.Axes or numpy.ndarray of Axes
        As :func:`matplotlib.pyplot.subplots` returns them.

    Examples
    --------
    >>> drawn, panels = figure(ncols=2, height=2.5)
    >>> len(panels)
    2
    """
    import matplotlib.pyplot as plt

    if height is None:
        height = min(5.0, 0.75 * width / ncols * nrows)
    return plt.subplots(nrows, ncols, figsize=(width, height), layout="constrained", **options)


def label_line(
    line: Line2D,
    text: str | None = None,
    *,
    x: float | None = None,
    offset: tuple[float, float] = (4.0, 0.0),
) -> Text:
    """Write a line's name beside it, in its colour.

    Parameters
    ----------
    line : matplotlib.lines.Line2D
        A line that is already drawn.
    text : str, optional
        The name; the line's own label without it.
    x : float, optional
        Where along the x axis, in data units; the line's last point without it.
    offset : (float, float)
        Distance from that point in typographic points, to the right and upwards.

    Returns
    -------
    matplotlib.text.Text

    Raises
    ------
    ValueError
        If the line has no finite point.

    Examples
    --------
    >>> drawn, axes = figure()
    >>> label_line(axes.plot([0, 1], [0, 2])[0], "twice").get_text()
    'twice'
    """
    import numpy as np

    xs, ys = (np.asarray(data, dtype=float) for data in (line.get_xdata(), line.get_ydata()))
    finite = np.isfinite(xs) & np.isfinite(ys)
    if not finite.any():
        raise ValueError("line must have at least one finite point")
    xs, ys = xs[finite], ys[finite]
    order = np.argsort(xs, kind="stable")
    place = (xs[-1], ys[-1]) if x is None else (x, float(np.interp(x, xs[order], ys[order])))
    axes: Any = line.axes
    return axes.annotate(
        str(line.get_label()) if text is None else text,
        place,
        xytext=offset,
        textcoords="offset points",
        color=line.get_color(),
        va="center" if x is None else "bottom",
        annotation_clip=False,
    )


def label_lines(axes: Axes, *, gap: float = 12.0) -> list[Text]:
    """Write the names of all labelled lines at their right ends, moved apart where they would touch.

    Call it last, when the axes have their final limits and scales.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Lines drawn with ``label=``, error bars too, are named; the others are left alone.
    gap : float
        Least distance between two names, in typographic points.

    Returns
    -------
    list of matplotlib.text.Text

    Examples
    --------
    >>> drawn, axes = figure()
    >>> for slope in (1, 2):
    ...     _ = axes.plot([0, 1], [0, slope], label=f"slope {slope}")
    >>> [name.get_text() for name in label_lines(axes)]
    ['slope 1', 'slope 2']
    """
    from matplotlib.lines import Line2D

    drawn = [(line, line.get_label()) for line in axes.lines]
    drawn += [(one[0], one.get_label()) for one in axes.containers if isinstance(one[0], Line2D)]
    names: list[Any] = [
        label_line(line, str(text)) for line, text in drawn if not str(text).startswith("_")
    ]
    points_per_pixel = 72.0 / axes.figure.dpi
    heights = [float(axes.transData.transform(name.xy)[1]) * points_per_pixel for name in names]
    for name, height, wanted in zip(names, heights, _spread(heights, gap), strict=True):
        name.xyann = (4.0, wanted - height)
    return names


def mark(
    axes: Axes, value: float, text: str, *, along: Literal["x", "y"] = "x", color: str = "ink"
) -> Text:
    """Draw a dashed line across the axes at a value that matters, and say what it is.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    value : float
        Place on the axis, in data units.
    text : str
        A few words, written along the line.
    along : {"x", "y"}
        The axis on which the value lies.
    color : str
        A name of :data:`COLORS`.

    Returns
    -------
    matplotlib.text.Text

    Examples
    --------
    >>> drawn, axes = figure()
    >>> mark(axes, 0.4, "hard below").get_text()
    'hard below'
    """
    shade = COLORS[color]
    if along == "x":
        axes.axvline(value, color=shade, linestyle=(0, (4, 3)), linewidth=1.0, zorder=0.5)
        return axes.annotate(
            text,
            (value, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(3, -3),
            textcoords="offset points",
            rotation=90,
            va="top",
            ha="left",
            color=shade,
            fontsize="small",
        )
    axes.axhline(value, color=shade, linestyle=(0, (4, 3)), linewidth=1.0, zorder=0.5)
    return axes.annotate(
        text,
        (1.0, value),
        xycoords=("axes fraction", "data"),
        xytext=(-3, 3),
        textcoords="offset points",
        va="bottom",
        ha="right",
        color=shade,
        fontsize="small",
    )


def ramp(count: int, first: str = "blue", last: str = "orange") -> list[str]:
    """Colours from one to another in even steps, for a quantity that grows from line to line.

    Parameters
    ----------
    count : int
        How many.
    first, last : str
        Names of :data:`COLORS`.

    Returns
    -------
    list of str
        Hexadecimal colours; each keeps at least 3:1 contrast on both pages.

    Raises
    ------
    ValueError
        If ``count`` is less than one.

    Examples
    --------
    >>> ramp(3)[0], ramp(3)[-1]
    ('#3c6c9c', '#d87800')
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    start, stop = (_channels(COLORS[name]) for name in (first, last))
    # Mixed in linear light: the mixture's luminance lies between the ends', and so its contrast.
    steps = [index / max(count - 1, 1) for index in range(count)]
    return [
        _hexadecimal([(1 - step) * a + step * b for a, b in zip(start, stop, strict=True)])
        for step in steps
    ]


def luminance(color: str) -> float:
    """How bright a colour is: 0 for black, 1 for white.

    Parameters
    ----------
    color : str
        Hexadecimal, as ``"#3c6c9c"``.

    Returns
    -------
    float
        Relative luminance as WCAG 2 defines it.

    Examples
    --------
    >>> luminance("#ffffff")
    1.0
    """
    red, green, blue = _channels(color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    """Contrast of two colours, from 1 (the same brightness) to 21 (black on white).

    Parameters
    ----------
    first, second : str
        Hexadecimal colours; their order does not matter.

    Returns
    -------
    float
        Contrast ratio as WCAG 2 defines it; graphics need 3.

    Examples
    --------
    >>> round(contrast("#000000", "#ffffff"), 1)
    21.0
    """
    darker, brighter = sorted((luminance(first), luminance(second)))
    return (brighter + 0.05) / (darker + 0.05)


def _settings() -> Any:
    from cycler import cycler

    ink = COLORS["ink"]
    return {
        "axes.axisbelow": True,
        "axes.edgecolor": ink,
        "axes.facecolor": "none",
        "axes.labelcolor": ink,
        "axes.prop_cycle": cycler(color=[COLORS[name] for name in _DATA_COLORS]),
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlelocation": "left",
        "axes.titlesize": "medium",
        "boxplot.boxprops.color": ink,
        "boxplot.capprops.color": ink,
        "boxplot.flierprops.markeredgecolor": ink,
        "boxplot.whiskerprops.color": ink,
        "figure.edgecolor": "none",
        "figure.facecolor": "none",
        "figure.figsize": (_INCHES_OF_A_PAGE, 3.6),
        "font.size": 10.5,
        "grid.alpha": 0.3,
        "grid.color": ink,
        "hatch.color": ink,
        "legend.frameon": False,
        "lines.linewidth": 1.8,
        "patch.edgecolor": ink,
        "savefig.facecolor": "none",
        "savefig.transparent": True,
        # Two builds of the same page give the same bytes.
        "svg.hashsalt": "paper-lessons",
        "text.color": ink,
        "xtick.color": ink,
        "ytick.color": ink,
    }


def _set_notebook_format(image_format: str) -> None:
    try:
        from IPython import get_ipython
        from matplotlib_inline.backend_inline import set_matplotlib_formats
    except ImportError:
        return
    if get_ipython() is None:
        return
    if image_format == "svg":
        set_matplotlib_formats("svg", metadata={"Date": None, "Creator": None})
    else:
        set_matplotlib_formats("retina")


def _spread(heights: Sequence[float], gap: float) -> list[float]:
    """The nearest heights that keep their order and lie at least ``gap`` apart."""
    order = sorted(range(len(heights)), key=heights.__getitem__)
    # Isotonic regression of heights minus their place times the gap: groups (sum, count).
    groups: list[tuple[float, int]] = []
    for place, index in enumerate(order):
        total, count = heights[index] - place * gap, 1
        while groups and groups[-1][0] * count > total * groups[-1][1]:
            previous, size = groups.pop()
            total, count = total + previous, count + size
        groups.append((total, count))
    levels = [total / count for total, count in groups for _ in range(count)]
    wanted = [0.0] * len(heights)
    for place, index in enumerate(order):
        wanted[index] = levels[place] + place * gap
    return wanted


def _channels(color: str) -> list[float]:
    """Red, green and blue in linear light, from 0 to 1."""
    digits = color.removeprefix("#")
    if len(digits) != 6:
        raise ValueError(f"color must be hexadecimal like '#3c6c9c', got {color!r}")
    values = [int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    return [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]


def _hexadecimal(channels: Iterable[float]) -> str:
    values = [12.92 * v if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055 for v in channels]
    return "#" + "".join(f"{round(255 * value):02x}" for value in values)
