"""What the book says about lessons, exercises and results, as Markdown made from their own data.

The Sphinx directives of ``lesson_directives.py`` put it on pages, and ``plain_notebooks.py`` into the
notebooks for download, so that neither can go stale.
"""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from paper_lessons import __version__
from paper_lessons.classroom.releases import Exercise, read_release
from paper_lessons.lessons import LESSONS, Lesson, find
from paper_lessons.provenance import read_result

BOOK = Path(__file__).resolve().parent.parent
REPOSITORY = BOOK.parent

_SHOWN_VERSIONS = (
    "torch",
    "torchvision",
    "numpy",
    "numba",
    "scikit-learn",
    "matplotlib",
    "jupyter-book",
    "sphinx",
    "myst-nb",
)


def lesson_table(chapters: Path = BOOK / "chapters") -> str:
    """Table of the seven lessons with what is there of each.

    Parameters
    ----------
    chapters : Path
        Folder of the chapters; a lesson whose chapter exists is linked to it.

    Returns
    -------
    str
        A Markdown table for a page at the book's top.
    """
    rows = ["| no | lesson | paper | what is there |", "|---|---|---|---|"]
    for lesson in LESSONS:
        title = lesson.title
        if (chapters / f"{lesson.slug}.md").is_file():
            title = f"[{title}](chapters/{lesson.slug}.md)"
        rows.append(
            f"| {lesson.number:02d} | {title} | {lesson.authors} {lesson.year}, *{lesson.paper}*, "
            f"[arXiv {lesson.arxiv}](https://arxiv.org/abs/{lesson.arxiv}) | {_what_is_there(lesson)} |"
        )
    return "\n".join(rows)


def _what_is_there(lesson: Lesson) -> str:
    words = {
        "complete": "chapter, library, exercises",
        "library only": "library",
        "begun": "pieces of the library",
        "not yet": "not yet",
    }
    return words[lesson.status]


def version_table() -> str:
    """Versions of what the site was built with, and the machine.

    Returns
    -------
    str
        A Markdown table.
    """
    rows = ["| what | version |", "|---|---|", f"| paper-lessons | {__version__} |"]
    rows.append(f"| Python | {platform.python_version()} |")
    for name in _SHOWN_VERSIONS:
        try:
            rows.append(f"| {name} | {version(name)} |")
        except PackageNotFoundError:
            rows.append(f"| {name} | not installed |")
    rows.append(f"| operating system | {platform.system()} {platform.release()} |")
    rows.append(f"| processor | {_processor()}, {os.cpu_count()} cores visible |")
    return "\n".join(rows)


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def result_table(folder: Path = BOOK / "results") -> str:
    """The stored results of long runs, each with how to make it again.

    Parameters
    ----------
    folder : Path
        Where the records lie.

    Returns
    -------
    str
        A Markdown table, or a sentence if there are none.
    """
    records = sorted(folder.glob("*.json"))
    if not records:
        return "No result of a long run is stored."
    rows = [
        "| file | command | seed | library | made by the code at hand |",
        "|---|---|---|---|---|",
    ]
    for path in records:
        record = read_result(path)
        current = "yes" if record["current"] else "no: the lesson's code has changed since"
        rows.append(
            f"| `{path.name}` | `{record['command']}` | {record['seed']} | `{record['library']}` | {current} |"
        )
    return "\n".join(rows)


def exercise_list(notebook: Path, *, directives: bool) -> str:
    """The exercises of a learner's notebook: what each asks, how long it takes, and its hints.

    Parameters
    ----------
    notebook : Path
        A file of ``exercises/``.
    directives : bool
        Whether to write for Sphinx, with MyST directives, or for a plain notebook.

    Returns
    -------
    str
        Markdown.

    Raises
    ------
    ValueError
        If the file is not there, or was not made by ``make sync``.
    """
    if not notebook.is_file():
        raise ValueError(f"exercises/{notebook.name} is not there (make sync writes it)")
    release = read_release(notebook)
    minutes = sum(one.minutes for one in release.exercises)
    points = sum(one.points for one in release.exercises)
    parts = [
        f"{len(release.exercises)} exercises, about {minutes} minutes and {points} points together. "
        "Each hint says more than the one before it."
    ]
    for exercise in release.exercises:
        parts.append(_exercise(exercise, directives=directives))
    return "\n\n".join(parts)


def _exercise(exercise: Exercise, *, directives: bool) -> str:
    facts = (
        f"Difficulty {exercise.difficulty} of 5, about {exercise.minutes} minutes, "
        f"{exercise.points} points in practice."
    )
    title = f"Exercise {exercise.number}: {exercise.title}"
    hints = [
        (f"Exercise {exercise.number}, hint {at} of {len(exercise.hints)}", text.strip())
        for at, text in enumerate(exercise.hints, start=1)
    ]
    if directives:
        folded = "\n\n".join(f"````{{dropdown}} {name}\n{text}\n````" for name, text in hints)
        return f"`````{{admonition}} {title}\n{facts}\n\n{folded}\n`````"
    folded = "\n\n".join(
        f"<details>\n<summary>{name}</summary>\n\n{text}\n\n</details>" for name, text in hints
    )
    return f"**{title}.** {facts}\n\n{folded}"


def notebook_of(lesson: str) -> Path:
    """The learner's notebook of a lesson, named as :func:`paper_lessons.lessons.find` allows."""
    return REPOSITORY / "exercises" / f"{find(lesson).slug}.ipynb"
