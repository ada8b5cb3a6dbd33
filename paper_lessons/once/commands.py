"""A detector of your own on the command line: ``paper-lessons run once train | register | detect | evaluate``."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paper_lessons.commands import (
    Checkpoint,
    Long,
    Progress,
    Seed,
    clear_errors,
    command,
    finish,
    first_process,
    lesson_app,
    mean_and_spread,
)
from paper_lessons.files import write_atomically

if TYPE_CHECKING:
    from paper_lessons.once.detector import OnceDetector

LESSON = "once"

app = lesson_app("ONCE: a detector to which a class is added by one look at a few pictures of it.")

Model = Annotated[Path, typer.Option("--model", metavar="DIR", help="Folder of the detector.")]
Boxes = Annotated[
    Path, typer.Argument(metavar="FILE|DIR", help="COCO's .json, or a folder of VOC's .xml.")
]
Images = Annotated[
    Path | None,
    typer.Option("--images", metavar="DIR", help="Of the pictures, where they lie elsewhere."),
]
Codes = Annotated[
    list[Path] | None,
    typer.Option("--codes", metavar="FILE", help="Classes of a file; may be repeated."),
]
Novel = Annotated[
    list[str] | None, typer.Option("--novel", metavar="CLASS", help="May be repeated.")
]
Html = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write a page to look through.")
]
Threshold = Annotated[
    float, typer.Option("--threshold", min=0.0, max=0.99, help="Least probability of a box.")
]
Overlap = Annotated[
    float,
    typer.Option(
        "--overlap",
        min=0.01,
        max=1.0,
        help="Most that two boxes of a class may share; 1 keeps all.",
    ),
]


@dataclass(frozen=True)
class Learning:
    """How to train; the defaults suit the small backbone on a processor."""

    backbone: Annotated[str, typer.Option("--backbone", help="small, resnet50 or hourglass.")] = (
        "small"
    )
    support_encoder: Annotated[
        str,
        typer.Option(
            "--support-encoder",
            help="centre: the detector's own features; crop: the paper's, which has to learn from many classes.",
        ),
    ] = "centre"
    own_sizes: Annotated[
        bool, typer.Option("--own-sizes", help="A code also holds weights of width and height.")
    ] = False
    side: Annotated[
        int, typer.Option("--side", min=32, help="Pixels of a picture's longer side.")
    ] = 320
    steps: Annotated[int, typer.Option("--steps", min=1, help="Of the detector.")] = 1500
    episodes: Annotated[
        int | None,
        typer.Option("--episodes", min=0, help="Of the generator: 1500 for crop, 0 for centre."),
    ] = None
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, help="Pictures at once.")] = 8
    lr: Annotated[float, typer.Option("--lr", help="Peak learning rate of the detector.")] = 2e-3
    loss: Annotated[
        str, typer.Option("--loss", help="Of the episodes: focal, l1 or 'balanced l1'.")
    ] = "focal"
    flip: Annotated[bool, typer.Option("--flip/--no-flip", help="Mirror pictures.")] = True
    recolor: Annotated[bool, typer.Option("--recolor/--no-recolor", help="Change colours.")] = False
    seed: Seed = 0

    @property
    def rounds(self) -> int:
        """Episodes: an encoder of centres is good without any, one of crops is not."""
        if self.episodes is not None:
            return self.episodes
        return 0 if self.support_encoder == "centre" else 1500


@command(app)
def train(
    boxes: Boxes,
    *,
    images: Images = None,
    model: Annotated[Path, typer.Option("--model", metavar="DIR", help="Where to write it.")],
    novel: Novel = None,
    learning: Learning,
    checkpoint: Checkpoint = None,
    progress: Progress = True,
) -> None:
    """Train a detector on all classes but the novel ones; a killed run with --checkpoint goes on where it stopped."""
    import torch

    from paper_lessons.once.data.own import read_annotations
    from paper_lessons.once.data.pictures import Resized
    from paper_lessons.once.data.readers import base_novel_split
    from paper_lessons.once.detector import OnceDetector
    from paper_lessons.once.training.augmenting import Augmenting

    with clear_errors():
        known, _ = base_novel_split(read_annotations(boxes, images), novel or [])
        data = Resized(known, learning.side)
        torch.manual_seed(learning.seed)
        detector = OnceDetector(
            known.names,
            learning.backbone,
            support_encoder=learning.support_encoder,  # type: ignore[arg-type]
            class_specific_size=learning.own_sizes,
            side=learning.side,
        )
        if torch.cuda.is_available():
            detector.to("cuda")
        parts = [None if checkpoint is None else checkpoint / one for one in ("base", "codes")]
        augmenting = Augmenting(
            shift=learning.side // 10, recolor=learning.recolor, flip=learning.flip
        )
        # what stage I came to, kept until stage II is through
        stored = None if checkpoint is None else checkpoint / "detector"
        if stored is not None and stored.is_dir():
            detector.load_state_dict(_load(stored).state_dict())
        else:
            detector.fit_base(
                data, steps=learning.steps, batch_size=learning.batch_size, lr=learning.lr,
                augmenting=augmenting, seed=learning.seed, checkpoint=parts[0], progress=progress,
            )  # fmt: skip
            if first_process() and stored is not None:
                detector.save_pretrained(stored)
        if learning.rounds:
            detector.fit_generator(
                data, steps=learning.rounds, loss=learning.loss, recolor=learning.recolor,
                seed=learning.seed, checkpoint=parts[1], progress=progress,
            )  # fmt: skip
        if first_process():
            detector.save_pretrained(model)
            if stored is not None:
                shutil.rmtree(stored)
            typer.echo(f"written: {model} with {', '.join(detector.classes)}")


@command(app)
def register(
    name: Annotated[str, typer.Argument(metavar="CLASS")],
    boxes: Annotated[
        Path,
        typer.Argument(
            metavar="FILE|DIR",
            help="As train reads them; or a folder of pictures that show the thing alone, from edge to edge.",
        ),
    ],
    *,
    images: Images = None,
    model: Model,
    shots: Annotated[
        int | None, typer.Option("--shots", min=1, help="Boxes to take; all without it.")
    ] = None,
    mode: Annotated[
        str, typer.Option("--mode", help="new; update: more shots; replace: begin anew.")
    ] = "new",
    fit_size: Annotated[
        bool,
        typer.Option(
            "--fit-size/--no-fit-size", help="Boxes as large as those given, not as training's."
        ),
    ] = True,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FILE", help="Write its code there and leave the model."),
    ] = None,
    seed: Seed = 0,
) -> None:
    """Add a class by one pass over pictures of it; nothing else changes."""
    from paper_lessons.once.data.own import supports_of

    with clear_errors():
        detector = _load(model)
        some, given = supports_of(name, boxes, images, shots, seed)
        fit_size &= detector.bank.rows == 1  # else a code has weights for them
        code = detector.register(name, some, given, mode=mode, fit_size=fit_size)  # type: ignore[arg-type]
        if to is None:
            detector.save_pretrained(model)
            typer.echo(f"registered: {name} from {code.shots} boxes, in {model}")
        else:
            detector.save_codes(to, [name])
            typer.echo(f"registered: {name} from {code.shots} boxes, in {to}")


@command(app)
def detect(
    given: Annotated[
        list[Path], typer.Argument(metavar="FILE|DIR...", help="Pictures; of a folder, all below.")
    ],
    *,
    model: Model,
    codes: Codes = None,
    threshold: Threshold = 0.3,
    overlap: Overlap = 0.5,
    max_detections: Annotated[
        int, typer.Option("--max-detections", min=1, help="Of a picture.")
    ] = 100,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Boxes in COCO's form.")
    ] = None,
    png: Annotated[
        Path | None, typer.Option("--png", metavar="DIR", help="Draw the boxes into copies.")
    ] = None,
    html: Html = None,
) -> None:
    """Boxes in pictures, the most certain first."""
    from paper_lessons.once.data.own import as_coco, find_pictures, read_picture
    from paper_lessons.once.overlaps import without_overlaps

    with clear_errors():
        detector = _load(model, codes)
        named = find_pictures(given)
        images = {name: read_picture(path) for name, path in named.items()}
        found = detector.detect(list(images.values()), threshold, None)
        found = [
            {key: rows[:max_detections] for key, rows in one.items()}
            for one in without_overlaps(found, overlap)
        ]
    if out is not None:
        write_atomically(out, json.dumps(as_coco(images, found, detector.classes), indent=1))
        typer.echo(f"written: {out}")
    if png is not None:
        from paper_lessons.once.page.report import drawn

        for (name, image), one in zip(images.items(), found, strict=True):
            write_atomically(png / Path(name).with_suffix(".png"), drawn(image, one))
        typer.echo(f"drawn: {len(found)} pictures in {png}")
    if html is not None:
        from paper_lessons.once.page.report import page

        rows = [
            (name, image, _rows(one))
            for (name, image), one in zip(images.items(), found, strict=True)
        ]
        write_atomically(html, page("Detections", rows, detector.classes))
        typer.echo(f"written: {html}")
    if out is None and png is None and html is None:
        for name, one in zip(images, found, strict=True):
            typer.echo(_told(name, one))


@command(app)
def evaluate(
    boxes: Boxes,
    *,
    images: Images = None,
    model: Model,
    codes: Codes = None,
    novel: Novel = None,
    overlap: Overlap = 0.5,
    html: Html = None,
) -> None:
    """Average precision and recall against what people marked, and a page that shows what was not found."""
    from paper_lessons.once.data.own import read_annotations
    from paper_lessons.once.evaluation import evaluate as score
    from paper_lessons.once.overlaps import without_overlaps

    with clear_errors():
        detector = _load(model, codes)
        truth = read_annotations(boxes, images)
        missing = sorted(set(truth.names) - set(detector.classes))
        if missing:
            typer.echo(f"not known to the model, left out: {', '.join(missing)}", err=True)
            truth = truth.only([one for one in truth.names if one in detector.classes])
        if novel is None:
            novel = [one for one in truth.names if not detector.bank[one].base]
        pictures = [truth[i]["image"] for i in range(len(truth))]
        found = without_overlaps(detector.detect(pictures, 0.01, None), overlap)
        scores = str(score(found, truth, novel=novel))
    typer.echo(scores)
    if html is not None:
        from paper_lessons.once.page.report import page

        rows = [
            (one.path.name, image, _with_lost(one, truth.names, hit))
            for one, image, hit in zip(truth.annotations, pictures, found, strict=True)
        ]
        rows.sort(key=lambda row: -sum(bool(one.get("lost")) for one in row[2]))
        write_atomically(html, page(boxes.name, rows, detector.classes, words=scores))
        typer.echo(f"written: {html}")


@command(app)
def model(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write it.")],
    *,
    seed: Seed = 0,
    progress: Progress = True,
) -> None:
    """The chapter's detector of eighty printed characters: both stages, about three minutes on two cores."""
    from paper_lessons.once.experiments.glyphs import train_glyph_detector

    train_glyph_detector(seed, progress=progress).save_pretrained(folder)
    typer.echo(f"written: {folder}")


