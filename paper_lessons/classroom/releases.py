"""A release: the exercise notebook as it was handed out, which every answer is measured by."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paper_lessons.classroom.notebooks import KEY
from paper_lessons.lessons import Lesson, find
from paper_lessons.resources import locate


@dataclass(frozen=True)
class Exercise:
    """What is known of one exercise.

    Attributes
    ----------
    number : int
        Place in the lesson, from 1.
    name : str
        Short name, unique among all lessons: ``hint("pav")``.
    title : str
        What a person calls it.
    difficulty : int
        1 (five lines) to 5 (a real piece of the method).
    minutes : int
        How long a learner needs.
    hints : tuple of str
        Weakest first.
    points, hidden_points : int
        What public checks give in practice, and hidden checks for marks.
    cpu_seconds : int
        Computing time that its cells may take together.
    """

    number: int
    name: str
    title: str
    difficulty: int
    minutes: int
    hints: tuple[str, ...]
    points: int = 0
    hidden_points: int = 0
    cpu_seconds: int = 30


@dataclass(frozen=True)
class ReleaseCell:
    """One cell of a release.

    Attributes
    ----------
    name, id : str
        Its declared name, and its identifier in the file.
    kind : str
        ``"code"`` or ``"markdown"``.
    role : str
        ``setup``, ``given``, ``answer``, ``feedback``, ``check``, ``learner`` or ``text``.
    exercise : str
        Name of the exercise it belongs to; empty before the first and after the last.
    section : int
        The exercise's number; 0 before the first exercise, -1 after the last.
    source : str
        Its text.
    points : int
        What a check is worth.
    visibility : str
        ``"public"`` or ``"hidden"`` for a check.
    what : str
        What a check tries, in a few words.
    outputs : list of dict
        A check's reference output.
    """

    name: str
    id: str
    kind: str
    role: str
    exercise: str
    section: int
    source: str
    points: int = 0
    visibility: str = ""
    what: str = ""
    outputs: list[dict[str, Any]] = field(default_factory=list)

    @property
    def expected(self) -> str:
        """A check's reference output as text."""
        return "".join(_joined(output.get("text", "")) for output in self.outputs)


@dataclass(frozen=True)
class Release:
    """An exercise notebook, or a solution with its hidden checks.

    Attributes
    ----------
    lesson : Lesson
        Where it belongs.
    exercises : tuple of Exercise
        In order.
    cells : tuple of ReleaseCell
        In order.
    """

    lesson: Lesson
    exercises: tuple[Exercise, ...]
    cells: tuple[ReleaseCell, ...]

    def exercise(self, which: str | int) -> Exercise:
        """The exercise that a number or a name means; ValueError if there is none."""
        for one in self.exercises:
            if str(which) in (one.name, str(one.number)):
                return one
        known = ", ".join(f"{one.number} ({one.name})" for one in self.exercises)
        raise ValueError(f"exercise must be one of {known}; got {str(which)!r}")

    def of_role(self, role: str, exercise: str) -> list[ReleaseCell]:
        """The cells of one role in one exercise."""
        return [cell for cell in self.cells if cell.role == role and cell.exercise == exercise]


def release_of(lesson: str | int) -> Release:
    """The release that travels with the package.

    Parameters
    ----------
    lesson : str or int
        Number or name of a lesson.

    Returns
    -------
    Release

    Raises
    ------
    ValueError
        If there is no such lesson, or it has no exercises yet.

    Examples
    --------
    >>> release_of("soft-sort").exercises[1].name
    'pav'
    """
    return read_release(exercise_file(lesson))


def exercise_file(lesson: str | int) -> Path:
    """Path of the exercise notebook that travels with the package; ValueError if there is none yet."""
    found = find(lesson)
    try:
        return locate(f"exercises/{found.slug}.ipynb")
    except FileNotFoundError:
        raise ValueError(
            f"lesson {found.number:02d} {found.command} has no exercises yet"
        ) from None


def read_release(path: str | Path) -> Release:
    """Read a notebook that this package made.

    Parameters
    ----------
    path : str or Path
        A file in ``exercises/`` or ``solutions/``.

    Returns
    -------
    Release

    Raises
    ------
    ValueError
        If the file was not made by ``make sync``, or a check in it has no reference output.
    """
    content = json.loads(Path(path).read_text(encoding="utf-8"))
    own = content["metadata"].get(KEY, {})
    if not {"lesson", "exercises"} <= set(own):
        raise ValueError(f"{Path(path).name} must be a notebook made by `make sync`; it is not")
    exercises = tuple(
        Exercise(number=number, **{**entry, "hints": tuple(entry["hints"])})
        for number, entry in enumerate(own["exercises"], start=1)
    )
    numbers = {one.name: one.number for one in exercises}
    cells: list[ReleaseCell] = []
    for raw in content["cells"]:
        claims = raw["metadata"][KEY]
        exercise = claims.get("exercise", "")
        seen = bool(cells) and cells[-1].section != 0
        cell = ReleaseCell(
            name=claims["cell"],
            id=raw["id"],
            kind=raw["cell_type"],
            role=claims["role"],
            exercise=exercise,
            section=numbers[exercise] if exercise else (-1 if seen else 0),
            source=_joined(raw["source"]),
            points=claims.get("points", 0),
            visibility=claims.get("visibility", ""),
            what=claims.get("what", ""),
            outputs=raw.get("outputs", []) if claims["role"] == "check" else [],
        )
        # nbval lets a cell pass that has no reference.
        if cell.role == "check" and (not cell.expected or raw["execution_count"] is None):
            raise ValueError(
                f"{Path(path).name}: the check {cell.name!r} must have a reference output; it has none"
            )
        cells.append(cell)
    return Release(find(own["lesson"]), exercises, tuple(cells))


def _joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)
