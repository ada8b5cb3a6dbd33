"""Masters: the sources of the exercises, with their solutions, read and checked.

A master is ``solutions/NN_name.md``, a notebook in jupytext's MyST form. Its front matter declares the exercises; a
Markdown cell whose metadata say ``{"paper_lessons": {"exercise": NAME}}`` begins one, and
``{"paper_lessons": {"exercise": ""}}`` ends the last. Each code cell declares its name (``cell``) and its ``role``:

- ``setup``: before the first exercise, runs for each of them;
- ``given``: code that an exercise hands to the learner;
- ``answer``: what the learner writes, between the markers of a solution;
- ``feedback``: tries the answer with ``explain``; worth nothing, and not run when a notebook is checked;
- ``check``: prints values with ``show``; worth ``points``;
- ``learner``: stands in the learner's notebook only and is not run when the solution is made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paper_lessons.classroom.notebooks import KEY
from paper_lessons.classroom.releases import Exercise
from paper_lessons.lessons import Lesson, find

BEGIN = "### BEGIN SOLUTION"
END = "### END SOLUTION"

ROLES = ("setup", "given", "answer", "feedback", "check", "learner")
VISIBILITIES = ("public", "hidden")
HINTS = 3

_CHECK_KEYS = {"points", "visibility", "seed", "what"}
_EXERCISE_KEYS = {"name", "title", "difficulty", "minutes", "hints", "cpu_seconds"}
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class MasterCell:
    """One cell of a master.

    Attributes
    ----------
    name : str
        Unique in the lesson; declared for code, made for text.
    role : str
        One of ``ROLES``, or ``text``.
    exercise : str
        The exercise's name, or empty.
    source : str
        Its text, with the solution between the markers.
    points, visibility, seed, what : int, str, int, str
        Of a check.
    opens : bool
        Does this text begin its exercise?
    """

    name: str
    role: str
    exercise: str
    source: str
    points: int = 0
    visibility: str = ""
    seed: int = 0
    what: str = ""
    opens: bool = False


@dataclass(frozen=True)
class Master:
    """A master that was read and found to be in order.

    Attributes
    ----------
    lesson : Lesson
        Whose exercises these are.
    exercises : tuple of Exercise
        With the points of their checks added up.
    cells : tuple of MasterCell
        In order.
    """

    lesson: Lesson
    exercises: tuple[Exercise, ...]
    cells: tuple[MasterCell, ...]


def read_master(path: str | Path) -> Master:
    """Read a master and refuse whatever would make bad exercises.

    Parameters
    ----------
    path : str or Path
        ``solutions/NN_name.md``; the name says which lesson it belongs to.

    Returns
    -------
    Master

    Raises
    ------
    ValueError
        With one line for each fault.
    """
    import jupytext

    path = Path(path)
    lesson = find(path.stem)
    source = jupytext.reads(path.read_text(encoding="utf-8"), fmt="md:myst")
    declared = source.metadata.get(KEY, {}).get("exercises", [])
    cells = list(_cells(source.cells))
    faults = [*_exercise_faults(declared), *_cell_faults(cells, declared)]
    if faults:
        raise ValueError(f"{path.name} cannot be made into exercises:\n  " + "\n  ".join(faults))
    exercises = tuple(
        Exercise(
            number=number,
            **{**entry, "hints": tuple(entry["hints"])},
            points=_points(cells, entry["name"], "public"),
            hidden_points=_points(cells, entry["name"], "hidden"),
        )
        for number, entry in enumerate(declared, start=1)
    )
    return Master(lesson, exercises, tuple(cell for cell, _ in cells))


def _cells(raw_cells: list[Any]) -> Iterator[tuple[MasterCell, dict[str, Any]]]:
    """Each cell with the metadata it was declared by."""
    exercise, texts = "", 0
    for raw in raw_cells:
        claims = dict(raw.metadata.get(KEY, {}))
        if raw.cell_type == "code":
            yield _code(raw.source, claims, exercise), claims
            continue
        opens = "exercise" in claims
        if opens:
            exercise, texts = claims["exercise"], 0
            place = exercise or "closing"
        else:
            place = exercise or ("closing" if texts < 0 else "opening")
        texts += 1
        name = f"{place}-text-{texts}"
        yield MasterCell(name, "text", exercise, raw.source, opens=opens and bool(exercise)), claims


def _code(source: str, claims: dict[str, Any], exercise: str) -> MasterCell:
    return MasterCell(
        name=str(claims.get("cell", "")),
        role=str(claims.get("role", "")),
        exercise=exercise,
        source=source,
        points=claims.get("points", 0),
        visibility=str(claims.get("visibility", "")),
        seed=claims.get("seed", 0),
        what=str(claims.get("what", "")),
    )


def _points(cells: list[tuple[MasterCell, dict[str, Any]]], exercise: str, visibility: str) -> int:
    return sum(
        cell.points
        for cell, _ in cells
        if cell.role == "check" and (cell.exercise, cell.visibility) == (exercise, visibility)
    )


def _exercise_faults(declared: list[dict[str, Any]]) -> Iterator[str]:
    if not declared:
        yield f"the front matter must list exercises under {KEY}: exercises; there are none"
    names = [entry.get("name") for entry in declared]
    for entry in declared:
        name = entry.get("name")
        where = f"exercise {name!r}"
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            yield f"{where}: name must be lower-case words joined by hyphens"
        if names.count(name) > 1:
            yield f"{where}: the name is declared {names.count(name)} times"
        if unknown := sorted(set(entry) - _EXERCISE_KEYS):
            yield f"{where}: unknown keys {unknown}"
        if not entry.get("title"):
            yield f"{where}: title is missing"
        if entry.get("difficulty") not in range(1, 6):
            yield f"{where}: difficulty must be 1 to 5, got {entry.get('difficulty')!r}"
        if not isinstance(entry.get("minutes"), int) or entry["minutes"] < 1:
            yield f"{where}: minutes must be a whole number, got {entry.get('minutes')!r}"
        hints = entry.get("hints") or []
        if len(hints) != HINTS or not all(isinstance(one, str) and one.strip() for one in hints):
            yield f"{where}: hints must be {HINTS} texts of rising strength, got {len(hints)}"


def _cell_faults(
    cells: list[tuple[MasterCell, dict[str, Any]]], declared: list[dict[str, Any]]
) -> Iterator[str]:
    names = [cell.name for cell, _ in cells]
    exercises = [str(entry.get("name")) for entry in declared]
    for cell, claims in cells:
        where = f"cell {cell.name!r}" if cell.name else f"a cell beginning {cell.source[:40]!r}"
        if names.count(cell.name) > 1 and cell.name:
            yield f"{where}: the name is declared {names.count(cell.name)} times"
        if cell.role == "text":
            if cell.exercise and cell.exercise not in exercises:
                yield f"{where}: exercise {cell.exercise!r} is not in the front matter"
            continue
        if not _NAME.fullmatch(cell.name):
            yield f"{where}: cell must be a name of lower-case words joined by hyphens, got {cell.name!r}"
        if cell.role not in ROLES:
            yield f"{where}: role must be one of {', '.join(ROLES)}; got {cell.role!r}"
        if cell.role != "learner" and (cell.role == "setup") == bool(cell.exercise):
            place = "before the first exercise" if cell.role == "setup" else "in an exercise"
            yield f"{where}: a cell of role {cell.role!r} must stand {place}"
        if unknown := sorted(set(claims) - {"cell", "role"} - _CHECK_KEYS):
            yield f"{where}: unknown keys {unknown}"
        if cell.role == "check":
            yield from _check_faults(cell, claims, where)
        elif set(claims) & _CHECK_KEYS:
            yield f"{where}: only a check has {sorted(set(claims) & _CHECK_KEYS)}"
        if cell.role == "answer":
            yield from _answer_faults(cell, where)
    own = [cell for cell, _ in cells]
    opened = [cell.exercise for cell in own if cell.opens]
    for name in exercises:
        if opened.count(name) != 1:
            yield f"exercise {name!r}: must be begun by exactly one text, got {opened.count(name)}"
        roles = [(cell.role, cell.visibility) for cell in own if cell.exercise == name]
        if not any(role == "answer" for role, _ in roles):
            yield f"exercise {name!r}: has no cell of role 'answer'"
        if ("check", "public") not in roles:
            yield f"exercise {name!r}: has no public check"
    if [name for name in exercises if name in opened] != [
        name for name in opened if name in exercises
    ]:
        yield f"the exercises stand in the order {opened}, the front matter says {exercises}"


def _check_faults(cell: MasterCell, claims: dict[str, Any], where: str) -> Iterator[str]:
    if not isinstance(cell.points, int) or isinstance(cell.points, bool) or cell.points < 1:
        yield f"{where}: points must be a whole number from 1, got {claims.get('points')!r}"
    if cell.visibility not in VISIBILITIES:
        yield f"{where}: visibility must be public or hidden, got {cell.visibility!r}"
    if not isinstance(claims.get("seed"), int):
        yield f"{where}: seed must be a whole number, got {claims.get('seed')!r}"
    if not cell.what.strip():
        yield f"{where}: what must say in a few words what is tried"
    if "show(" not in cell.source:
        yield f"{where}: a check must print its values with show(...)"
    if re.search(r"^\s*assert\b", cell.source, re.MULTILINE):
        yield f"{where}: a check prints and never asserts"
    if re.search(r"^seed\s*=", cell.source, re.MULTILINE):
        yield f"{where}: the line `seed = ...` is made from the metadata"


def _answer_faults(cell: MasterCell, where: str) -> Iterator[str]:
    marks = [line.strip() for line in cell.source.splitlines() if line.strip() in (BEGIN, END)]
    if not marks or marks != [BEGIN, END] * (len(marks) // 2):
        yield f"{where}: an answer must hold {BEGIN} and {END}, in pairs; got {marks}"
    elif '"""' not in cell.source:
        yield f"{where}: an answer must have a docstring that states shapes"
