"""Scores: what each check gave, in plain data."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from paper_lessons.classroom.merging import Merged, where_defined
from paper_lessons.classroom.notebooks import Cell, without_colour
from paper_lessons.classroom.releases import Exercise, Release, ReleaseCell
from paper_lessons.classroom.running import Limits, Run


@dataclass(frozen=True)
class CheckScore:
    """One check.

    Attributes
    ----------
    check : ReleaseCell
        Which one.
    passed : bool
        Did it print what the reference printed?
    yours : str
        What it printed; empty when it printed nothing.
    error : str
        The exception that ended it, in one line.
    """

    check: ReleaseCell
    passed: bool
    yours: str = ""
    error: str = ""


@dataclass(frozen=True)
class ExerciseScore:
    """One exercise.

    Attributes
    ----------
    exercise : Exercise
        Which one.
    checks : tuple of CheckScore
        In the order of the notebook.
    trouble : str
        One sentence on what stopped it as a whole; empty when nothing did.
    remarks : tuple of str
        What was repaired or left out of the notebook.
    stopped : bool
        Did the run end before its checks did?
    """

    exercise: Exercise
    checks: tuple[CheckScore, ...]
    trouble: str = ""
    remarks: tuple[str, ...] = ()
    stopped: bool = False

    @property
    def points(self) -> int:
        """Points earned."""
        return sum(one.check.points for one in self.checks if one.passed)

    @property
    def possible(self) -> int:
        """Points there are."""
        return sum(one.check.points for one in self.checks)


@dataclass(frozen=True)
class Score:
    """A notebook.

    Attributes
    ----------
    title : str
        Number and title of the lesson.
    exercises : tuple of ExerciseScore
        Those that were checked.
    """

    title: str
    exercises: tuple[ExerciseScore, ...] = field(default_factory=tuple)

    @property
    def points(self) -> int:
        """Points earned."""
        return sum(one.points for one in self.exercises)

    @property
    def possible(self) -> int:
        """Points there are."""
        return sum(one.possible for one in self.exercises)

    @property
    def full(self) -> bool:
        """Were all points earned?"""
        return self.points == self.possible


NOT_WRITTEN = "not written yet"
SILENT = "printed nothing; is `print` still Python's own?"


def unwritten(merged: Merged) -> ExerciseScore:
    """The score of an exercise whose stub was left as it is: nothing needs to run."""
    checks = tuple(CheckScore(check, passed=False) for check in merged.checks)
    return ExerciseScore(merged.exercise, checks, NOT_WRITTEN, tuple(merged.remarks))


def score(
    merged: Merged, result: Run, *, limits: Limits, release: Release, cells: list[Cell]
) -> ExerciseScore:
    """Count the points of one exercise from the log of its run.

    Parameters
    ----------
    merged : Merged
        What ran.
    result : Run
        What came of it.
    limits : Limits
        What it was allowed.
    release : Release
        The exercises as handed out.
    cells : list of Cell
        The learner's notebook, to say where a missing name is defined.

    Returns
    -------
    ExerciseScore
    """
    checks = []
    for check in merged.checks:
        ended = result.ended.get(check.id)
        if ended is None:
            checks.append(CheckScore(check, passed=False, error="did not run"))
            continue
        error = _one_line(ended["error"]) if ended["error"] else ""
        if not ended["ok"] and not error and not ended["output"]:
            silent = ended["why"].startswith("Cell outputs differ") or not ended["why"]
            error = SILENT if silent else ended["why"].splitlines()[0]
        checks.append(CheckScore(check, ended["ok"], ended["output"], error))
    trouble = _stopped(merged, result, limits)
    trouble = trouble or _failed_answer(merged, result)
    if not trouble and all(one.error.startswith("NotImplementedError") for one in checks):
        trouble = NOT_WRITTEN
    return ExerciseScore(
        merged.exercise,
        tuple(checks),
        trouble or _missing_name(merged, checks, release, cells),
        tuple(merged.remarks),
        bool(result.stopped),
    )


def _stopped(merged: Merged, result: Run, limits: Limits) -> str:
    if not result.stopped:
        return ""
    where = merged.labels.get(result.running, "the kernel")
    sentences = {
        "died": f"The kernel died in {where}. Does something end Python there, or use all memory?",
        "cpu": (
            f"Stopped after {limits.cpu_seconds:g} seconds of computing in {where}. "
            "Does a loop there ever end?"
        ),
        "wall": (
            f"Stopped after {limits.cpu_seconds * limits.wall_factor:g} seconds in {where}. "
            "Does it wait for something?"
        ),
        "memory": f"Stopped because {where} used more than {limits.kernel_bytes / 2**30:g} GB of memory.",
        "output": f"Stopped because {where} printed without end.",
        "start": "The kernel did not start. Try again; if it stays so, is ipykernel installed here?",
    }
    return sentences[result.stopped]


def _failed_answer(merged: Merged, result: Run) -> str:
    for identifier in merged.answers:
        ended = result.ended.get(identifier)
        if ended and ended["error"]:
            return f"Your answer cell stops with {_one_line(ended['error'])}"
    return ""


def _missing_name(
    merged: Merged, checks: list[CheckScore], release: Release, cells: list[Cell]
) -> str:
    for one in checks:
        found = re.match(r"NameError: name '(\w+)' is not defined", one.error)
        if found is None:
            continue
        name = found[1]
        place = where_defined(release, cells, name)
        if place:
            return (
                f"`{name}` is not defined: your notebook defines it in {place}, and each exercise runs "
                "alone. Move it to the set-up at the top."
            )
        return f"`{name}` is not defined in any cell of your notebook."
    return ""


def _one_line(error: dict[str, str]) -> str:
    """``ZeroDivisionError: division by zero (line 3: return 1 / 0)``."""
    message = " ".join(error["message"].split())[:200]
    # A syntax error names the kernel's own file for the cell, which says nothing to anybody.
    message = re.sub(r"\([^()]*, (line \d+)\)$", r"(\1)", message)
    text = f"{error['name']}: {message}" if message else error["name"]
    line = _last_line(error)
    return f"{text} ({line})" if line else text


def _last_line(error: dict[str, Any]) -> str:
    """The innermost line of the learner's own cells, from IPython's traceback."""
    if error["name"] in ("SyntaxError", "IndentationError", "TabError"):
        return ""
    own, found = False, ""
    for line in without_colour(error["traceback"]).splitlines():
        if re.match(r"(Cell In|File )", line):
            # IPython shows the wrong lines for comprehensions; the frame around them is enough.
            own = line.startswith("Cell In") and not re.search(r"<\w+(comp|expr)>", line)
        arrow = re.match(r"-+> *(\d+) ?(.*)", line)
        if own and arrow:
            found = f"line {arrow[1]}: {arrow[2].strip()}"
    return found