@command(app)
def glyphs(*, run: Long) -> None:
    """Twenty new characters beside eighty: the generator, the prototype, tuning; one by one; the L1 loss."""
    from paper_lessons.once.experiments import glyphs as experiment

    small = {"scenes": 120, "test": 20, "steps": 60, "episodes": 30, "tuning": 10}
    size = {} if run.full else {"draws": 1, "shots": (1, 5), "size": small}
    seeds = list(range(run.seed, run.seed + (3 if run.full else 1)))
    with clear_errors():
        result = experiment.run(seeds=seeds, **size, **run.how())  # type: ignore[arg-type]

    def table() -> list[list[str]]:
        shots = [str(one) for one in result["settings"]["shots"]]
        rows = [
            [
                "AP50, percent",
                *(f"novel, {one}" for one in shots),
                *(f"base, {one}" for one in shots),
            ]
        ]
        for arm, found in result["arms"].items():
            numbers = [found[one][kind] for kind in ("novel_ap50", "base_ap50") for one in shots]
            rows.append(
                [arm, *(f"{100 * one['mean']:.1f} ± {100 * one['std']:.1f}" for one in numbers)]
            )
        return rows

    finish(run, LESSON, result, table, lambda axes: experiment.plot(result, axes))


@command(app)
def cells(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="BCCD, with Annotations and JPEGImages.")
    ],
    *,
    run: Long,
) -> None:
    """Blood cells: trained on two kinds, the third registered from 1, 5 and 10 boxes."""
    from paper_lessons.once.experiments import real as experiment

    size: dict[str, Any] = {} if run.full else {"novel": ("WBC",), "steps": 20, "draws": 1}
    with clear_errors():
        result = experiment.cells(folder, seeds=[run.seed], **size, **run.how())

    def table() -> list[list[str]]:
        rows = [["AP50, percent", *map(str, experiment.SHOTS), "the others", "unmoved"]]
        for one in result["runs"]:
            for sizes in experiment.SIZES:
                rows.append(
                    [
                        f"{one['novel']}, {sizes}", *map(_percent, one[sizes].values()),
                        _percent([one["base"]]), "yes" if one["unmoved"] else "no",
                    ]
                )  # fmt: skip
        return rows

    def draw(axes: Sequence[Any]) -> None:
        for one in result["runs"]:
            means = [sum(v) / len(v) for v in one[experiment.SIZES[-1]].values()]
            axes[0].plot(range(3), means, "o-", label=one["novel"])
        _shots_axis(axes[0], list(map(str, experiment.SHOTS)))

    finish(run, LESSON, result, table, draw, panels=1)


