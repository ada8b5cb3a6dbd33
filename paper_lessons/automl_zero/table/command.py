"""A table of your own on the command line: ``paper-lessons run automl-zero csv FILE --target COLUMN``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from paper_lessons.commands import Spread, clear_errors, finish, first_process

LESSON = "automl_zero"


def csv(
    *,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A table: a line of names, then numbers.")
    ],
    target: Annotated[str, typer.Option("--target", metavar="COLUMN", help="What to predict.")],
    kind: Annotated[
        str,
        typer.Option(
            "--kind", help="regression, classification, or auto (words or two values: classes)."
        ),
    ] = "auto",
    positive: Annotated[
        str | None,
        typer.Option("--positive", metavar="VALUE", help="Tell this class from all others."),
    ] = None,
    drop: Annotated[
        list[str] | None,
        typer.Option("--drop", metavar="COLUMN", help="Leave it out; may be repeated."),
    ] = None,
    drop_missing: Annotated[
        bool, typer.Option("--drop-missing", help="Leave out rows with missing values.")
    ] = False,
    features: Annotated[
        int | None,
        typer.Option("--features", metavar="F", help="Length of vectors: 4, 8 or 16 by default."),
    ] = None,
    budget: Annotated[
        int, typer.Option("--budget", min=1, help="Programs to evaluate in each search.")
    ] = 20_000,
    islands: Annotated[
        int, typer.Option("--islands", min=1, help="Populations of a search, side by side.")
    ] = 1,
    start: Annotated[
        list[str] | None,
        typer.Option("--start", help="linear or network; may be repeated, both by default."),
    ] = None,
    out_python: Annotated[
        Path | None,
        typer.Option(
            "--out-python", metavar="FILE", help="The algorithm; found_TABLE.py by default."
        ),
    ] = None,
    run: Spread,
) -> None:
    """A table of your own: evolve an algorithm for it, write it as a Python file."""
    from paper_lessons.automl_zero.table import experiment as experiment
    from paper_lessons.automl_zero.table.files import read_table

    with clear_errors():
        place = _place_of_script(out_python, file)
        own = read_table(
            file,
            target,
            kind=kind,
            drop=drop or (),
            drop_missing=drop_missing,
            positive=positive,
        )
        result = experiment.run(
            own,
            seed=run.seed,
            features=features,
            budget=budget,
            islands=islands,
            starts=tuple(start or experiment.STARTS),
            **run.how(),
        )
        if first_process():
            for line in _heading(result):
                typer.echo(line)

    def table() -> list[list[str]]:
        return _rows(result)

    def draw(axes: Sequence[Any]) -> None:
        experiment.plot_searches(result, axes[0])
        experiment.plot_scores(result, axes[1])

    finish(run, LESSON, result, table, draw)
    if first_process():
        from paper_lessons.files import write_atomically

        classes = result["settings"]["classes"]
        for number, found in enumerate(result["found"]):
            of_class = f"{classes[number]!r} against the rest: " if len(classes) > 2 else ""
            typer.echo(f"\n{of_class}{_origin(found)}\n{found['program']}\n")
        with clear_errors():
            write_atomically(place, result["script"])
        typer.echo(f"written: {place} (python {place} {file.name} ROWS.csv predicts other rows)")


def _place_of_script(given: Path | None, table: Path) -> Path:
    """Where the Python file goes; a file of the user's is never taken by the default name."""
    from paper_lessons.automl_zero.table.model import MARK

    if given is not None:
        if given.suffix != ".py":
            raise ValueError(f"out_python must end in .py, got {given.name!r}")
        return given
    place = Path(f"found_{table.stem}.py")
    if place.exists() and not place.read_text(encoding="utf-8", errors="replace").startswith(MARK):
        raise ValueError(f"{place} is there and is not ours; name another file with --out-python")
    return place


def _heading(result: dict[str, Any]) -> list[str]:
    settings = result["settings"]
    rows, classes = settings["rows"], settings["classes"]
    columns = len(settings["columns"])
    what = "regression"
    if len(classes) == 2:
        what = f"classes {classes[0]!r} (0) and {classes[1]!r} (1)"
    elif classes:
        what = f"{len(classes)} classes: {', '.join(classes)}"
    lines = [
        f"{settings['file']}: {settings['target']} ({what}) from {columns} columns",
        f"{rows['of']} rows: {rows['search']} for the search, {rows['select']} for the choice, "
        f"{rows['test']} for the scores below",
    ]
    if settings["missing_rows"]:
        lines.append(f"{settings['missing_rows']} rows with missing values were left out")
    unused = rows["of"] - sum(rows[name] for name in ("search", "select", "test"))
    if unused:
        lines.append(f"{unused} rows are not used: so many were not needed")
    if columns > settings["features"]:
        line = f"the columns' first {settings['features']} principal components are used"
        lines.append(line + (f" (--features {columns} takes all)" if columns <= 32 else ""))
    return [*lines, ""]


def _origin(found: dict[str, Any]) -> str:
    if not found["evaluations"]:
        return (
            f"No evolved program did better on the rows for the choice than the {found['start']} "
            "program that a search began with:"
        )
    return f"Found from the {found['start']} program; without what cannot matter:"


def _rows(result: dict[str, Any]) -> list[list[str]]:
    classes = result["settings"]["kind"] == "classification"
    heading = ["accuracy (%)"] if classes else ["R2", "error (rms)"]
    rows = [["on the test rows", *heading, "evolved is better by"]]
    for name, score in result["scores"].items():
        cells = [f"{100 * score['accuracy']:.1f}"] if classes else [f"{score['r2']:.3f}"]
        cells += [] if classes else [f"{score['rmse']:.4g}"]
        gain = result["gains"].get(name)
        scale, digits = (100, 1) if classes else (1, 3)
        better = "" if gain is None else _signed(gain, scale, digits)
        label = f"{name} (where a search began)" if name in ("linear", "network") else name
        rows.append([label, *cells, better])
    return rows


def _signed(gain: dict[str, float], scale: float, digits: int) -> str:
    mean, error = scale * gain["mean"], scale * gain["error"]
    return f"{mean:+.{digits}f} ± {error:.{digits}f}"
