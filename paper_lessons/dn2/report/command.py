"""A folder of your own pictures on the command line: ``paper-lessons run dn2 folder``."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from paper_lessons.commands import Jobs, Progress, clear_errors, first_process
from paper_lessons.dn2.report.options import Layers, Neighbors, Size
from paper_lessons.dn2.thresholds import promised_rate, too_few


def folder(
    normal: Annotated[Path, typer.Option("--normal", metavar="DIR", help="Normal pictures.")],
    images: Annotated[Path, typer.Option("--images", metavar="DIR", help="Pictures to judge.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="The page (.html); its table beside it.")
    ] = Path("report.html"),
    title: Annotated[str | None, typer.Option("--title", help="The page's heading.")] = None,
    show: Annotated[int, typer.Option("--show", min=1, help="Pictures shown large.")] = 50,
    backbone: Annotated[
        str, typer.Option("--backbone", help="lite0, resnet18 ... wide_resnet101_2.")
    ] = "lite0",
    size: Size = None,
    layer: Layers = None,
    framing: Annotated[
        str, typer.Option("--framing", help="stretch (all of it) or crop (the middle).")
    ] = "stretch",
    k: Neighbors = 2,
    normalize: Annotated[
        str, typer.Option("--normalize", help="l2, zscore, whiten, or none (the paper's).")
    ] = "l2",
    false_positive_rate: Annotated[
        float,
        typer.Option("--false-positive-rate", help="Share of normal pictures above the threshold."),
    ] = 0.05,
    clean: Annotated[
        float,
        typer.Option("--clean", help="Share of the normal pictures to drop as not so normal."),
    ] = 0.0,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="FILE", help="Keep the detector there.")
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option("--cache", metavar="DIR", help="Features are kept there (has a default)."),
    ] = None,
    batch_size: Annotated[int, typer.Option("--batch-size", min=1)] = 16,
    jobs: Jobs = 1,
    progress: Progress = True,
) -> None:
    """Your own pictures: which of them are unlike the normal ones? A page and a table."""
    with clear_errors():
        from paper_lessons.dn2.detector import DeepNearestNeighbors
        from paper_lessons.dn2.features import ImageFeatures
        from paper_lessons.dn2.report.detector import AnomalyDetector
        from paper_lessons.dn2.report.page import check_out
        from paper_lessons.runs import default_checkpoint_folder

        check_out(out, show)
        for name, place in (("normal", normal), ("images", images)):
            if not place.is_dir():
                raise ValueError(f"{name} must be a folder of pictures, got {str(place)!r}")
        features = ImageFeatures(
            backbone,
            size=size,
            layer=tuple(layer) if layer else None,
            framing=framing,
            batch_size=batch_size,
            cache=cache or default_checkpoint_folder().parent / "features",
            progress=progress and first_process(),
            n_jobs=jobs,
        )
        chosen = DeepNearestNeighbors(
            k,
            normalize=None if normalize == "none" else normalize,
            false_positive_rate=false_positive_rate,
            clean=clean,
        )
        with warnings.catch_warnings():  # the summary says it
            warnings.filterwarnings("ignore", ".* normal samples are too few")
            detector = AnomalyDetector(features, chosen).fit(normal)
        found = detector.report(images, out=out, title=title, show=show)
        if save is not None:
            detector.save(save)
    for line in _summary(found, len(detector.pictures_)):
        typer.echo(line)
    for path in (out, out.with_suffix(".csv"), *([] if save is None else [save])):
        typer.echo(f"written: {path}")


def _summary(found: Any, normal: int) -> list[str]:
    """What a person wants to know before opening the page."""
    anomalous = [one for one in found.ranked if one.anomalous]
    kept, rate = len(found.normal_scores), found.false_positive_rate
    lines = [
        f"{normal} normal pictures, threshold {found.threshold:.4g} "
        f"({100 * promised_rate(kept, rate):.2g}% of normal pictures may lie above it)",
        *filter(None, [too_few(kept, rate)]),
        f"{len(anomalous)} of {len(found.findings)} pictures lie above it",
    ]
    for one in anomalous[:10]:
        lines.append(f"  {one.score:.4g}  p = {one.p_value:.3f}  {one.picture.name}")
    if len(anomalous) > 10:
        lines.append(f"  ... and {len(anomalous) - 10} more, in the page and the table")
    for kind, skipped in (("normal ", found.normal_skipped), ("", found.skipped)):
        if skipped:
            lines.append(f"{len(skipped)} {kind}files could not be read:")
            lines += [f"  {name}: {reason}" for name, reason in skipped[:10]]
            if len(skipped) > 10:
                lines.append(f"  ... and {len(skipped) - 10} more")
    return lines
