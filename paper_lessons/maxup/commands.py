"""The experiments on the command line: ``paper-lessons run maxup ...``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from paper_lessons.commands import Long, Spread, clear_errors, command, finish, lesson_app

LESSON = "maxup"
SEEDS = 8
SHORT = 2

Download = Annotated[bool, typer.Option("--download", help="Fetch what is missing.")]
Augment = Annotated[
    str,
    typer.Option(
        "--augment", help="shift, mirror, cutout joined by +; cutmix or mixup as the last."
    ),
]

app = lesson_app(
    "MaxUp: train on the worst of some augmented copies. The experiments of lesson 02."
)


@command(app)
def theorem(*, run: Long) -> None:
    """The worst of m noisy copies against the gradient's length, by simulation."""
    from paper_lessons.maxup import figures
    from paper_lessons.maxup.experiments import theorem as experiment

    result = experiment.run(seeds=_seeds(run), draws=2000 if run.full else 200, **run.how())
    finish(
        run, LESSON, result, lambda: figures.theorem_rows(result), lambda axes: figures.draw_theorem(result, axes[0]), panels=1
    )  # fmt: skip


@command(app)
def gaussian(*, run: Long) -> None:
    """Digits with normal noise: accuracy, gradient, sharpness, certified radius; with both controls."""
    from paper_lessons.maxup.experiments import gaussian as experiment

    size: dict[str, Any] = {} if run.full else {"steps": 60, "tested": 40, "copies": 100}
    _tell(run, experiment.run(seeds=_seeds(run), **size, **run.how()), "radius")


@command(app)
def language(
    *,
    wikitext: Annotated[
        Path | None,
        typer.Option("--wikitext", metavar="DIR", help="Read WikiText-2, which lies there."),
    ] = None,
    download: Download = False,
    run: Long,
) -> None:
    """Characters of Python's help texts, with noise on their vectors; with both controls."""
    from paper_lessons.maxup.experiments import language as experiment
    from paper_lessons.maxup.texts import wikitext2

    size: dict[str, Any] = {} if run.full else {"steps": 60, "read": 4000, "tested": 2000}
    with clear_errors():
        if wikitext is not None:
            wikitext2(wikitext, download=download)
        result = experiment.run(
            seeds=_seeds(run), wikitext=None if wikitext is None else str(wikitext), **size, **run.how()
        )  # fmt: skip
    _tell(run, result, "nll")


@command(app)
def mnist(*, run: Long) -> None:
    """MNIST with few examples and batch normalisation: shifts, Cutout and CutMix, 1 to 10 copies."""
    from paper_lessons.maxup.experiments import mnist as experiment

    size: dict[str, Any] = {} if run.full else {"steps": 60, "examples": 200, "tested": 500}
    with clear_errors():
        found = experiment.run(seeds=_seeds(run), **size, **run.how())
    _tell(run, found, "accuracy", list(found.values()), list(found))


@command(app)
def digits(*, run: Long) -> None:
    """Small digits, strong augmentation, a small network: where MaxUp hurts."""
    from paper_lessons.maxup.experiments import digits as experiment

    size: dict[str, Any] = {} if run.full else {"steps": 60}
    _tell(run, experiment.run(seeds=_seeds(run), **size, **run.how()), "accuracy")


@command(app)
def cifar(
    root: Annotated[Path, typer.Argument(help="Folder of the files, or a .npz file of arrays.")],
    *,
    hundred: Annotated[bool, typer.Option("--hundred", help="CIFAR-100.")] = False,
    download: Download = False,
    run: Long,
) -> None:
    """CIFAR with few examples: shifts, mirror images and Cutout."""
    from paper_lessons.datasets.images import load_images
    from paper_lessons.maxup.experiments import cifar as experiment

    size: dict[str, Any] = {} if run.full else {"steps": 30, "examples": 200, "tested": 200}
    with clear_errors():
        data: Any = "arrays"
        if root.suffix.lower() != ".npz":
            data = "cifar100" if hundred else "cifar10"
            load_images(data, root=root, download=download)
        result = experiment.run(root=str(root), data=data, seeds=_seeds(run), **size, **run.how())
    _tell(run, result, "accuracy")


