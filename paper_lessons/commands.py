"""What the lessons' commands share: options, tables, records, figures, errors in one line."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, fields, is_dataclass
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from paper_lessons.lessons import find

Seed = Annotated[int, typer.Option("--seed", help="Fixes splits, noise and first weights.")]
Full = Annotated[bool, typer.Option("--full", help="The long run (minutes), not the short one.")]


def _ends_in(*endings: str) -> Callable[[typer.CallbackParam, Path | None], Path | None]:
    def check(parameter: typer.CallbackParam, path: Path | None) -> Path | None:
        if path is not None and path.suffix.lower() not in endings:
            raise ValueError(
                f"{parameter.name} must end in {', '.join(endings)}, got {path.name!r}"
            )
        return path

    return check


Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FILE", help="Write the result there, as JSON.", callback=_ends_in(".json")
    ),
]
Plot = Annotated[
    Path | None,
    typer.Option(
        "--plot",
        metavar="FILE",
        help="Draw it there (.png, .svg, .pdf).",
        callback=_ends_in(".png", ".svg", ".pdf"),
    ),
]
Jobs = Annotated[int, typer.Option("--jobs", help="Processes; -1 takes all cores.")]
Progress = Annotated[
    bool, typer.Option("--progress/--quiet", help="A bar of text on standard error, or silence.")
]
Checkpoint = Annotated[
    Path | None,
    typer.Option(
        "--checkpoint", metavar="DIR", help="Keep finished runs there, to resume a killed run."
    ),
]


@dataclass(frozen=True)
class Run:
    """The options of everything that computes and draws: the last ones of a command."""

    context: typer.Context
    seed: Seed = 0
    out: Out = None
    plot: Plot = None
    progress: Progress = True


@dataclass(frozen=True)
class Spread(Run):
    """Those of runs that are spread over processes and can be resumed."""

    jobs: Jobs = 1
    checkpoint: Checkpoint = None

    def how(self) -> dict[str, Any]:
        """The arguments of :func:`paper_lessons.runs.run_tasks` that these options ask for."""
        return {
            "jobs": self.jobs,
            "progress": self.progress and first_process(),
            "checkpoint": None if self.checkpoint is None else str(self.checkpoint),
        }


@dataclass(frozen=True)
class Long(Spread):
    """Those of an experiment that has a short run and a long one."""

    full: Full = False

    def how(self) -> dict[str, Any]:
        """The same; a full run keeps a checkpoint unasked."""
        from paper_lessons.runs import default_checkpoint_folder

        found = super().how()
        if self.full and self.checkpoint is None:
            found["checkpoint"] = str(default_checkpoint_folder())
        return found


# Options that change how a run is made, but not its numbers.
_SILENT = {"jobs", "progress", "checkpoint", "plot", "cache"}


def lesson_app(text: str) -> typer.Typer:
    """The program of a lesson's experiments, to which it adds its commands.

    Parameters
    ----------
    text : str
        One line for ``--help``.

    Returns
    -------
    typer.Typer
    """
    return typer.Typer(
        help=text,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


def command(
    app: typer.Typer, name: str | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add a function to a lesson's program; a parameter whose type is a dataclass becomes its fields' options.

    So options that several commands share are written once, as a dataclass such as :class:`Run`.

    Parameters
    ----------
    app : typer.Typer
        From :func:`lesson_app`.
    name : str, optional
        What to type, if it is not the function's name.

    Returns
    -------
    callable
        A decorator.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(function, include_extras=True)
        groups: dict[str, Any] = {name: kind for name, kind in hints.items() if is_dataclass(kind)}
        options: list[Parameter] = []
        for one in signature(function).parameters.values():
            if one.name in groups:
                options += _options_of(groups[one.name])
            else:
                options.append(one.replace(annotation=hints[one.name]))

        def called(**given: Any) -> None:
            taken = {
                name: group(**{field.name: given.pop(field.name) for field in fields(group)})
                for name, group in groups.items()
            }
            function(**taken, **given)

        called.__doc__, called.__name__ = function.__doc__, function.__name__
        called.__signature__ = Signature(options)  # type: ignore[attr-defined]
        called.__annotations__ = {one.name: one.annotation for one in options}
        app.command(name)(called)
        return function

    return decorate


def _options_of(group: Any) -> list[Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        Parameter(
            field.name,
            Parameter.KEYWORD_ONLY,
            default=Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(group)
    ]


def finish(
    run: Run,
    lesson: str,
    result: dict[str, Any],
    table: Callable[[], list[list[str]]],
    draw: Callable[[Sequence[Any]], None],
    *,
    panels: int = 2,
) -> None:
    """Print the table; write the record and the figure where they were asked for.

    Parameters
    ----------
    run : Run
        The command's options.
    lesson : str
        Whose code made the result.
    result : dict
        Plain data.
    table : callable
        Gives the rows of the table, the heading first.
    draw : callable
        Draws on a row of ``panels`` axes.
    panels : int
    """
    if not first_process():
        return
    typer.echo(_aligned(table()))
    out, plot = run.out, run.plot
    if out is not None:
        from paper_lessons.provenance import write_result

        typed = _command(run.context, lesson)
        write_result(out, lesson=lesson, command=typed, seed=run.seed, result=result)
        typer.echo(f"written: {out}")
    if plot is not None:
        _save_figure(plot, draw, panels)
        typer.echo(f"drawn: {plot}")


def _save_figure(path: Path, draw: Callable[[Sequence[Any]], None], panels: int) -> None:
    import io

    import matplotlib.pyplot as plt

    from paper_lessons import plotting
    from paper_lessons.files import write_atomically

    with plt.rc_context():
        plotting.use_style()
        figure, axes = plotting.figure(ncols=panels, width=5.0 * panels, height=3.8, squeeze=False)
        draw(axes[0])
        drawn = io.BytesIO()
        # A picture on its own has no page behind it.
        figure.savefig(
            drawn,
            format=path.suffix.lower().removeprefix("."),
            dpi=200,
            facecolor="white",
            transparent=False,
        )
        plt.close(figure)
    write_atomically(path, drawn.getvalue())


def _command(context: typer.Context, lesson: str) -> str:
    """What to type to make the same numbers again: the options that were given and matter."""
    words = ["paper-lessons", "run", find(lesson).command, str(context.info_name)]
    bare = {one.name for one in context.command.params if one.param_type_name == "argument"}
    # Arguments stand before options, whatever the order of the function's parameters.
    for name, value in sorted(context.params.items(), key=lambda one: one[0] not in bare):
        source = context.get_parameter_source(name)
        if name in _SILENT or source is None or source.name != "COMMANDLINE":
            continue
        if name in bare:
            words.append(_without_machine(value) if isinstance(value, Path) else str(value))
            continue
        option = "--" + name.replace("_", "-")
        if isinstance(value, bool):
            words.append(option)
            continue
        for one in value if isinstance(value, (list, tuple)) else [value]:
            words += [option, _without_machine(one) if isinstance(one, Path) else str(one)]
    return shlex.join(words)


def _without_machine(path: Path) -> str:
    return path.name if path.is_absolute() else path.as_posix()


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def mean_and_spread(values: Sequence[float], *, scale: float = 1.0) -> str:
    """Mean and standard deviation as text; one decimal where ``scale`` makes percents, else three.

    Parameters
    ----------
    values : sequence of float
    scale : float
        Factor for both.

    Returns
    -------
    str

    Examples
    --------
    >>> mean_and_spread([0.5, 0.7])
    '0.600 ± 0.141'
    """
    import numpy as np

    digits = 1 if scale > 1 else 3
    numbers = scale * np.asarray(values, dtype=float)
    if len(numbers) < 2:
        return f"{numbers.mean():.{digits}f}"
    return f"{numbers.mean():.{digits}f} ± {numbers.std(ddof=1):.{digits}f}"


def first_process() -> bool:
    """Whether this process may speak: `accelerate launch` starts the program many times.

    Returns
    -------
    bool
    """
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def clear_errors() -> Iterator[None]:
    """Files that are absent and downloads that fail end in one sentence, as wrong input does."""
    try:
        yield
    except FileNotFoundError as error:
        absent = f"there is no file {str(error.filename)!r}" if error.filename else str(error)
        raise ValueError(absent) from error
    except (OSError, ModuleNotFoundError) as error:
        raise ValueError(str(error)) from error
