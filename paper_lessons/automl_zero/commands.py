"""The experiments on the command line: ``paper-lessons run automl-zero ...``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from paper_lessons.commands import lesson_app

LESSON = "automl_zero"

app = lesson_app("AutoML-Zero: the experiments of lesson 04.")

Budget = Annotated[
    int | None, typer.Option("--budget", min=1, help="Programs to evaluate in a search, at most.")
]
Searches = Annotated[
    int | None, typer.Option("--searches", min=1, help="Searches, each with a seed of its own.")
]


@app.callback()
def _experiments() -> None:
    """AutoML-Zero: the experiments of lesson 04."""


def _chosen(sizes: dict[str, Any], **given: Any) -> dict[str, Any]:
    """The sizes of a run, those that were typed before those of the short or the full run."""
    return sizes | {name: value for name, value in given.items() if value is not None}
