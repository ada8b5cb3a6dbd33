"""The experiments on the command line: ``paper-lessons run automl-zero ...``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from paper_lessons.automl_zero.table.command import csv
from paper_lessons.commands import (
    Long,
    clear_errors,
    command,
    finish,
    first_process,
    lesson_app,
)

LESSON = "automl_zero"

app = lesson_app("AutoML-Zero: the experiments of lesson 04.")
command(app)(csv)

_YARDSTICKS = {"logistic": "logistic regression", "network": "tuned network"}

Budget = Annotated[
    int | None, typer.Option("--budget", min=1, help="Programs to evaluate in a search, at most.")
]
Searches = Annotated[
    int | None, typer.Option("--searches", min=1, help="Searches, each with a seed of its own.")
]


@command(app)
def linear(
    *,
    learn_searches: Annotated[
        int | None, typer.Option("--learn-searches", min=1, help="Searches for Learn, each rate.")
    ] = None,
    learn_budget: Annotated[
        int | None,
        typer.Option("--learn-budget", min=1, help="Programs of such a search, at most."),
    ] = None,
    searches: Searches = None,
    budget: Budget = None,
    run: Long,
) -> None:
    """Linear regression from random programs; and Learn alone, the rest given."""
    from paper_lessons.automl_zero.experiments import linear as experiment

    small = {"learn_searches": 2, "learn_budget": 1_000_000, "full_searches": 1}
    small |= {"full_budget": 2_000_000, "new_tasks": 10}
    size = _chosen(
        {} if run.full else small,
        learn_searches=learn_searches,
        learn_budget=learn_budget,
        full_searches=searches,
        full_budget=budget,
    )
    with clear_errors():
        result = experiment.run(seed=run.seed, **size, **run.how())

    def table() -> list[list[str]]:
        rows = [["search", "solved", "programs", "CPU s", "fitness", "on new tasks"]]
        for group in result["learn_only"]:
            for number, one in enumerate(group["searches"], start=1):
                rows.append([f"Learn, rate {group['rate']:g}, {number}", *_cells(one)])
        for number, one in enumerate(result["full"], start=1):
            rows.append([f"whole program, {number}", *_cells(one)])
        for one in result["textbook"]:
            fitness = f"{one['elsewhere'][0]['fitness']:.4f}"
            rows.append([f"(hand-written, rate {one['rate']:g})", "", "", "", "", fitness])
        return rows

    def draw(axes: Sequence[Any]) -> None:
        experiment.plot_learn_only(result, axes[0])
        experiment.plot_full(result, axes[1])

    finish(run, LESSON, result, table, draw)
    _show_program(max(result["full"], key=lambda one: one["fitness"])["found"])


@command(app, "random-search")
def random_search(
    *,
    searches: Searches = None,
    affine_searches: Annotated[
        int | None,
        typer.Option("--affine-searches", min=0, help="The same for affine regression; 0: none."),
    ] = None,
    budget: Budget = None,
    run: Long,
) -> None:
    """Evolution against random search: programs evaluated for each success."""
    from paper_lessons.automl_zero.experiments import random_search as experiment

    small = {"searches": 4, "affine_searches": 0, "budget": 1_000_000}
    size = _chosen(
        {} if run.full else small, searches=searches, affine_searches=affine_searches, budget=budget
    )
    with clear_errors():
        result = experiment.run(seed=run.seed, **size, **run.how())

    def table() -> list[list[str]]:
        rows = [["Learn of", "solved", "programs", "for a success", "x random search", "reported"]]
        for problem, found in result["problems"].items():
            for method, one in found["methods"].items():
                last = one["thresholds"][-1]
                against = last.get("against_random", {})
                ratio, low, high = (against.get(name) for name in ("ratio", "low", "high"))
                rows.append(
                    [
                        f"{problem}, {method}",
                        f"{last['successes']} of {one['searches']}",
                        f"{last['evaluations']:,}",
                        _interval(last["per_success"], last["low"], last["high"], ",.0f"),
                        _interval(ratio, low, high, ".1f") if against else "",
                        f"{found['reported']:g}" if against else "",
                    ]
                )
        return rows

    def draw(axes: Sequence[Any]) -> None:
        for problem, panel in zip(result["problems"], axes, strict=False):
            experiment.plot(result, panel, problem=problem)

    finish(run, LESSON, result, table, draw, panels=len(result["problems"]))


@command(app)
def mnist(
    *,
    searches: Searches = None,
    budget: Budget = None,
    run: Long,
) -> None:
    """Pairs of MNIST digits: search from the network that people wrote."""
    from paper_lessons.automl_zero.experiments import mnist as experiment

    small: dict[str, Any] = {"searches": 2, "budget": 3_000, "population": 100}
    small |= {"rates": (0.05, 0.07, 0.1), "stds": (0.1, 0.3)}
    small |= {"projections": {"search": 1, "select": 2, "final": 2}, "draws": 4}
    size = _chosen({} if run.full else small, searches=searches, budget=budget)
    with clear_errors():
        result = experiment.run(seed=run.seed, **size, **run.how())

    def table() -> list[list[str]]:
        heading = ["accuracy (%)", "select pairs", "final pairs", "- network", "- logistic"]
        rows = [[*heading, "motifs"]]
        for name in ("logistic", "network"):
            found = result[name]
            accuracies = [f"{100 * found['select']:.2f}", _points(found["final"])]
            rows.append([_YARDSTICKS[name], *accuracies, "", "", ""])
        decaying = result["decaying"]
        accuracies = [f"{100 * decaying['select']:.2f}", _points(decaying["final"])]
        rows.append(["network, rate decays", *accuracies, *_gains(decaying["gain"]), ""])
        for one in result["searches"]:
            accuracies = [f"{100 * one['select']:.2f}", _points(one["final"])]
            motifs = ", ".join(name.replace("_", " ") for name, has in one["motifs"].items() if has)
            name = f"search {one['number'] + 1}"
            rows.append([name, *accuracies, *_gains(one["gain"]), motifs])
        return [*rows, ["mean of searches", "", "", *_gains(result["gain"]), ""]]

    def draw(axes: Sequence[Any]) -> None:
        experiment.plot_searches(result, axes[0])
        experiment.plot_gains(result, axes[1])

    finish(run, LESSON, result, table, draw)
    _show_program(max(result["searches"], key=lambda one: one["select"])["chosen"])


@command(app)
def bilinear(
    *,
    projections: Annotated[
        int | None, typer.Option("--projections", min=1, help="Tasks that each pair gives.")
    ] = None,
    run: Long,
) -> None:
    """The paper's best program on pairs of digits, without each of its parts."""
    from paper_lessons.automl_zero.experiments import bilinear as experiment

    small = {"projections": 1, "draws": 1, "rates": (0.05, 0.07, 0.1), "stds": (0.1, 0.3)}
    size = _chosen({} if run.full else small, projections=projections)
    with clear_errors():
        result = experiment.run(seed=run.seed, **size, **run.how())

    def table() -> list[list[str]]:
        rows = [
            ["accuracy (%)", "step", "final pairs", "- network", "the part is worth", "reported"]
        ]
        for name in ("logistic", "network"):
            rate = result[name]["tuned"].get("learning_rate")
            step = "" if rate is None else f"{rate:g}"
            rows.append([_YARDSTICKS[name], step, _points(result[name]["final"]), "", "", ""])
        for one in result["variants"]:
            step = f"{one['tuned']['learning_rate']:g}"
            worth = "" if one["worth"] is None else _points(one["worth"], "+.2f")
            reported = "" if one["reported"] is None else f"{one['reported']:+.2f}"
            gain = _points(one["gain"]["network"], "+.2f")
            rows.append([one["name"], step, _points(one["final"]), gain, worth, reported])
        return rows

    def draw(axes: Sequence[Any]) -> None:
        experiment.plot_variants(result, axes[0])
        experiment.plot_offsets(result, axes[1])

    finish(run, LESSON, result, table, draw)


