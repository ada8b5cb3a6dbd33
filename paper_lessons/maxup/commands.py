"""The experiments on the command line: ``paper-lessons run maxup ...``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from paper_lessons.commands import Long, clear_errors, command, finish, lesson_app

LESSON = "maxup"
SEEDS = 8

app = lesson_app(
    "MaxUp: train on the worst of some augmented copies. The experiments of lesson 02."
)


@command(app)
def gaussian(*, run: Long) -> None:
    """Digits with normal noise: accuracy, gradient, certified radius; with both controls."""
    from paper_lessons.maxup.experiments import gaussian as experiment

    size = {} if run.full else {"steps": 60, "tested": 40, "copies": 100}
    _experiment(run, experiment.run, size, ("accuracy", "nll", "gradient", "radius"), "radius")


@command(app)
def language(*, run: Long) -> None:
    """Characters of Python's help texts, with noise on their vectors; with both controls."""
    from paper_lessons.maxup.experiments import language as experiment

    size = {} if run.full else {"steps": 60, "read": 4000, "tested": 2000}
    _experiment(run, experiment.run, size, ("nll", "train nll"), "nll")


def _experiment(
    run: Long,
    experiment: Callable[..., dict[str, Any]],
    size: dict[str, Any],
    measures: Sequence[str],
    shown: str,
) -> None:
    """Run, then a row for each way and the pairs; the figure has a dot for each seed."""
    from paper_lessons.maxup.experiments.trial import told

    count = SEEDS if run.full else 2
    with clear_errors():
        result = experiment(seeds=list(range(run.seed, run.seed + count)), **size, **run.how())

    def table() -> list[list[str]]:
        pairs = result["against"][shown]
        rows = [["", *measures, f"MaxUp against it, {shown}"]]
        for name, found in result["arms"].items():
            numbers = [f"{found['mean'][key]:.3f} ± {found['std'][key]:.3f}" for key in measures]
            rows.append([name, *numbers, told(pairs[name]) if name in pairs else ""])
        return rows

    def draw(axes: Sequence[Any]) -> None:
        names = list(result["arms"])
        for place, name in enumerate(names):
            values = [row[shown] for row in result["arms"][name]["runs"]]
            axes[0].plot(values, [-place] * len(values), "o", alpha=0.5)
            axes[0].plot(result["arms"][name]["mean"][shown], -place, "|", markersize=18)
        axes[0].set_yticks([-place for place in range(len(names))], names)
        axes[0].set_xlabel(shown)

    finish(run, LESSON, result, table, draw, panels=1)