@command(app)
def omniglot(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="With Omniglot's zip files.")],
    *,
    model: Annotated[
        Path | None, typer.Option("--model", metavar="DIR", help="The chapter's without it.")
    ] = None,
    run: Long,
) -> None:
    """Characters that people drew, as novel classes of the detector of printed ones."""
    from paper_lessons.once.data.shipped import glyph_detector
    from paper_lessons.once.experiments import real as experiment

    size: dict[str, Any] = {} if run.full else {"test": 40, "draws": 1}
    with clear_errors():
        detector = glyph_detector() if model is None else _load(model)
        result = experiment.omniglot(folder, detector, seed=run.seed, **size)

    def table() -> list[list[str]]:
        rows = [["novel AP50, percent", *map(str, experiment.SHOTS)]]
        for arm in ("generator", "prototype"):
            rows.append([arm, *map(_percent, result[arm].values())])
        return rows

    def draw(axes: Sequence[Any]) -> None:
        for arm in ("generator", "prototype"):
            axes[0].plot(range(3), [sum(v) / len(v) for v in result[arm].values()], "o-", label=arm)
        _shots_axis(axes[0], list(map(str, experiment.SHOTS)))

    finish(run, LESSON, result, table, draw, panels=1)


def _shots_axis(axis: Any, shots: Sequence[str]) -> None:
    from paper_lessons import plotting

    axis.set_xticks(range(len(shots)), shots)
    axis.set_xlabel("shots")
    axis.set_ylabel("novel AP50")
    plotting.label_lines(axis)