@command(app)
def adapt(
    *,
    searches: Searches = None,
    budget: Budget = None,
    run: Long,
) -> None:
    """From the network, with few rows or few steps: which motifs appear, against a control."""
    from paper_lessons.automl_zero.experiments import adapt as experiment

    small = {"searches": 2, "budget": 1_000, "train": 200, "valid": 100, "draws": 2}
    size = _chosen({} if run.full else small, searches=searches, budget=budget)
    with clear_errors():
        result = experiment.run(seed=run.seed, **size, **run.how())

    def table() -> list[list[str]]:
        count = result["settings"]["searches"]
        names = [motif.replace("_", " ") for motif in experiment.MOTIFS]
        heading = f"searches of {count} with (share of all programs alive)"
        rows = [[heading, *names, "gain over the network (points)"]]
        for name, found in result["treatments"].items():
            shown = [
                f"{found['counts'][motif]} ({found['mean_alive'][motif]:.0%})"
                for motif in experiment.MOTIFS
            ]
            rows.append([name, *shown, _points(found["gain"], "+.2f")])
        for name, tests in result["tests"].items():
            p = [f"{tests[motif]['p']:.2g}" for motif in experiment.MOTIFS]
            rows.append([f"{name} and control differ: p", *p, ""])
        for name, reported in result["reported"].items():
            counts = " and ".join(f"{had} of {of}" for had, of in reported.values())
            motif = experiment.EXPECTED[name]
            cells = [counts if one == motif else "" for one in experiment.MOTIFS]
            rows.append([f"reported: {name} and control", *cells, ""])
        return rows

    def draw(axes: Sequence[Any]) -> None:
        experiment.plot_motifs(result, axes[0])
        experiment.plot_gains(result, axes[1])

    finish(run, LESSON, result, table, draw)


def _chosen(sizes: dict[str, Any], **given: Any) -> dict[str, Any]:
    """The sizes of a run, those that were typed before those of the short or the full run."""
    return sizes | {name: value for name, value in given.items() if value is not None}


def _cells(search: dict[str, Any]) -> list[str]:
    return [
        "yes" if search["solved"] else "no",
        f"{search['evaluations']:,}",
        f"{search['cpu_seconds']:.1f}",
        f"{search['fitness']:.4f}",
        f"{search['elsewhere'][0]['fitness']:.4f}",
    ]


def _interval(middle: float | None, low: float | None, high: float | None, form: str) -> str:
    """A number and its interval, which can be open above."""
    if high is None:
        return f"at least {low:{form}}"
    interval = f"({low:{form}} to {high:{form}})"
    return interval if middle is None else f"{middle:{form}} {interval}"


def _points(found: dict[str, float], form: str = ".2f") -> str:
    """Mean and standard error of accuracies, in points."""
    return f"{100 * found['mean']:{form}} ± {100 * found['error']:.2f}"


def _gains(gain: dict[str, dict[str, float]]) -> list[str]:
    return [_points(gain[name], "+.2f") for name in ("network", "logistic")]


def _show_program(found: dict[str, Any]) -> None:
    """Print a program that :func:`~.experiments.finds.as_record` wrote."""
    if first_process():
        typer.echo(f"\nThe best program, without what cannot matter:\n{found['program']}")
