"""A model of your own on the command line: ``paper-lessons run spert train | predict | evaluate``."""

from __future__ import annotations

import csv
import io
import json
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
    from paper_lessons.spert.documents import Document
    from paper_lessons.spert.extractor import SpanRelationExtractor

LESSON = "spert"

app = lesson_app(
    "SpERT: entities and relations from text, with a model that you train on your own sentences."
)

Model = Annotated[Path, typer.Option("--model", metavar="DIR", help="Folder of the trained model.")]
Html = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write a page to read in a browser.")
]
Overlap = Annotated[
    str,
    typer.Option(
        "--overlap",
        help="all; greedy: the most certain where entities overlap; drop: none of them.",
    ),
]
Threshold = Annotated[
    float, typer.Option("--threshold", min=0.0, max=1.0, help="Least probability of a relation.")
]
BatchSize = Annotated[int, typer.Option("--batch-size", min=1, help="Sentences at once.")]
COLUMNS = (
    "file",
    "kind",
    "type",
    "start",
    "end",
    "text",
    "tail_start",
    "tail_end",
    "tail_text",
    "score",
)
COLUMNS_OF_SCORES = ("entities", "relations", "strict", "entities, macro", "strict, macro")


@dataclass(frozen=True)
class Learning:
    """How to train; the defaults suit a small encoder on a processor."""

    epochs: Annotated[int, typer.Option("--epochs", min=1)] = 10
    batch_size: BatchSize = 4
    lr: Annotated[float, typer.Option("--lr", help="Peak learning rate; the paper's is 5e-5.")] = (
        3e-4
    )
    head_lr: Annotated[
        float | None, typer.Option("--head-lr", help="Of the classifiers; --lr without it.")
    ] = 1e-3
    negatives: Annotated[int, typer.Option("--negatives", min=0, help="Spans of a sentence.")] = 100
    accumulate: Annotated[int, typer.Option("--accumulate", min=1, help="Batches a step.")] = 1
    freeze_embeddings: Annotated[
        bool, typer.Option("--freeze-embeddings", help="Leave the word embeddings as they are.")
    ] = False
    seed: Seed = 0


@command(app)
def train(
    *,
    train: Annotated[
        Path,
        typer.Option("--train", metavar="FILE", help="Sentences: SpERT's .json, DyGIE's .jsonl."),
    ],
    model: Model,
    types: Annotated[
        Path | None,
        typer.Option("--types", metavar="FILE", help="types.json; without it, what occurs."),
    ] = None,
    dev: Annotated[
        Path | None, typer.Option("--dev", metavar="FILE", help="Scored after each epoch.")
    ] = None,
    encoder: Annotated[
        str, typer.Option("--encoder", metavar="NAME|DIR", help="minilm, or what AutoModel takes.")
    ] = "minilm",
    learning: Learning,
    checkpoint: Checkpoint = None,
    progress: Progress = True,
) -> None:
    """Train a model; a killed run with --checkpoint goes on where it stopped."""
    from dataclasses import asdict

    from paper_lessons.spert.documents import Types
    from paper_lessons.spert.extractor import SpanRelationExtractor

    with clear_errors():
        known = None
        if types is not None:
            from paper_lessons.spert.data.formats import read_types

            known = read_types(types)
        documents = _read(train, known)
        known = known or Types.of(documents)
        held_out = None if dev is None else _read(dev, known)
        extractor = SpanRelationExtractor.from_encoder(known, encoder, seed=learning.seed)
        extractor.fit(
            documents,
            held_out,
            checkpoint=checkpoint,
            progress=progress,
            on_epoch=_say_epoch,
            **asdict(learning),
        )
        if first_process():
            extractor.save_pretrained(model)
            typer.echo(f"written: {model}")
            if held_out is not None:
                typer.echo(str(extractor.evaluate(held_out)))


