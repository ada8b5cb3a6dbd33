"""The experiments on the command line: ``paper-lessons run soft-sort ...``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from paper_lessons.commands import (
    Full,
    Long,
    Run,
    clear_errors,
    command,
    finish,
    first_process,
    lesson_app,
    mean_and_spread,
)

LESSON = "soft_sort"

app = lesson_app("Fast Differentiable Sorting and Ranking: the experiments of lesson 01.")

Splits = Annotated[int | None, typer.Option("--splits", min=1, help="Random splits.")]


@command(app)
def topk(
    *,
    data: Annotated[
        str, typer.Option("--data", help="digits, mnist5000, cifar10 or cifar100.")
    ] = "digits",
    root: Annotated[
        Path | None, typer.Option("--root", metavar="DIR", help="Folder of the CIFAR files.")
    ] = None,
    download: Annotated[
        bool, typer.Option("--download", help="Fetch CIFAR files that are missing.")
    ] = False,
    loss: Annotated[
        list[str] | None,
        typer.Option("--loss", help="Only this one (soft-rank-l2); may be repeated."),
    ] = None,
    k: Annotated[int, typer.Option("--k", min=1, help="Rank k or better costs nothing.")] = 1,
    report_k: Annotated[
        int, typer.Option("--report-k", min=1, help="Also report accuracy of so many guesses.")
    ] = 3,
    splits: Splits = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1)] = None,
    filters: Annotated[int | None, typer.Option("--filters", min=1, help="Network width.")] = None,
    samples: Annotated[int | None, typer.Option("--samples", min=40, help="Images used.")] = None,
    run: Long,
) -> None:
    """Top-k classification: a small network, five losses."""
    from paper_lessons.soft_sort.experiments import topk as experiment

    size = _size_of_topk(data, run.full)
    given = {"splits": splits, "epochs": epochs, "filters": filters, "samples": samples}
    size |= {name: value for name, value in given.items() if value is not None}
    with clear_errors():
        result = experiment.run(
            data,
            seed=run.seed,
            losses=_losses(loss, tuple(experiment.LOSSES)),
            k=k,
            report_k=report_k,
            root=None if root is None else str(root),
            download=download,
            **size,
            **run.how(),
        )

    def table() -> list[list[str]]:
        rows = [["loss", "top 1 (%)", f"top {report_k} (%)", "strengths"]]
        for name, found in result["losses"].items():
            accuracies = [mean_and_spread(found[one], scale=100) for one in ("top1", "topk")]
            rows.append([name, *accuracies, _distinct(found["strengths"])])
        return rows

    def draw(axes: Sequence[Any]) -> None:
        experiment.plot_accuracies(result, axes[0])
        experiment.plot_strengths(result, axes[1])

    finish(run, LESSON, result, table, draw)


@command(app, "label-ranking")
def label_ranking(
    *,
    csv: Annotated[
        list[Path] | None,
        typer.Option(
            "--csv",
            metavar="FILE",
            help="Your own table: header A1,...,Ad,ranking and rankings like b>a>c. May be repeated.",
        ),
    ] = None,
    table: Annotated[
        list[str] | None,
        typer.Option("--table", help="Only this rebuilt table; may be repeated."),
    ] = None,
    repeats: Annotated[int | None, typer.Option("--repeats", min=1)] = None,
    folds: Annotated[int | None, typer.Option("--folds", min=2)] = None,
    samples: Annotated[
        int | None, typer.Option("--samples", min=10, help="Samples of a table at most.")
    ] = None,
    run: Long,
) -> None:
    """Label ranking: a linear model with and without a soft rank as its last layer."""
    from paper_lessons.soft_sort.experiments import label_ranking as experiment
    from paper_lessons.soft_sort.experiments.rankings import TABLES, read_rankings

    size: dict[str, Any] = {"repeats": 2, "folds": 5}
    if not run.full:
        size = {"repeats": 1, "folds": 5, "samples": 300, "strengths": (0.3, 3.0, 30.0)}
    given = {"repeats": repeats, "folds": folds, "samples": samples}
    size |= {name: value for name, value in given.items() if value is not None}
    with clear_errors():
        own = [read_rankings(file) for file in csv or []]
        named = table or ([] if own else list(TABLES) if run.full else ["iris", "wine", "digits"])
        result = experiment.run([*named, *own], seed=run.seed, **size, **run.how())

    def rows() -> list[list[str]]:
        lines = [["table", "samples", "labels", *experiment.MODELS, "gain l2", "gain kl"]]
        for name, found in result["tables"].items():
            scores = [mean_and_spread(one["scores"]) for one in found["models"].values()]
            gains = [
                f"{gain['mean']:+.3f} ± {gain['error']:.3f} {gain['verdict']}"
                for gain in found["gain"].values()
            ]
            lines.append([name, str(found["samples"]), str(found["labels"]), *scores, *gains])
        return lines

    finish(run, LESSON, result, rows, lambda axes: experiment.plot(result, axes[0]), panels=1)


@command(app)
def robust(
    *,
    splits: Splits = None,
    run: Long,
) -> None:
    """Regression with outliers: soft and hard trimming, Huber, least squares."""
    from paper_lessons.soft_sort.experiments import robust as experiment

    size: dict[str, Any] = {"splits": 10, "inner_folds": 3}
    if not run.full:
        size = {"splits": 3, "inner_folds": 3, "trims": (0.2, 0.4), "shares": (0.0, 0.2, 0.4)}
        size |= {"strengths": (0.0, 10.0, 100.0), "sweep": experiment.SWEEP[::3]}
    size |= {} if splits is None else {"splits": splits}
    with clear_errors():
        result = experiment.run(seed=run.seed, **size, **run.how())

    def table() -> list[list[str]]:
        shares = result["settings"]["shares"]
        rows = [["R2 on clean test data", *(f"{share:.0%} outliers" for share in shares)]]
        for name, found in result["methods"].items():
            rows.append([name, *(mean_and_spread(one["scores"]) for one in found)])
        return rows

    def draw(axes: Sequence[Any]) -> None:
        experiment.plot_methods(result, axes[0])
        experiment.plot_sweep(result, axes[1])

    finish(run, LESSON, result, table, draw)


@command(app)
def runtime(
    *,
    full: Full = False,
    run: Run,
) -> None:
    """CPU time and memory against n: ours, other soft ranks, torch.sort."""
    from paper_lessons.soft_sort.experiments import runtime as experiment

    size: dict[str, Any] = {"rounds": 5}
    if not full:
        size = {"rounds": 3, "sizes": (100, 1_000, 10_000, 100_000), "largest_square": 1_000}
    result = experiment.run(seed=run.seed, progress=run.progress and first_process(), **size)

    def table() -> list[list[str]]:
        sizes = sorted({n for found in result["methods"].values() for n in found["sizes"]})
        rows = [["forward + backward, ms", *(f"n = {n}" for n in sizes), "slope", "memory slope"]]
        for name, found in result["methods"].items():
            times = dict(zip(found["sizes"], found["both"], strict=True))
            slopes = [found["slopes"][one] for one in ("both", "kept")]
            rows.append(
                [name]
                + [f"{times[n]:.3g}" if n in times else "" for n in sizes]
                + ["" if slope is None else f"{slope:.2f}" for slope in slopes]
            )
        return rows

    def draw(axes: Sequence[Any]) -> None:
        experiment.plot_time(result, axes[0])
        experiment.plot_memory(result, axes[1])

    finish(run, LESSON, result, table, draw)


@app.command()
def warmup() -> None:
    """Compile the CPU kernels now, so that the first call does not wait for it."""
    from paper_lessons.soft_sort.operators import warmup as compile_kernels

    compile_kernels()


def _size_of_topk(data: str, full: bool) -> dict[str, Any]:
    if not full:
        return {"splits": 2, "epochs": 8, "samples": 900, "tune": False}
    if data.startswith("cifar"):
        return {"splits": 1, "epochs": 100, "filters": 32}
    return {"splits": 5, "epochs": 20} if data == "digits" else {"splits": 3, "epochs": 5}


def _losses(given: Sequence[str] | None, known: tuple[str, ...]) -> tuple[str, ...]:
    """Names as the table prints them; hyphens for spaces are easier to type."""
    typed = {name.replace(" ", "-"): name for name in known}
    return tuple(typed.get(name.replace(" ", "-"), name) for name in given or known)


def _distinct(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.2g}" for value in sorted(set(values)))
