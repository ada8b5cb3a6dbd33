"""Trying answers in this process, without a kernel: how the checks themselves are tested.

The cells, their order and the comparison are those of a real run; a hundred planted mistakes take seconds.
Never used for a learner's notebook, which may not end or may end this process.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from paper_lessons.classroom.absent import restored
from paper_lessons.classroom.merging import merge
from paper_lessons.classroom.notebooks import Cell, read_cells
from paper_lessons.classroom.releases import Release

_TAG = re.compile(r"^# (loses|says|cell): (.+)\n", re.MULTILINE)


@dataclass(frozen=True)
class WrongAnswer:
    """A planted mistake.

    Attributes
    ----------
    exercise : str
        The exercise's name.
    what : str
        The mistake, in a few words.
    source : str
        The answer cell with the mistake.
    loses : frozenset of str
        Names of the checks, public and hidden, that it must lose: these and no others.
    says : str
        What the feedback must say to it; empty when any failure will do.
    cell : str
        Name of the answer cell.
    """

    exercise: str
    what: str
    source: str
    loses: frozenset[str]
    says: str
    cell: str


def read_wrong_answers(folder: str | Path) -> list[WrongAnswer]:
    """The planted mistakes of a lesson: a file for each exercise, ``soft_rank.py`` for ``soft-rank``.

    In a file each mistake begins with a line ``# %% what it is``; ``# loses:`` names checks, ``# says:`` a part of the
    feedback, and ``# cell:`` the answer cell where an exercise has several.

    Parameters
    ----------
    folder : str or Path
        ``tests/classroom/wrong_answers/NN_name``.

    Returns
    -------
    list of WrongAnswer
    """
    found = []
    for path in sorted(Path(folder).glob("*.py")):
        exercise = path.stem.replace("_", "-")
        for part in re.split(r"^# %% ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            what, _, body = part.partition("\n")
            tags = dict(_TAG.findall(body))
            found.append(
                WrongAnswer(
                    exercise=exercise,
                    what=what.strip(),
                    source=_TAG.sub("", body).strip(),
                    loses=frozenset(tags["loses"].split()),
                    says=tags.get("says", "").strip(),
                    cell=tags.get("cell", f"{exercise}-answer").strip(),
                )
            )
    return found


def answered(solution: str | Path, answers: Mapping[str, str]) -> list[Cell]:
    """A notebook as a learner would hand it in: the solution, with some answer cells replaced.

    Parameters
    ----------
    solution : str or Path
        ``solutions/NN_name.ipynb``.
    answers : mapping of str to str
        Sources by the names of answer cells.

    Returns
    -------
    list of Cell
    """
    cells, _ = read_cells(solution)
    return [
        replace(cell, source=answers.get(str(cell.claims.get("cell")), cell.source))
        for cell in cells
    ]


def rehearse(release: Release, cells: list[Cell], exercise: str) -> tuple[dict[str, bool], str]:
    """Run one exercise of a notebook here.

    Parameters
    ----------
    release : Release
        A solution, when hidden checks are to count.
    cells : list of Cell
        What was handed in.
    exercise : str
        The exercise's name.

    Returns
    -------
    tuple of (dict of str to bool, str)
        By name of each check: did it pass? And what the feedback cells printed.
    """
    merged = merge(release, cells, release.exercise(exercise))
    space: dict[str, Any] = {"__name__": "__main__"}
    checks = {check.id: check for check in merged.checks}
    passed: dict[str, bool] = {}
    with restored():
        for cell in merged.notebook["cells"]:
            printed, failed = _execute("".join(cell["source"]), space)
            if cell["id"] in checks:
                check = checks[cell["id"]]
                passed[check.name] = not failed and printed == check.expected
    for cell in release.cells:  # again, now with the whole library
        if cell.role in ("setup", "given") and cell.section in (
            0,
            release.exercise(exercise).number,
        ):
            _execute(cell.source, space)
    feedback = [_execute(cell.source, space)[0] for cell in release.of_role("feedback", exercise)]
    return passed, "".join(feedback)


def _execute(source: str, space: dict[str, Any]) -> tuple[str, bool]:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(source, "<cell>", "exec"), space)
        except Exception:
            return printed.getvalue(), True
    return printed.getvalue(), False
