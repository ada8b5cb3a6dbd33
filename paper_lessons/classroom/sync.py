"""``python -m paper_lessons.classroom.sync``: every notebook of exercises and solutions, from its master."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paper_lessons.classroom.executing import execute
from paper_lessons.classroom.feedback import feedback_name, of_master
from paper_lessons.classroom.making import (
    Execution,
    boundary_faults,
    feedback_data,
    learner_notebook,
    solution_notebook,
)
from paper_lessons.classroom.masters import Master, read_master
from paper_lessons.classroom.notebooks import KEY, to_text, write_notebook
from paper_lessons.lessons import find
from paper_lessons.resources import repository


@dataclass(frozen=True)
class Made:
    """What a master gives: its files and where they belong.

    Attributes
    ----------
    files : dict of Path to dict
        Contents by path: the learner's notebook, what its feedback tries, and the solution.
    """

    files: dict[Path, dict[str, Any]]

    def stale(self) -> list[Path]:
        """The files that are absent or differ from what the master gives."""
        return [
            path
            for path, content in self.files.items()
            if not path.is_file() or path.read_bytes() != to_text(content).encode("utf-8")
        ]

    def write(self) -> None:
        """Write all files."""
        for path, content in self.files.items():
            write_notebook(path, content)


def make(master: str | Path, *, run: bool = True) -> Made:
    """Make the learner's notebook and the solution of one master.

    Parameters
    ----------
    master : str or Path
        ``solutions/NN_name.md``; the learner's notebook goes to ``exercises`` beside that folder.
    run : bool
        Run the solution. Without it, the outputs of the solution's present file are taken over, which is enough to
        see whether the sources are in step.

    Returns
    -------
    Made

    Raises
    ------
    ValueError
        If the master is not in order, the solution fails, or a reference lies near a rounding boundary.
    """
    master = Path(master)
    source = read_master(master)
    solution_path = master.with_suffix(".ipynb")
    exercise_path = master.parent.parent / "exercises" / solution_path.name
    if run:
        executed = execute(solution_notebook(source, {}))
        if faults := boundary_faults(executed, source):
            raise ValueError(f"{master.name} cannot be released:\n  " + "\n  ".join(faults))
    else:
        executed = _kept(solution_path, source)
    return Made(
        {
            solution_path: solution_notebook(source, executed),
            exercise_path: learner_notebook(source, executed),
            exercise_path.with_name(feedback_name(exercise_path.stem)): feedback_data(source),
        }
    )


def _kept(path: Path, master: Master) -> dict[str, Execution]:
    nothing = {cell.name: Execution([], None) for cell in master.cells if cell.role != "text"}
    if not path.is_file():
        return nothing
    content = json.loads(path.read_text(encoding="utf-8"))
    for cell in content["cells"]:
        name = cell["metadata"].get(KEY, {}).get("cell")
        if name in nothing:
            nothing[name] = Execution(cell["outputs"], cell["execution_count"])
    return nothing


def masters(lessons: Sequence[str] = ()) -> list[Path]:
    """The masters of the checkout.

    Parameters
    ----------
    lessons : sequence of str
        Numbers or names; all lessons when empty.

    Returns
    -------
    list of Path

    Raises
    ------
    ValueError
        Outside a checkout, or for a lesson that has no master.
    """
    top = repository()
    if top is None:
        raise ValueError(
            "making exercises needs a checkout of the repository; this is an installed package"
        )
    if not lessons:
        return sorted((top / "solutions").glob("[0-9][0-9]_*.md"))
    paths = [top / "solutions" / f"{find(lesson).slug}.md" for lesson in lessons]
    for path in paths:
        if not path.is_file():
            raise ValueError(
                f"lesson {path.stem} has no master: solutions/{path.name} does not exist"
            )
    return paths


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when everything is in step, 1 otherwise."""
    parser = argparse.ArgumentParser(
        prog="python -m paper_lessons.classroom.sync",
        description="Make exercises/*.ipynb and solutions/*.ipynb from solutions/*.md.",
    )
    parser.add_argument(
        "lessons", nargs="*", metavar="LESSON", help="01, soft_sort ... (default: all)"
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail when a file is out of step"
    )
    parser.add_argument(
        "--no-run",
        action="store_true",
        help="with --check: compare sources only and do not run the solutions",
    )
    chosen = parser.parse_args(arguments)
    stale: list[Path] = []
    try:
        for path in masters(chosen.lessons):
            made = make(path, run=not (chosen.check and chosen.no_run))
            old = made.stale()
            stale += old
            if not chosen.check:
                made.write()
            for file in made.files:
                state = (
                    "up to date" if file not in old else "out of step" if chosen.check else "made"
                )
                print(f"{file.parent.name}/{file.name}: {state}")
        _refuse_equal_names()
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    if chosen.check and stale:
        print("run `make sync` and commit what it made", file=sys.stderr)
        return 1
    return 0


def _refuse_equal_names() -> None:
    """``hint("pav")`` and ``explain(pav)`` must mean one exercise of one lesson."""
    owners: dict[str, str] = {}
    for path in masters():
        master = read_master(path)
        functions = [f"function {name}" for one in of_master(master) for name in one.functions]
        for name in [*(f"exercise {one.name}" for one in master.exercises), *functions]:
            if name in owners:
                raise ValueError(f"{name} is declared twice, in {owners[name]} and {path.stem}")
            owners[name] = path.stem


if __name__ == "__main__":
    raise SystemExit(main())
