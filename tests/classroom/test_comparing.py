"""The first difference is the first one, and the caret stands below it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_lessons.classroom.comparing import WIDTH, first_difference, lay_out, shape_of, write

scalars = st.one_of(
    st.floats(-100, 100), st.integers(-5, 5), st.booleans(), st.none(), st.text(max_size=3)
)
nested = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(nested)
def test_nothing_differs_from_itself(value: Any) -> None:
    assert first_difference(value, value, tolerance=0.0) is None


@given(nested, nested)
def test_any_two_values_can_be_shown(yours: Any, expected: Any) -> None:
    path = first_difference(yours, expected, tolerance=1e-9)
    if path is not None:
        layout = lay_out(yours, expected, path)
        assert "\n" not in layout.yours + layout.expected
        assert len(layout.caret) <= max(len(layout.yours), len(layout.expected)) + 1


@given(st.lists(st.floats(-9, 9), min_size=1, max_size=200), st.data())
def test_the_caret_stands_below_the_changed_entry(items: list[float], data: Any) -> None:
    index = data.draw(st.integers(0, len(items) - 1))
    yours = [*items]
    yours[index] += 1.5
    path = first_difference(yours, items, tolerance=1e-9)
    assert path == (index,)
    layout = lay_out(yours, items, path)
    pointed = layout.expected[layout.caret.index("^") : len(layout.caret)]
    assert float(pointed) == pytest.approx(items[index], abs=1e-3)
    assert max(len(layout.yours), len(layout.expected)) <= WIDTH


@given(
    st.lists(st.lists(st.floats(-9, 9), min_size=3, max_size=3), min_size=1, max_size=20), st.data()
)
def test_tables_too(rows: list[list[float]], data: Any) -> None:
    row, column = data.draw(st.integers(0, len(rows) - 1)), data.draw(st.integers(0, 2))
    yours = [[*one] for one in rows]
    yours[row][column] -= 2
    path = first_difference(yours, rows, tolerance=1e-9)
    assert path == (row, column)
    layout = lay_out(yours, rows, path)
    pointed = layout.expected[layout.caret.index("^") : len(layout.caret)]
    assert float(pointed) == pytest.approx(rows[row][column], abs=1e-3)


def test_columns_are_aligned_as_in_the_sample() -> None:
    layout = lay_out([3.0, 1.5, 1.5, 2.0, 2.0], [3.0, 1.75, 1.75, 1.75, 1.75], (1,))
    assert layout.yours == "[3.0, 1.5,  1.5,  2.0,  2.0 ]"
    assert layout.expected == "[3.0, 1.75, 1.75, 1.75, 1.75]"
    assert layout.caret == "      ^^^^"


def test_a_small_difference_is_shown_with_enough_digits() -> None:
    layout = lay_out([0.123456], [0.123499], (0,))
    assert layout.yours != layout.expected


@pytest.mark.parametrize(
    ("yours", "expected", "path"),
    [
        ([1.0], [1.0, 2.0], (1,)),
        ([1.0, 2.0], [1.0], (1,)),
        (1.0, [1.0], ()),
        ({"a": 1}, {"a": 1, "b": 2}, ("b",)),
        ({"a": 1, "c": 0}, {"a": 1}, ("c",)),
        (True, 1, ()),
        (float("nan"), 1.0, ()),
        (float("inf"), float("-inf"), ()),
        ("1", 1, ()),
        (None, 0, ()),
    ],
)
def test_kinds_of_differences(yours: Any, expected: Any, path: tuple[Any, ...]) -> None:
    assert first_difference(yours, expected, tolerance=1e-6) == path


def test_numbers_agree_within_the_tolerance_only() -> None:
    assert first_difference(1000.0005, 1000.0, tolerance=1e-6) is None
    assert first_difference(1000.002, 1000.0, tolerance=1e-6) == ()
    assert first_difference(2, 2.0, tolerance=0.0) is None
    assert first_difference(float("nan"), float("nan"), tolerance=0.0) is None


def test_shapes() -> None:
    assert shape_of([[], []]) == (2, 0)
    assert shape_of([1, [2]]) is None
    assert shape_of({"a": 1}) is None


def test_long_values_are_cut() -> None:
    assert write([0.5] * 1000) == "[0.5, 0.5, 0.5, ..., 0.5]   (1000 entries)"
    assert len(write("x" * 1000)) <= WIDTH
