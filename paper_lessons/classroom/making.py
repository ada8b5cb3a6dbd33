"""From a master to the learner's notebook and to the solution."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from paper_lessons.classroom.feedback import explained, of_master
from paper_lessons.classroom.masters import BEGIN, END, Master, MasterCell
from paper_lessons.classroom.notebooks import KEY, code_cell, markdown_cell, notebook
from paper_lessons.classroom.releases import Exercise
from paper_lessons.classroom.values import numbers, room

# How many times the tolerance a reference must stay away from where its last digit changes.
MARGIN = 10


@dataclass(frozen=True)
class Execution:
    """What running one cell of a solution gave.

    Attributes
    ----------
    outputs : list of dict
        As they stand in a notebook.
    count : int or None
        The number in the cell's brackets.
    shown : list of dict
        For each call of ``show``: ``value`` before rounding, ``decimals``, ``tolerance``.
    """

    outputs: list[dict[str, Any]]
    count: int | None
    shown: list[dict[str, Any]] = field(default_factory=list)


def learner_notebook(master: Master, executed: Mapping[str, Execution]) -> dict[str, Any]:
    """The notebook that is handed out: stubs instead of answers, no hidden checks, expected outputs.

    Parameters
    ----------
    master : Master
        The source.
    executed : mapping of str to Execution
        By cell name: what running the solution gave.

    Returns
    -------
    dict
        A notebook in format 4.5.
    """
    cells = []
    for cell in master.cells:
        if cell.visibility == "hidden":
            continue
        kept = executed[cell.name] if cell.role == "check" else None
        cells.append(_cell(master, cell, learner_source(cell), kept))
    return notebook(cells, _own(master))


def solution_notebook(master: Master, executed: Mapping[str, Execution]) -> dict[str, Any]:
    """The notebook with answers, all checks and the outputs of its run.

    Parameters
    ----------
    master, executed
        See :func:`learner_notebook`; without an entry a cell is written as not yet run.

    Returns
    -------
    dict
        A notebook in format 4.5.
    """
    cells = [
        _cell(master, cell, _seeded(cell), executed.get(cell.name))
        for cell in master.cells
        if cell.role != "learner"
    ]
    return notebook(cells, _own(master))


def learner_source(cell: MasterCell) -> str:
    """A cell's text as the learner sees it: no solution, and of a feedback cell the functions that it tries.

    Parameters
    ----------
    cell : MasterCell
        Any cell.

    Returns
    -------
    str
    """
    if cell.role == "feedback":
        return "\n".join(f"explain({name})" for name in explained(cell.source))
    if cell.role != "answer":
        return _seeded(cell)
    lines: list[str] = []
    inside = False
    for line in cell.source.splitlines():
        if line.strip() == BEGIN:
            inside = True
            lines.append(line[: len(line) - len(line.lstrip())] + "raise NotImplementedError")
        elif line.strip() == END:
            inside = False
        elif not inside:
            lines.append(line)
    return "\n".join(lines)


def feedback_data(master: Master) -> dict[str, Any]:
    """What the learner's feedback cells try, for the file beside the notebook.

    Parameters
    ----------
    master : Master

    Returns
    -------
    dict
        Plain data.
    """
    return {"lesson": master.lesson.slug, "exercises": [asdict(one) for one in of_master(master)]}


def boundary_faults(executed: Mapping[str, Execution], master: Master) -> list[str]:
    """Reference values that rounding errors could spell differently on another machine.

    Parameters
    ----------
    executed : mapping of str to Execution
        By cell name.
    master : Master
        The source of the checks.

    Returns
    -------
    list of str
        One line for each check that must not be released as it is.
    """
    faults = []
    for cell in master.cells:
        if cell.role != "check":
            continue
        where = f"cell {cell.name!r}"
        shown = executed[cell.name].shown
        if not shown:
            faults.append(f"{where}: the check showed nothing")
        if [output.get("name") for output in executed[cell.name].outputs] != ["stdout"]:
            faults.append(f"{where}: a check must print with show(...) and do nothing else")
        for entry in shown:
            faults += [f"{where}: {fault}" for fault in _near(entry)]
    return faults


def _near(entry: Mapping[str, Any]) -> list[str]:
    decimals, tolerance = entry["decimals"], entry["tolerance"]
    needed = MARGIN * tolerance
    if needed >= 0.5 * 10.0**-decimals:
        return [f"{decimals} decimals are too many for a tolerance of {tolerance:g}"]
    found = numbers(entry["value"])
    if not all(math.isfinite(number) for number in found):
        return ["a reference value is NaN or infinite"]
    return [
        f"the reference {number!r} is {room(number, decimals):.1e} from where its last of {decimals} decimals "
        f"changes, less than {MARGIN} times the tolerance {tolerance:g}; take another seed or fewer decimals"
        for number in found
        if not float(number).is_integer() and room(number, decimals) < needed
    ]


def _seeded(cell: MasterCell) -> str:
    """A check begins with its seed, on a line of its own that a grader can replace."""
    if cell.role != "check":
        return cell.source
    unit = "point" if cell.points == 1 else "points"
    what = textwrap.wrap(
        f"check, {cell.points} {unit}: {cell.what}",
        76,
        initial_indent="# ",
        subsequent_indent="# ",
    )
    return "\n".join([f"seed = {cell.seed}", *what, cell.source])


def _cell(
    master: Master, cell: MasterCell, source: str, executed: Execution | None
) -> dict[str, Any]:
    own: dict[str, Any] = {"cell": cell.name, "role": cell.role}
    if cell.exercise:
        own["exercise"] = cell.exercise
    metadata: dict[str, Any] = {KEY: own}
    identifier = f"{master.lesson.slug}-{cell.name}"
    if cell.role == "text":
        exercise = next((one for one in master.exercises if one.name == cell.exercise), None)
        if cell.opens and exercise is not None:
            source = f"{heading(exercise)}\n\n{source}".rstrip()
        return markdown_cell(source, id=identifier, metadata=metadata)
    if cell.role == "check":
        own |= {"points": cell.points, "visibility": cell.visibility, "seed": cell.seed}
        own["what"] = cell.what
        metadata |= {"tags": ["nbval-check-output"], "deletable": False, "editable": False}
    elif cell.role == "answer":
        metadata["deletable"] = False
    if executed is None:
        return code_cell(source, id=identifier, metadata=metadata)
    return code_cell(
        source,
        id=identifier,
        metadata=metadata,
        outputs=executed.outputs,
        execution_count=executed.count,
    )


def heading(exercise: Exercise) -> str:
    """An exercise's heading and the line below it, in Markdown.

    Parameters
    ----------
    exercise : Exercise
        What the front matter declares.

    Returns
    -------
    str
    """
    points = f"{exercise.points} practice points"
    if exercise.hidden_points:
        points += f" (and {exercise.hidden_points} for marks, by hidden checks)"
    return (
        f"## Exercise {exercise.number}: {exercise.title}\n\n"
        f"*Difficulty {exercise.difficulty} of 5, about {exercise.minutes} minutes, {points}. "
        f'Stuck? Run `hint("{exercise.name}")`.*'
    )


def _own(master: Master) -> dict[str, Any]:
    entries = []
    for exercise in master.exercises:
        entry = asdict(exercise)
        del entry["number"]
        entries.append({**entry, "hints": list(exercise.hints)})
    return {"lesson": master.lesson.slug, "exercises": entries}
