"""Hints: three for each exercise, of rising strength, kept in the exercise notebooks."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from paper_lessons.lessons import LESSONS
from paper_lessons.resources import locate

if TYPE_CHECKING:
    from paper_lessons.classroom.releases import Exercise


def hint(exercise: str, number: int = 1) -> None:
    """Print a hint for an exercise.

    Parameters
    ----------
    exercise : str
        The exercise's name, as it stands under its heading: ``"pav"``.
    number : int
        1 asks a question, the last one nearly gives the answer.

    Raises
    ------
    ValueError
        If there is no such exercise or no such hint.

    Examples
    --------
    >>> hint("pav", 4)
    Traceback (most recent call last):
    ...
    ValueError: number must be 1, 2 or 3, got 4 (the last hint nearly gives the answer)
    """
    hints = hints_of(exercise)
    if number not in range(1, len(hints) + 1):
        allowed = ", ".join(str(one) for one in range(1, len(hints))) + f" or {len(hints)}"
        raise ValueError(
            f"number must be {allowed}, got {number!r} (the last hint nearly gives the answer)"
        )
    print(f"hint {number} of {len(hints)}: {hints[number - 1]}")
    if number < len(hints):
        print(f'(hint("{exercise}", {number + 1}) says more)')


def hints_of(exercise: str) -> tuple[str, ...]:
    """All hints of an exercise, weakest first.

    Parameters
    ----------
    exercise : str
        The exercise's name.

    Returns
    -------
    tuple of str

    Raises
    ------
    ValueError
        If there is no such exercise.

    Examples
    --------
    >>> len(hints_of("pav"))
    3
    """
    known = _exercises()
    if exercise not in known:
        names = ", ".join(f'"{name}"' for name in known)
        raise ValueError(f"exercise must be one of {names}; got {exercise!r}")
    return known[exercise].hints


@cache
def _exercises() -> dict[str, Exercise]:
    from paper_lessons.classroom.releases import read_release

    found: dict[str, Exercise] = {}
    for lesson in LESSONS:
        try:
            path = locate(f"exercises/{lesson.slug}.ipynb")
        except FileNotFoundError:
            continue
        found.update({one.name: one for one in read_release(path).exercises})
    return found
