"""Runs merged notebooks inside the test's process: the same cells and comparison as nbval's, without a kernel each."""

from __future__ import annotations

import contextlib
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paper_lessons.classroom.merging import merge
from paper_lessons.classroom.notebooks import Cell, read_cells
from paper_lessons.classroom.releases import Release


@dataclass(frozen=True)
class WrongAnswer:
    """A planted mistake: what it is, the cell it stands in, the checks it must lose, what a learner must be told."""

    exercise: str
    what: str
    source: str
    loses: frozenset[str]
    says: str
    cell: str


def wrong_answers(folder: Path) -> list[WrongAnswer]:
    """All planted mistakes of a lesson."""
    found = []
    for path in sorted(folder.glob("*.py")):
        exercise = path.stem.replace("_", "-")
        for part in re.split(r"^# %% ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            what, _, body = part.partition("\n")
            tags = dict(re.findall(r"^# (loses|says|cell): (.+)$", body, re.MULTILINE))
            source = re.sub(r"^# (loses|says|cell): .+\n", "", body, flags=re.MULTILINE)
            found.append(
                WrongAnswer(
                    exercise,
                    what,
                    source.strip(),
                    frozenset(tags["loses"].split()),
                    tags.get("says", ""),
                    tags.get("cell", f"{exercise}-answer"),
                )
            )
    return found


def answered(solution: Path, answers: dict[str, str]) -> list[Cell]:
    """A learner's notebook: the solution with some answer cells replaced."""
    cells, _ = read_cells(solution)
    return [
        Cell(cell.kind, answers.get(cell.claims.get("cell", ""), cell.source), cell.id, cell.claims)
        for cell in cells
    ]


def run_merged(release: Release, cells: list[Cell], exercise: str) -> tuple[dict[str, bool], str]:
    """Which checks of an exercise pass, and what its feedback cells print."""
    merged = merge(release, cells, release.exercise(exercise))
    space: dict[str, Any] = {"__name__": "__main__"}
    expected = {check.id: check for check in merged.checks}
    passed: dict[str, bool] = {}
    for cell in merged.notebook["cells"]:
        printed, failed = _execute("".join(cell["source"]), space)
        if cell["id"] in expected:
            check = expected[cell["id"]]
            passed[check.name] = not failed and printed == check.expected
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
