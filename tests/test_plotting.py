"""The look of the figures: contrast on both pages, and colours that differ for every kind of sight."""

from __future__ import annotations

import io
import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from paper_lessons import plotting
from paper_lessons.plotting import COLORS, DARK_PAGE, LIGHT_PAGE, contrast

# Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB.
SIGHTS = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
# sRGB to CIE XYZ, white point D65.
XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.072175],
        [0.0193339, 0.119192, 0.9503041],
    ]
)
WHITE = np.array([0.95047, 1.0, 1.08883])


def linear(color: str) -> np.ndarray:
    values = np.array([int(color[start : start + 2], 16) for start in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    ratios = XYZ @ np.clip(rgb, 0, 1) / WHITE
    f = np.where(ratios > 0.008856, np.cbrt(ratios), 7.787 * ratios + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def difference(first: str, second: str, sight: str) -> float:
    matrix = np.asarray(SIGHTS[sight])
    return float(np.linalg.norm(lab(matrix @ linear(first)) - lab(matrix @ linear(second))))


@pytest.mark.parametrize("page", [LIGHT_PAGE, DARK_PAGE])
@pytest.mark.parametrize("name", COLORS)
def test_each_colour_stands_out_on_both_pages(name, page):
    assert contrast(COLORS[name], page) >= 3.0


@pytest.mark.parametrize("page", [LIGHT_PAGE, DARK_PAGE])
def test_text_comes_as_near_to_4_5_as_one_grey_can(page):
    # The best that one colour can do on both is the root of the pages' own contrast: 4.33.
    best = contrast(LIGHT_PAGE, DARK_PAGE) ** 0.5
    assert contrast(COLORS["ink"], page) >= 0.97 * best


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(COLORS, 2)))
def test_two_colours_differ_for_every_sight(first, second, sight):
    # A difference of 2.3 is just noticeable; thin lines in one figure want several times that.
    assert difference(COLORS[first], COLORS[second], sight) >= 15.0


def test_the_measure_of_difference_can_fail():
    # The red and green that protanopia famously confuses.
    assert difference("#b03a2e", "#6b6b1e", "normal") > 40
    assert difference("#b03a2e", "#6b6b1e", "deuteranopia") < 15


def test_contrast_has_the_published_ends():
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
    assert contrast("#123456", "#123456") == 1.0


def test_the_dark_page_is_the_themes():
    import sphinx_book_theme

    folder = Path(sphinx_book_theme.__file__).parent
    sheets = "".join(
        path.read_text(encoding="utf-8") for path in folder.rglob("sphinx-book-theme.css")
    )
    assert f"--pst-color-background:{DARK_PAGE}" in sheets.replace(" ", "")


@pytest.mark.parametrize("pair", list(itertools.permutations([n for n in COLORS if n != "ink"], 2)))
def test_ramps_keep_the_contrast(pair):
    for color in plotting.ramp(9, *pair):
        assert min(contrast(color, LIGHT_PAGE), contrast(color, DARK_PAGE)) >= 3.0


def test_the_same_figure_gives_the_same_bytes_and_no_background():
    def drawn() -> bytes:
        import matplotlib.pyplot as plt

        plotting.use_style()
        picture, axes = plotting.figure()
        axes.plot([0, 1, 2], [0, 1, 4], label="square")
        axes.plot([0, 1, 2], [0, 1, 3.9], label="near")
        plotting.label_lines(axes)
        plotting.mark(axes, 1.0, "one")
        file = io.BytesIO()
        picture.savefig(file, format="svg", metadata={"Date": None})
        plt.close(picture)
        return file.getvalue()

    first = drawn()
    assert first == drawn()
    assert b"#ffffff" not in first
    assert b"#000000" not in first


def test_error_bars_are_named_once():
    import matplotlib.pyplot as plt

    picture, axes = plotting.figure()
    axes.errorbar([0, 1], [1, 2], [0.1, 0.1], fmt="o-", label="a")
    axes.plot([0, 1], [0, 1], label="b")
    axes.bar([0], [1], label="bars are no line")
    assert [one.get_text() for one in plotting.label_lines(axes)] == ["b", "a"]
    plt.close(picture)


def test_names_of_lines_are_moved_apart_and_keep_their_order():
    places = plotting._spread([10.0, 11.0, 50.0, 9.0], 12.0)
    assert places == pytest.approx([10.0, 22.0, 50.0, -2.0])
    assert plotting._spread([0.0, 30.0], 12.0) == [0.0, 30.0]


def test_a_figure_is_as_wide_as_told():
    picture, panels = plotting.figure(ncols=2, width=5.0, height=2.0)
    assert tuple(picture.get_size_inches()) == (5.0, 2.0)
    assert len(panels) == 2


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: plotting.use_style("gif"), "image_format"),
        (lambda: plotting.ramp(0), "count"),
        (lambda: contrast("red", "#ffffff"), "color"),
    ],
)
def test_errors_name_the_argument(call, word):
    with pytest.raises(ValueError, match=word):
        call()


def test_importing_it_does_not_load_matplotlib():
    code = "import sys, paper_lessons.plotting; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
