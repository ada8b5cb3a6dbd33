"""The experiments on the command line, and a folder of your own: ``paper-lessons run dn2 ...``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from paper_lessons.commands import (
    Long,
    clear_errors,
    command,
    finish,
    first_process,
    lesson_app,
    mean_and_spread,
)
from paper_lessons.dn2.report.command import folder
from paper_lessons.dn2.report.options import (
    Cache,
    DataName,
    Download,
    Layers,
    Neighbors,
    Npz,
    Root,
    Size,
    TestPerClass,
    TrainPerClass,
)

LESSON = "dn2"


@dataclass(frozen=True)
class Pictures:
    """Which pictures, and how large."""

    data: DataName = "digits"
    npz: Npz = None
    root: Root = None
    download: Download = False
    train_per_class: TrainPerClass = None
    test_per_class: TestPerClass = None
    size: Size = None


app = lesson_app("Deep Nearest Neighbor Anomaly Detection: the experiments of lesson 03.")
app.command()(folder)


@command(app, "one-class")
def one_class(
    *,
    pictures: Pictures,
    layer: Layers = None,
    k: Neighbors = 2,
    cache: Cache = None,
    run: Long,
) -> None:
    """Each class once the normal one: plain distance, length 1, rivals on the same features."""
    from paper_lessons.dn2.experiments import one_class as experiment

    with clear_errors():
        features = _features(run, pictures, cache, layer)
        result = experiment.run(features, seed=run.seed, n_neighbors=k, **run.how())

    def table() -> list[list[str]]:
        rows = [["area under the ROC curve (%)", "mean", *features.classes]]
        for name, found in result["methods"].items():
            areas = [f"{100 * area:.1f}" for area in found["auc"]]
            rows.append([name, f"{100 * found['mean']:.2f}", *areas])
        return rows

    def draw(axes: Sequence[Any]) -> None:
        experiment.plot_classes(result, axes[0])
        experiment.plot_roc(features, axes[1], n_neighbors=k)

    finish(run, LESSON, result, table, draw)


@command(app)
def dirty(
    *,
    pictures: Pictures,
    k: Neighbors = 2,
    clean: Annotated[
        float, typer.Option("--clean", min=0.0, max=0.99, help="Share that cleaning drops.")
    ] = 0.5,
    normal_pictures: Annotated[
        int | None, typer.Option("--normal-pictures", min=4, help="Normal training pictures.")
    ] = None,
    cache: Cache = None,
    run: Long,
) -> None:
    """Anomalies among the training pictures: as it is, or cleaned with few or many neighbours."""
    from paper_lessons.dn2.experiments import dirty as experiment

    given: dict[str, Any] = {"normal_pictures": normal_pictures or (300 if run.full else 80)}
    if not run.full:
        given |= {"shares": (0.0, 0.1, 0.2, 0.4)}
    with clear_errors():
        result = experiment.run(
            _features(run, pictures, cache),
            seed=run.seed,
            n_neighbors=k,
            clean=clean,
            **given,
            **run.how(),
        )

    def table() -> list[list[str]]:
        shares = result["settings"]["shares"]
        rows = [["area under the ROC curve (%)", *(f"{share:.0%} dirty" for share in shares)]]
        for what, title in (("auc", ""), ("found", "dirt found: ")):
            for way, found in result["ways"].items():
                rows.append([title + way, *(_mean(row[what]) for row in found)])
        return rows

    finish(run, LESSON, result, table, lambda axes: experiment.plot(result, axes[0]), panels=1)


@command(app)
def groups(
    *,
    pictures: Pictures,
    k: Neighbors = 2,
    repeats: Annotated[int | None, typer.Option("--repeats", min=1, help="Random draws.")] = None,
    cache: Cache = None,
    run: Long,
) -> None:
    """Sets of pictures as samples: features pooled by mean, by maximum, or joined."""
    from paper_lessons.dn2.experiments import groups as experiment

    given: dict[str, Any] = {"repeats": repeats or (10 if run.full else 3)}
    given |= {} if run.full else {"train_groups": 200, "test_groups": 100}
    with clear_errors():
        features = _features(run, pictures, cache)
        given["sizes"] = [one for one in experiment.SIZES if one <= len(features.classes)]
        result = experiment.run(
            features,
            seed=run.seed,
            n_neighbors=k,
            **given,
            **run.how(),
        )

    def table() -> list[list[str]]:
        rows = [["pool", *(f"M = {one}" for one in result["settings"]["sizes"])]]
        for pool, found in result["pools"].items():
            rows.append([pool, *(mean_and_spread(row["auc"], scale=100) for row in found)])
        return rows

    finish(run, LESSON, result, table, lambda axes: experiment.plot(result, axes[0]), panels=1)


@command(app)
def thresholds(
    *,
    pictures: Pictures,
    k: Neighbors = 2,
    false_positive_rate: Annotated[
        float, typer.Option("--false-positive-rate", help="Share of false alarms to ask for.")
    ] = 0.05,
    cache: Cache = None,
    run: Long,
) -> None:
    """False alarms that three kinds of thresholds promise and keep."""
    from paper_lessons.dn2.experiments import thresholds as experiment

    with clear_errors():
        features = _features(run, pictures, cache)
        result = experiment.run(
            features,
            seed=run.seed,
            n_neighbors=k,
            false_positive_rate=false_positive_rate,
            **run.how(),
        )

    def table() -> list[list[str]]:
        rows = [["threshold", "false alarms (%)", "anomalies found (%)"]]
        for way, found in result["ways"].items():
            shares = [
                mean_and_spread(found[one], scale=100) for one in ("false_alarms", "detected")
            ]
            rows.append([way, *shares])
        return rows

    def draw(axes: Sequence[Any]) -> None:
        experiment.plot(result, axes[0])
        experiment.plot_histogram(features, axes[1], n_neighbors=k)

    finish(run, LESSON, result, table, draw)


@command(app)
def ablations(
    *,
    pictures: Pictures,
    k: Neighbors = 2,
    part: Annotated[
        list[str] | None, typer.Option("--part", help="Only this one; may be repeated.")
    ] = None,
    backbone: Annotated[
        list[str] | None,
        typer.Option("--backbone", help="A network to compare (resnet101); may be repeated."),
    ] = None,
    cache: Cache = None,
    run: Long,
) -> None:
    """What the result depends on: k, pictures, dimensions, storage, resolution, layer, network."""
    from paper_lessons.dn2.experiments import ablations as experiment

    parts = tuple(part or (experiment.PARTS if run.full else experiment.ON_FEATURES))
    given: dict[str, Any] = {"size": pictures.size or _size(run.full)}
    given |= {} if run.full else {"resolutions": (32, 64, 96)}
    if backbone:
        given |= {"backbones": (*experiment.BACKBONES, *backbone)}
    with clear_errors():
        result = experiment.run(
            _pictures(run, pictures),
            seed=run.seed,
            parts=parts,
            n_neighbors=k,
            cache=None if cache is None else str(cache),
            **given,
            **run.how(),
        )

    def table() -> list[list[str]]:
        rows = [["part", "line", "value", "area under the ROC curve (%)"]]
        for name, lines in result["parts"].items():
            for line, found in lines.items():
                rows += [[name, line, str(row["value"]), _mean(row["auc"])] for row in found]
        return rows

    def draw(axes: Sequence[Any]) -> None:
        for name, panel in zip(parts, axes, strict=True):
            experiment.plot(result, name, panel)

    finish(run, LESSON, result, table, draw, panels=len(parts))


@command(app)
def corruptions(
    *,
    photograph: Annotated[
        list[str] | None, typer.Option("--photograph", help="Only this one; may be repeated.")
    ] = None,
    side: Annotated[int, typer.Option("--side", min=8, help="Of a tile, in pixels.")] = 64,
    size: Size = None,
    tiles: Annotated[
        int | None, typer.Option("--tiles", min=2, help="Tiles of each photograph at most.")
    ] = None,
    k: Neighbors = 2,
    cache: Cache = None,
    run: Long,
) -> None:
    """Photographs with blur, JPEG blocks, noise, too much light, dirt, dead lines."""
    from paper_lessons.dn2.experiments import corruptions as experiment

    with clear_errors():
        result = experiment.run(
            tuple(photograph or experiment.PHOTOGRAPHS),
            seed=run.seed,
            side=side,
            size=size or _size(run.full),
            tiles=tiles or (None if run.full else 12),
            n_neighbors=k,
            cache=None if cache is None else str(cache),
            **run.how(),
        )

    def table() -> list[list[str]]:
        levels = [row["level"] for row in next(iter(result["corruptions"].values()))]
        rows = [["corruption", "method", *(f"level {level}" for level in levels)]]
        for name, found in result["corruptions"].items():
            for method in experiment.METHODS:
                areas = [f"{100 * row['auc'][method]:.1f}" for row in found]
                rows.append([name, method, *areas])
        return rows

    finish(run, LESSON, result, table, lambda axes: experiment.plot(result, axes[0]), panels=1)


def _pictures(run: Long, pictures: Pictures) -> Any:
    """The set that the options ask for; short runs take a part of it."""
    from paper_lessons.dn2.experiments.data import load_pictures

    few = {} if run.full else {"train_per_class": 100, "test_per_class": 30}
    for name in ("train_per_class", "test_per_class"):
        if getattr(pictures, name) is not None:
            few[name] = getattr(pictures, name)
    return load_pictures(
        pictures.data,
        npz=pictures.npz,
        root=pictures.root,
        download=pictures.download,
        seed=run.seed,
        **few,
    )


def _features(
    run: Long, pictures: Pictures, cache: Path | None, layer: Sequence[str] | None = None
) -> Any:
    """Features of that set."""
    from paper_lessons.dn2.experiments.data import class_features

    return class_features(
        _pictures(run, pictures),
        size=pictures.size or _size(run.full),
        layer=tuple(layer or ()) or None,
        cache=cache,
        progress=run.progress and first_process(),
    )


def _size(full: bool) -> int:
    return 128 if full else 64


def _mean(areas: Sequence[float]) -> str:
    return f"{100 * sum(areas) / len(areas):.1f}" if areas else ""
