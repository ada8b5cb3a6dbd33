"""Handing out: the learner's notebook to a learner, all of them to a class."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

from paper_lessons.classroom.releases import Release, exercise_file, read_release
from paper_lessons.files import write_atomically
from paper_lessons.lessons import LESSONS
from paper_lessons.resources import locate

ARCHIVE = "paper-lessons-exercises.zip"


def copy_exercise(lesson: str | int, folder: str | Path = ".", *, force: bool = False) -> Path:
    """Put a fresh copy of a lesson's exercises into a folder.

    Parameters
    ----------
    lesson : str or int
        Number or name.
    folder : str or Path
        Where it goes; made when missing.
    force : bool
        Replace a notebook that is there already.

    Returns
    -------
    pathlib.Path
        The copy.

    Raises
    ------
    ValueError
        If the lesson has no exercises yet, or a notebook is there already.

    Examples
    --------
    >>> import tempfile
    >>> copy_exercise("soft-sort", tempfile.mkdtemp()).name
    '01_soft_sort.ipynb'
    """
    source = exercise_file(lesson)
    target = Path(folder) / source.name
    if Path(folder).exists() and not Path(folder).is_dir():
        raise ValueError(f"folder must be a folder, got the file {folder}")
    if target.exists() and not force:
        raise ValueError(
            f"{target} exists and may hold your answers; --force replaces it by a fresh copy"
        )
    return write_atomically(target, source.read_bytes())


def write_handout(folder: str | Path, lessons: Sequence[str] = ()) -> Path:
    """Write the zip file for a class: exercises without solutions, and what each is worth.

    Parameters
    ----------
    folder : str or Path
        Where the file goes; made when missing. A name that ends in ``.zip`` is the file itself.
    lessons : sequence of str
        Numbers or names; all that have exercises when empty.

    Returns
    -------
    pathlib.Path
        The zip file, byte for byte the same for the same exercises.

    Raises
    ------
    ValueError
        If a lesson has no exercises yet.
    """
    folder = Path(folder)
    target = folder if folder.suffix == ".zip" else folder / ARCHIVE
    files = [exercise_file(lesson) for lesson in lessons] if lessons else _all_exercises()
    entries = {path.name: path.read_bytes() for path in sorted(set(files))}
    releases = [read_release(path) for path in sorted(set(files))]
    entries["README.md"] = _readme(releases).encode("utf-8")
    packed = io.BytesIO()
    # Stored, not compressed: compressors differ between machines, and a class's zip should not.
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(entries):
            entry = zipfile.ZipInfo(f"paper-lessons/{name}", date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, entries[name])
    return write_atomically(target, packed.getvalue())


def _all_exercises() -> list[Path]:
    found = []
    for lesson in LESSONS:
        try:
            found.append(locate(f"exercises/{lesson.slug}.ipynb"))
        except FileNotFoundError:
            continue
    return found


def _readme(releases: Sequence[Release]) -> str:
    lines = [
        "# Exercises",
        "",
        "Each notebook holds the exercises of one paper. Fill in the cells that raise `NotImplementedError`; the cell below",
        "each says at once whether the answer is right, and where it is not.",
        "",
        "```",
        'pip install "paper-lessons[classroom]"',
        "jupyter lab",
        "```",
        "",
        "## How to check",
        "",
        "```",
        f"paper-lessons check {releases[0].lesson.slug}.ipynb",
        f"paper-lessons check {releases[0].lesson.slug}.ipynb --exercise 2",
        "```",
        "",
        "or, in the notebook, save it and run `check()`. Both print a table of points, what was lost, and a first hint;",
        '`hint("NAME", 2)` and `hint("NAME", 3)` say more. Only your answers are taken from the notebook: changed or deleted',
        "check cells change nothing. Every exercise is checked on its own, in a fresh kernel: the set-up, your cells of that",
        "exercise, then the checks.",
        "",
        "Practice points come from checks whose expected output stands in the notebook. Marks come from hidden checks on other",
        "inputs, which your teacher runs.",
        "",
        "## What there is",
        "",
    ]
    for release in releases:
        lines += _table(release)
    return "\n".join(lines)


def _table(release: Release) -> list[str]:
    lesson, exercises = release.lesson, release.exercises
    rows = [
        f"### {lesson.number:02d} {lesson.title} (`{lesson.slug}.ipynb`)",
        "",
        f"{lesson.authors} {lesson.year}, {lesson.paper} (arXiv {lesson.arxiv}).",
        "",
        "| | exercise | difficulty | minutes | practice points | points for marks |",
        "|---|---|---|---|---|---|",
    ]
    rows += [
        f"| {one.number} | {one.title} | {one.difficulty} of 5 | {one.minutes} | {one.points} | {one.hidden_points} |"
        for one in exercises
    ]
    minutes, points, hidden = (
        sum(getattr(one, name) for one in exercises)
        for name in ("minutes", "points", "hidden_points")
    )
    return [*rows, f"| | **total** | | **{minutes}** | **{points}** | **{hidden}** |", ""]