@command(app)
def sentences(
    path: Annotated[Path, typer.Argument(help="CoNLL04's training part, .json.")],
    *,
    encoder: Annotated[
        str, typer.Option("--encoder", metavar="NAME|DIR", help="minilm, or what AutoModel takes.")
    ] = "minilm",
    run: Long,
) -> None:
    """MiniLM, tuned on a few sentences with noise on the vectors of words."""
    from paper_lessons.maxup.experiments import sentences as experiment

    size: dict[str, Any] = (
        {} if run.full else {"steps": 3, "examples": 20, "tested": 20, "words": 20}
    )
    with clear_errors():
        result = experiment.run(
            path=str(path), encoder=encoder, seeds=_seeds(run), **size, **run.how()
        )
    _tell(run, result, "accuracy")


@command(app)
def unlabelled(*, run: Long) -> None:
    """Fifty digits with a label and many without: the worst copy should get the clean one's class."""
    from paper_lessons.maxup.experiments import unlabelled as experiment

    size: dict[str, Any] = {} if run.full else {"steps": 60}
    _tell(run, experiment.run(seeds=_seeds(run), **size, **run.how()), "accuracy")


@command(app)
def transfer(*, run: Long) -> None:
    """Digits 0 to 4 teach the features, a few of 5 to 9 are told apart by them."""
    from paper_lessons.maxup.experiments import transfer as experiment

    size: dict[str, Any] = {} if run.full else {"steps": 60}
    _tell(run, experiment.run(seeds=_seeds(run), **size, **run.how()), "accuracy")


@command(app)
def images(
    folder: Annotated[Path, typer.Argument(help="A folder that has a folder for each class.")],
    *,
    augment: Augment = "shift+mirror",
    m: Annotated[int, typer.Option("--m", min=1, help="Copies of each picture.")] = 4,
    side: Annotated[int, typer.Option("--side", min=8, help="Pixels of the pictures.")] = 32,
    steps: Annotated[int, typer.Option("--steps", min=1)] = 600,
    splits: Annotated[int, typer.Option("--splits", min=2, help="Trainings of each way.")] = 5,
    run: Spread,
) -> None:
    """Your own pictures: trains in every way, and says which one to take and how sure that is."""
    from paper_lessons.maxup.experiments import images as experiment

    with clear_errors():
        result = experiment.run(
            root=str(folder), augment=augment, m=m, side=side, steps=steps,
            seeds=list(range(run.seed, run.seed + splits)), **run.how(),
        )  # fmt: skip
    _tell(run, result, "accuracy")
    typer.echo(f"Take {result['take']}: {result['because']}")


def _seeds(run: Long) -> list[int]:
    return list(range(run.seed, run.seed + (SEEDS if run.full else SHORT)))


def _tell(
    run: Spread,
    result: dict[str, Any],
    shown: str,
    parts: Sequence[dict[str, Any]] | None = None,
    names: Sequence[str] = ("",),
) -> None:
    """A row for each way and the pairs; the figure has a dot for each seed."""
    from paper_lessons.maxup import figures

    some = [result] if parts is None else parts

    def table() -> list[list[str]]:
        head = figures.arm_rows(some[0], shown)[0]
        rows = [head]
        for name, one in zip(names, some, strict=True):
            rows += [[name, *[""] * (len(head) - 1)]] if name else []
            rows += figures.arm_rows(one, shown)[1:]
        return rows

    def draw(axes: Sequence[Any]) -> None:
        for name, one, axis in zip(names, some, axes, strict=True):
            figures.draw_arms(one, shown, axis)
            axis.set_title(name)

    finish(run, LESSON, result, table, draw, panels=len(some))
