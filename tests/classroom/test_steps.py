"""Steps are counted the same everywhere, and a count ends."""

from __future__ import annotations

from typing import Any

import pytest

from paper_lessons.classroom import count_steps


def pairs(values: range) -> int:
    found = 0
    for _ in values:
        for _ in values:
            found += 1
    return found


def stubborn(values: range) -> int:
    found = 0
    for _ in values:
        try:
            for _ in values:
                found += 1
        except Exception:
            found = -1
    return found


def helped(values: range) -> list[int]:
    return [square(value) for value in values]


def square(value: int) -> int:
    return value * value


def test_a_square_is_told_from_a_line() -> None:
    small, large = (count_steps(pairs, range(n), limit=10**6) for n in (50, 100))
    assert 3.8 < large / small < 4.1
    small, large = (count_steps(helped, range(n), limit=10**6) for n in (50, 100))
    assert 1.8 < large / small < 2.1


@pytest.mark.parametrize("function", [pairs, stubborn])
def test_the_count_stops_at_the_limit(function: Any) -> None:
    assert count_steps(function, range(10_000), limit=500) == 501


def test_what_others_do_is_not_counted() -> None:
    assert count_steps(sorted, range(1000), limit=10) == 0


def test_errors_of_the_function_pass_through() -> None:
    with pytest.raises(ZeroDivisionError):
        count_steps(lambda: 1 / 0, limit=10)