def _percent(values: Sequence[float]) -> str:
    return mean_and_spread(values, scale=100)


def _load(model: Path, codes: Sequence[Path] | None = None) -> OnceDetector:
    from paper_lessons.once.detector import OnceDetector

    if not (model / "config.json").is_file():
        raise ValueError(f"--model must be a folder that train wrote, {model.name!r} is none")
    detector = OnceDetector.from_pretrained(model).eval()
    for file in codes or []:
        detector.load_codes(file)
    return detector


def _rows(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"box": box, "name": name, "score": score}
        for box, name, score in zip(
            found["boxes"].tolist(), found["names"], found["scores"].tolist(), strict=True
        )
    ]


def _with_lost(
    truth: Any, names: Sequence[str], found: dict[str, Any], least: float = 0.3
) -> list[dict[str, Any]]:
    """Finds of some certainty, and true boxes that none of them overlaps by half."""
    from torchvision.ops import box_iou

    rows = [one for one in _rows(found) if one["score"] >= least]
    for box, label, crowd in zip(truth.boxes, truth.labels, truth.crowd, strict=True):
        own = [one["box"] for one in rows if one["name"] == names[label] and not one.get("lost")]
        hit = bool(own) and float(box_iou(box[None], box.new_tensor(own)).max()) >= 0.5
        if not hit and not crowd:
            rows.append({"box": box.tolist(), "name": names[label], "score": 0.0, "lost": True})
    return rows


def _told(name: str, found: dict[str, Any]) -> str:
    lines = [
        f"  {row['name']:<16} {row['score']:.2f}  "
        + " ".join(f"{edge:7.1f}" for edge in row["box"])
        for row in _rows(found)
    ]
    return "\n".join([name, *(lines or ["  nothing found"])])