@command(app)
def predict(
    given: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE|DIR]...", help="Texts (.txt); of a folder, all below it."),
    ] = None,
    *,
    model: Model,
    text: Annotated[
        list[str] | None, typer.Option("--text", help="A text itself; may be repeated.")
    ] = None,
    threshold: Threshold = 0.4,
    overlap: Overlap = "all",
    window: Annotated[
        str, typer.Option("--window", help="sentence, or text: relations across sentences too.")
    ] = "sentence",
    batch_size: BatchSize = 16,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="A line of JSON for each text.")
    ] = None,
    table: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="A row for each find.")
    ] = None,
    html: Html = None,
) -> None:
    """Entities and relations of raw texts, with characters and probabilities."""
    with clear_errors():
        named = {f"text {number}": one for number, one in enumerate(text or [], start=1)}
        named |= _texts(given or [])
        if not named:
            raise ValueError("give a FILE, a DIR or --text, got nothing to read")
        extractor = _load(model)
        options: dict[str, Any] = {"threshold": threshold, "overlap": overlap, "window": window}
        found = extractor.predict(list(named.values()), batch_size=batch_size, **options)
    names = list(named)
    if out is not None:
        lines = [
            json.dumps({"file": name, **one.to_dict()}, ensure_ascii=False)
            for name, one in zip(names, found, strict=True)
        ]
        write_atomically(out, "\n".join(lines) + "\n")
        typer.echo(f"written: {out}")
    if table is not None:
        write_atomically(table, _as_csv(names, found))
        typer.echo(f"written: {table}")
    if html is not None:
        from paper_lessons.spert.page.report import page

        plain = [one.to_dict() for one in found]
        kinds = extractor.model.types.entities
        write_atomically(html, page("Entities and relations", plain, kinds, names=names))
        typer.echo(f"written: {html}")
    if out is None and table is None and html is None:
        for name, one in zip(names, found, strict=True):
            typer.echo(_told(name, one))


@command(app)
def evaluate(
    given: Annotated[Path, typer.Argument(metavar="FILE", help="Annotated sentences.")],
    *,
    model: Model,
    threshold: Threshold = 0.4,
    overlap: Overlap = "all",
    drop_overlapping: Annotated[
        bool,
        typer.Option(
            "--drop-overlapping", help="The paper's filter: leave out what overlaps, on both sides."
        ),
    ] = False,
    batch_size: BatchSize = 16,
    html: Html = None,
) -> None:
    """Precision, recall and F1 against what people marked, and a page of the errors."""
    from paper_lessons.spert.evaluation import evaluate as score

    with clear_errors():
        extractor = _load(model)
        types = extractor.model.types
        gold = _read(given, types)
        found = extractor.predict(
            gold,
            threshold=threshold,
            overlap=overlap,  # type: ignore[arg-type]
            batch_size=batch_size,
        )
    how: Any = "drop" if drop_overlapping else "all"
    scores = str(score(gold, found, symmetric=types.symmetric, overlapping=how))
    typer.echo(scores)
    if html is not None:
        from paper_lessons.spert.page.report import compared, page

        both = [
            compared(one.to_dict(), two.to_dict(), types.symmetric)
            for one, two in zip(gold, found, strict=True)
        ]
        # sentences with the most errors first
        order = sorted(range(len(both)), key=lambda i: -_errors(both[i]))
        names = [f"sentence {i}: {_errors(both[i]) or 'no'} errors" for i in order]
        write_atomically(
            html,
            page(given.name, [both[i] for i in order], types.entities, names=names, words=scores),
        )
        typer.echo(f"written: {html}")


@command(app)
def names(*, run: Long) -> None:
    """Names seen and never seen: a small random encoder learns them by heart, MiniLM does not."""
    from paper_lessons.spert.experiments import names as experiment

    seeds = list(range(run.seed, run.seed + (3 if run.full else 1)))
    size: dict[str, Any] = {} if run.full else {"sentences": 80, "epochs": 2}
    with clear_errors():
        result = experiment.run(seeds=seeds, **size, **run.how())

    def table() -> list[list[str]]:
        rows = [["micro F1", "entities, seen", "strict, seen", "entities, new", "strict, new"]]
        for arm, found in result["arms"].items():
            scores = [[one[test][kind] for one in found["runs"]] for test in experiment.TESTS for kind in ("entities", "strict")]  # fmt: skip
            rows.append([arm, *map(_percent, scores)])
        return rows

    finish(run, LESSON, result, table, lambda axes: experiment.plot(result, axes[0]), panels=1)


@command(app)
def ablations(*, run: Long) -> None:
    """The paper's choices switched off one by one: negatives, context, pooling, width, pre-training."""
    from paper_lessons.spert.experiments import ablations as experiment

    seeds = list(range(run.seed, run.seed + (3 if run.full else 1)))
    size: dict[str, Any] = {} if run.full else {"sentences": 40, "test": 40, "epochs": 1}
    with clear_errors():
        result = experiment.run(seeds=seeds, **size, **run.how())

    def table() -> list[list[str]]:
        rows = [["micro F1 on new names", "entities", "strict", *experiment.LENGTHS]]
        for arm, found in result["arms"].items():
            scores = [
                [one["new"][kind] for one in found["runs"]] for kind in ("entities", "strict")
            ]
            by_length = [
                [one[part]["strict"] for one in found["runs"]] for part in experiment.LENGTHS
            ]
            rows.append([arm, *map(_percent, scores + by_length)])
        return rows

    finish(run, LESSON, result, table, lambda axes: experiment.plot(result, axes[0]), panels=1)


