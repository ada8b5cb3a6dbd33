"""The command line: ``paper-lessons``. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import typer

from paper_lessons import __version__
from paper_lessons.lessons import LESSONS, Lesson, find

app = typer.Typer(
    name="paper-lessons",
    help="Seven machine-learning papers: exercises to fill in and check, experiments to run.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

UNUSABLE = 2  # exit code: the input could not be used; 1 means that points are missing

LessonName = Annotated[str, typer.Argument(metavar="LESSON", help="01, soft_sort or soft-sort.")]
_Version = Annotated[bool, typer.Option("--version", help="Print the version and stop.")]


@app.callback(invoke_without_command=True)
def _top(version: _Version = False) -> None:
    if version:
        print(__version__)
        raise typer.Exit


@app.command("lessons")
def list_lessons() -> None:
    """List the lessons and what there is of each."""
    width = max(len(lesson.command) for lesson in LESSONS)
    for lesson in LESSONS:
        print(
            f"{lesson.number:02d}  {lesson.command:<{width}}  {lesson.status:<12}  {lesson.title}"
        )


@app.command()
def exercise(
    lesson: LessonName,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where it goes.")] = Path(),
    force: Annotated[
        bool, typer.Option("--force", help="Replace a notebook that is there.")
    ] = False,
) -> None:
    """Copy a lesson's exercise notebook to a folder."""
    from paper_lessons.classroom.handing_out import copy_exercise

    path = copy_exercise(lesson, folder, force=force)
    print(f"{path} is yours. Open it in Jupyter; `paper-lessons check {path}` counts the points.")


@app.command()
def check(
    notebook: Annotated[Path, typer.Argument(metavar="NOTEBOOK", help="An exercise notebook.")],
    exercise: Annotated[
        str | None,
        typer.Option("--exercise", "-e", help="Check only this one: its number or name."),
    ] = None,
) -> None:
    """Check an exercise notebook: points, what was lost, hints. Exit code 0 at full points, 1 below."""
    from paper_lessons.classroom.checking import check_notebook
    from paper_lessons.classroom.reporting import report

    if sys.stderr.isatty():
        print("Checking; a few seconds for each exercise.", file=sys.stderr)
    score = check_notebook(notebook, exercise=exercise)
    print(report(score))
    raise typer.Exit(0 if score.full else 1)


@app.command()
def hint(
    exercise: Annotated[str, typer.Argument(metavar="EXERCISE", help="Its name: pav.")],
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="1 asks, 3 nearly tells.")] = 1,
) -> None:
    """Print a hint for an exercise."""
    from paper_lessons.classroom.hints import hint as print_hint

    print_hint(exercise, number)


@app.command()
def handout(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the zip file goes.")],
    lesson: Annotated[
        list[str] | None, typer.Option("--lesson", "-l", help="Only this one; may be repeated.")
    ] = None,
) -> None:
    """Write the zip file for a class: exercises without solutions, points, minutes, how to check."""
    from paper_lessons.classroom.handing_out import write_handout

    print(write_handout(folder, lesson or []))


@app.command()
def warmup() -> None:
    """Compile what is compiled on first use, so that a class does not wait for it."""
    for lesson in LESSONS:
        library = _module(lesson)
        if library is not None and hasattr(library, "warmup"):
            library.warmup()
            print(f"{lesson.number:02d} {lesson.command}: compiled")


@app.command(
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def run(
    context: typer.Context,
    lesson: Annotated[str, typer.Argument(hidden=True)] = "--help",
) -> None:
    """Run an experiment of a lesson; `run LESSON --help` lists them."""
    if lesson in ("--help", "-h"):
        print("Usage: paper-lessons run LESSON EXPERIMENT [OPTIONS]\n")
        print("Run an experiment of a lesson; `paper-lessons run LESSON --help` lists them.")
        return
    found = find(lesson)
    commands = _module(found, "commands")
    if commands is None:
        raise ValueError(f"lesson {found.number:02d} {found.command} has no experiments to run yet")
    program = typer.main.get_command(commands.app)
    program.main(context.args, prog_name=f"paper-lessons run {found.command}")


def _module(lesson: Lesson, name: str = "__init__") -> ModuleType | None:
    """A module of a lesson: its library, or ``commands`` with a ``typer.Typer`` named ``app``; None without one."""
    if not (Path(__file__).parent / lesson.name / f"{name}.py").is_file():
        return None
    inner = "" if name == "__init__" else f".{name}"
    return import_module(f"paper_lessons.{lesson.name}{inner}")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; a wrong input gives one line and exit code 2."""
    _make_streams_safe()
    try:
        app(arguments, prog_name="paper-lessons")
    except ValueError as error:
        print(f"paper-lessons: {error}", file=sys.stderr)
        raise SystemExit(UNUSABLE) from None
    except ModuleNotFoundError as error:
        extra = _extra_for(error.name or "")
        if extra is None:
            raise
        print(
            f'paper-lessons: this needs {error.name}: pip install "paper-lessons[{extra}]"',
            file=sys.stderr,
        )
        raise SystemExit(UNUSABLE) from None


def _extra_for(module: str) -> str | None:
    classroom = ("nbval", "nbformat", "nbclient", "psutil", "pytest", "jupytext", "ipykernel")
    return "classroom" if module.partition(".")[0] in classroom else None


def _make_streams_safe() -> None:
    """A console that lacks a sign shows a question mark instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Any = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
