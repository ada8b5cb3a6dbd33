"""Checking a notebook: its answers merged into the release, each exercise run apart, the points counted."""

from __future__ import annotations

import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paper_lessons.lessons import LESSONS, Lesson, find

if TYPE_CHECKING:
    from paper_lessons.classroom.notebooks import Cell
    from paper_lessons.classroom.releases import Release
    from paper_lessons.classroom.running import Limits
    from paper_lessons.classroom.scores import Score

_AT_ONCE = 2


def check(notebook: str | Path | None = None, *, exercise: str | int | None = None) -> None:
    """Check the notebook you are in and print points, what was lost, and hints.

    Save the notebook first: what is checked is the file.

    Parameters
    ----------
    notebook : str or Path, optional
        The file. Without it, the notebook that this kernel belongs to, or the only exercise in this folder.
    exercise : str or int, optional
        Check only this one: ``2`` or ``"pav"``.

    Raises
    ------
    ValueError
        If the notebook is not found or cannot be used.
    """
    from paper_lessons.classroom.reporting import report

    path = Path(notebook) if notebook is not None else _this_notebook()
    if path.is_file():
        saved = datetime.fromtimestamp(path.stat().st_mtime)
        print(
            f"{path.name} as it was saved at {saved:%H:%M:%S}; a few seconds for each exercise.\n"
        )
    print(report(check_notebook(path, exercise=exercise)))


def check_notebook(
    path: str | Path,
    *,
    exercise: str | int | None = None,
    release: Release | None = None,
    limits: Limits | None = None,
) -> Score:
    """Score a notebook.

    Parameters
    ----------
    path : str or Path
        An exercise notebook with answers.
    exercise : str or int, optional
        Number or name of the only exercise to check.
    release : Release, optional
        What it is measured by; by default the exercises that travel with the package.
    limits : Limits, optional
        What each exercise may use; by default what its metadata allow.

    Returns
    -------
    Score

    Raises
    ------
    ValueError
        If the file is no notebook, belongs to no lesson, or has no such exercise.
    """
    from paper_lessons.classroom.notebooks import read_cells
    from paper_lessons.classroom.releases import release_of
    from paper_lessons.classroom.scores import Score

    cells, claims = read_cells(path)
    release = release or release_of(_lesson_of(Path(path), cells, claims).number)
    chosen = release.exercises if exercise is None else (release.exercise(exercise),)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        scores = pool.map(lambda one: _check_one(release, cells, one, limits), chosen)
        title = f"{release.lesson.number:02d} {release.lesson.title}"
        return Score(title, tuple(scores))


def _check_one(release: Release, cells: list[Cell], exercise: Any, limits: Limits | None) -> Any:
    from paper_lessons.classroom.merging import merge
    from paper_lessons.classroom.running import Limits, run
    from paper_lessons.classroom.scores import score, unwritten

    merged = merge(release, cells, exercise)
    if merged.untouched:
        return unwritten(merged)
    allowed = limits or replace(Limits(), cpu_seconds=exercise.cpu_seconds)
    result = run(merged.notebook, limits=allowed)
    return score(merged, result, limits=allowed, release=release, cells=cells)


def _lesson_of(path: Path, cells: list[Cell], claims: dict[str, Any]) -> Lesson:
    """By the notebook's own metadata, its cells' identifiers, or its name."""
    named = claims.get("lesson")
    candidates = [named] if isinstance(named, str) else []
    candidates += [cell.id.partition("-")[0] for cell in cells if cell.id]
    candidates += [found[0] for found in [re.match(r"\d\d_[a-z_0-9]+[a-z0-9]", path.stem)] if found]
    slugs = {lesson.slug for lesson in LESSONS}
    for candidate in candidates:
        if candidate in slugs:
            return find(candidate)
    raise ValueError(
        f"{path.name} must be an exercise notebook of this course; none of its cells belongs to a lesson "
        "(`paper-lessons exercise 01` makes a fresh one)"
    )


def _this_notebook() -> Path:
    for found in (os.environ.get("JPY_SESSION_NAME"), _from_editor()):
        if found and found.endswith(".ipynb") and Path(found).is_file():
            return Path(found)
    here = sorted(Path.cwd().glob("[0-9][0-9]_*.ipynb"))
    if len(here) == 1:
        return here[0]
    seen = ", ".join(path.name for path in here) or "none"
    raise ValueError(
        "notebook must be given, check('01_soft_sort.ipynb'): which one this is could not be seen, and "
        f"the exercise notebooks in this folder are: {seen}"
    )


def _from_editor() -> str | None:
    """VS Code tells its notebooks their own path."""
    main = sys.modules.get("__main__")
    found = getattr(main, "__vsc_ipynb_file__", None)
    return found if isinstance(found, str) else None