@command(app)
def conll04(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="With conll04_train, _test and _types.json.")
    ],
    *,
    encoder: Annotated[str, typer.Option("--encoder", metavar="NAME|DIR")] = "minilm",
    ablations: Annotated[
        bool, typer.Option("--ablations", help="The paper's choices switched off, with one seed.")
    ] = False,
    dev: Annotated[
        bool,
        typer.Option(
            "--dev", help="Train on the development part too, as the paper's final models."
        ),
    ] = False,
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="10 with --full, else 1.")
    ] = None,
    run: Long,
) -> None:
    """Newspaper sentences: entities and relations by MiniLM; --full takes ten epochs and three seeds."""
    from paper_lessons.spert.experiments import conll04 as experiment

    seeds = range(run.seed, run.seed + (3 if run.full and not ablations else 1))
    with clear_errors():
        result = experiment.run(
            folder,
            seeds=list(seeds),
            arms=experiment.ABLATIONS if ablations else experiment.ABLATIONS[:1],
            epochs=epochs or (None if run.full else 1),
            dev=dev,
            encoder=encoder,
            **run.how(),
        )

    def table() -> list[list[str]]:
        rows = [["F1 on the test part", *COLUMNS_OF_SCORES]]
        for arm, found in result["arms"].items():
            tests = [one["test"] for one in found["runs"]]
            rows.append([arm, *(_percent([one[name] for one in tests]) for name in tests[0])])
        return rows

    finish(run, LESSON, result, table, lambda axes: experiment.plot(result, axes[0]), panels=1)


def _percent(values: Sequence[float]) -> str:
    return mean_and_spread([value / 100 for value in values], scale=100)


def _load(folder: Path) -> SpanRelationExtractor:
    from paper_lessons.spert.extractor import SpanRelationExtractor

    return SpanRelationExtractor.from_pretrained(folder)


def _read(path: Path, types: Any) -> list[Document]:
    from paper_lessons.spert.data.formats import read_dygie_jsonl, read_spert_json

    if path.suffix == ".jsonl":
        return read_dygie_jsonl(path)
    return read_spert_json(path, types)


def _texts(given: Sequence[Path]) -> dict[str, str]:
    found = {}
    for one in given:
        files = sorted(one.rglob("*.txt")) if one.is_dir() else [one]
        if not files:
            raise ValueError(f"{one.name} must have .txt files, it has none")
        for file in files:
            name = file.relative_to(one).as_posix() if one.is_dir() else file.name
            try:
                found[name] = file.read_text(encoding="utf-8-sig")
            except UnicodeDecodeError as error:
                raise ValueError(f"{name}: must be UTF-8, byte {error.start} is not") from None
    return found


def _say_epoch(epoch: int, numbers: dict[str, float]) -> None:
    if first_process():
        said = ", ".join(f"{name} {value:.4g}" for name, value in numbers.items())
        typer.echo(f"epoch {epoch + 1}: {said}", err=True)


def _told(name: str, document: Document) -> str:
    lines = [name]
    lines += [
        f"  {one.start:>6}-{one.end:<6} {one.type:<12} {one.score:.2f}  {one.text}"
        for one in document.entities
    ]
    lines += [
        f"  {document.entities[one.head].text} -- {one.type} -> {document.entities[one.tail].text}  {one.score:.2f}"
        for one in document.relations
    ]
    return "\n".join(lines if len(lines) > 1 else [*lines, "  nothing found"])


def _as_csv(names: Sequence[str], documents: Sequence[Document]) -> str:
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\n")
    rows.writerow(COLUMNS)
    for name, document in zip(names, documents, strict=True):
        for one in document.entities:
            place = (one.start, one.end, one.text)
            rows.writerow([name, "entity", one.type, *place, "", "", "", f"{one.score:.4f}"])
        for link in document.relations:
            head, tail = document.entities[link.head], document.entities[link.tail]
            ends = (head.start, head.end, head.text, tail.start, tail.end, tail.text)
            rows.writerow([name, "relation", link.type, *ends, f"{link.score:.4f}"])
    return written.getvalue()


def _errors(document: dict[str, Any]) -> int:
    both = [*document["entities"], *document["relations"]]
    return sum(one["state"] != "right" for one in both)
