"""The lesson's drawings show the data that they are given."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import matplotlib
import matplotlib.pyplot as plt
import pytest

from paper_lessons import plotting
from paper_lessons.automl_zero import figures, programs

matplotlib.use("agg")


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    plt.close("all")


def test_a_group_has_one_colour_and_one_name_at_its_longest_search() -> None:
    _, axes = plotting.figure()
    curves = [[[1, 0.2], [10, 0.5]], [[1, 0.1], [300, 0.4]]]
    figures.draw_curves(axes, {"mine": curves, "yours": [[[0, 0.3], [5, 0.6]]]})
    mine, longer, yours = axes.lines
    assert mine.get_color() == longer.get_color() != yours.get_color()
    assert longer.get_xdata().tolist() == [1, 300]
    assert list(yours.get_xdata()) == [1, 5]  # there is no zero on a logarithmic axis
    assert [text.get_text() for text in axes.texts] == ["mine", "yours"]
    assert axes.texts[0].xy == (300.0, 0.4)


def test_turning_points_are_numbered_where_they_are() -> None:
    _, axes = plotting.figure()
    points = [{"evaluations": 3, "fitness": 0.2}, {"evaluations": 50, "fitness": 0.9}]
    figures.draw_turning_points(axes, points, numbered=True)
    assert [(text.get_text(), text.xy) for text in axes.texts] == [
        *(("1", (3.0, 0.2)), ("2", (50.0, 0.9)))
    ]
    assert len(axes.lines) == 2


def test_an_interval_is_a_bar_and_a_bound_is_an_arrow() -> None:
    _, axes = plotting.figure()
    bounded = {"name": "evolution", "per_success": 2e5, "low": 1e5, "high": 4e5}
    open_above = {"name": "random search", "per_success": None, "low": 1e6, "high": None}
    figures.draw_evaluations_per_success(axes, [bounded, open_above])
    bar, dot, bound, _ = axes.lines
    assert list(bar.get_xdata()) == [1e5, 4e5]
    assert list(dot.get_xdata()) == [2e5]
    assert list(bound.get_xdata()) == [1e6]
    arrows = [text for text in axes.texts if getattr(text, "arrow_patch", None) is not None]
    assert [arrow.xy for arrow in arrows] == [(4e6, 1)]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # from top to bottom


def test_lines_that_the_program_before_does_not_have_stand_out() -> None:
    texts = {"first": "def Setup():\n  pass", "second": "def Setup():\n  s2 = 0.1", "third": "a"}
    figure = figures.draw_programs(texts, columns=2)
    assert [panel.get_title(loc="left") for panel in figure.axes] == list(texts)
    first, second, third = (
        {text.get_text(): text.get_color() for text in panel.texts} for panel in figure.axes
    )
    ink, orange = plotting.COLORS["ink"], plotting.COLORS["orange"]
    assert set(first.values()) == {ink}
    assert second == {"def Setup():": ink, "  s2 = 0.1": orange}
    assert third == {"a": orange}


def test_long_programs_fit_their_columns() -> None:
    text = str(programs.bilinear_fig6())
    figure = figures.draw_programs({"left": text, "right": text.replace("s3", "s9")})
    figure.canvas.draw()
    edges = []
    for panel in figure.axes:
        boxes = [line.get_window_extent() for line in panel.texts]
        edges.append((min(box.x0 for box in boxes), max(box.x1 for box in boxes)))
        heights = sorted(box.y0 for box in boxes)
        gaps = [above - below for below, above in pairwise(heights)]
        assert min(gaps) > 0.9 * 8 * figure.dpi / 72  # letters are 8 points high
    assert edges[0][1] < edges[1][0]
    assert edges[1][1] <= figure.bbox.x1


def test_nothing_to_write_is_refused() -> None:
    with pytest.raises(ValueError, match="programs must hold one or more"):
        figures.draw_programs({})
    with pytest.raises(ValueError, match="got 1 and 0"):
        figures.draw_programs({"one": "text"}, columns=0)
