"""Lesson 05 against its own encoder and against spans pooled with masks, as the reference pools them."""

from __future__ import annotations

import copy
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from harness import Bar, Ratio, Report, Timing, measure, ratio, run_python, table

from paper_lessons.provenance import library_hash
from paper_lessons.spert import decode_batch, load_encoder, relation_corpus
from paper_lessons.spert.batches import Pieces, WordPieces
from paper_lessons.spert.samples import draw_samples

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "spert"))
import naive

SEED = 0
# pieces of a sentence -> sentences in a batch, and how many times as long the masks must take
LENGTHS = {36: (16, 2.5), 246: (2, 15.0)}
ENCODER_BAR = 1 / 1.2
STEP_BAR = 1.8
MEMORY = 30 * 2**20
GROWTH = (18, 36, 72, 144, 246, 400)
FIRING = {"share": 0.013, "std": 0.02}  # of all spans: what a trained model calls entities

_PEAK = """
import sys
sys.path[:0] = {path!r}
import torch
torch.set_num_threads(1)
from bench_spert import subject, long_words
model, splitter = subject()
batch = splitter.batch([splitter.join(one) for one in splitter.split([long_words()])])
small = splitter.batch([splitter.join(one) for one in splitter.split([["in"] * 20])])
from paper_lessons.spert import decode_batch

def status(key):
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(key)) * 1024

def call(batch):
    with torch.inference_mode():
        if {whole}:
            decode_batch(model, batch)
        else:
            model.encoder(input_ids=batch.ids, attention_mask=batch.attention)

call(small)
before = status("VmRSS")
with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
    file.write("5")
call(batch)
print(status("VmHWM") - before)
"""


def subject(pieces: int | None = None) -> tuple[Any, WordPieces]:
    """MiniLM with random classifiers that call about as many spans entities as a trained model does, at this length."""
    corpus = relation_corpus(40, seed=SEED)
    encoder, tokenizer = load_encoder("minilm")
    splitter = WordPieces(tokenizer, 512)
    documents = corpus.train if pieces is None else sentences(splitter, pieces, 2)
    model = naive.firing(encoder, tokenizer, documents, corpus.types, **FIRING)
    model.relation.bias.data.fill_(-1.5)
    return model, splitter


def long_words(words: int = 400) -> list[str]:
    """Words of one piece each."""
    some = ["the", "bank", "in", "lives", "of", "works", "and", "left", "city", "house"]
    drawn = np.random.default_rng(SEED).integers(0, len(some), words)
    return [some[i] for i in drawn]


def sentences(splitter: WordPieces, pieces: int, count: int) -> list[Any]:
    """Documents of the corpus, joined and cut to a number of pieces."""
    from paper_lessons.spert import Document

    corpus = relation_corpus(400, seed=SEED).train
    found, words, entities, relations = [], [], [], []
    for document in corpus:
        base, place = len(words), len(entities)
        words += document.tokens
        entities += [(base + e.word_start, base + e.word_end, e.type) for e in document.entities]
        relations += [(place + r.head, place + r.tail, r.type) for r in document.relations]
        costs = np.cumsum([len(one) for one in splitter.split([words])[0]]) + 2
        if costs[-1] >= pieces:
            keep = int((costs <= pieces).sum())
            inside = [i for i, one in enumerate(entities) if one[1] <= keep]
            new = {old: i for i, old in enumerate(inside)}
            links = [(new[h], new[t], k) for h, t, k in relations if h in new and t in new]
            marks = [entities[i] for i in inside]
            found.append(Document.from_tokens(words[:keep], marks, links))
            words, entities, relations = [], [], []
        if len(found) == count:
            return found
    raise ValueError(f"the corpus is too small for {count} sentences of {pieces} pieces")


def run(*, quick: bool, peers: bool, build: Path) -> Report:
    """Measure everything; `peers` changes nothing here."""
    torch.set_num_threads(1)
    start = time.perf_counter()
    report = Report(
        lesson="05_spert",
        command="make bench LESSON=spert" + (" (quick)" if quick else ""),
        settings={"seed": SEED, "lengths": list(LENGTHS), "threads": 1, "quick": quick},
        sections={"library": library_hash("spert"), "inference": {}, "training": {}},
    )
    seconds = 8.0 if quick else 40.0
    for pieces, (count, bar) in LENGTHS.items():
        model, splitter = subject(pieces)
        _inference(report, model, splitter, pieces, count, bar, seconds)
        _training(report, model, splitter, pieces, count, seconds)
    _memory(report)
    model, splitter = subject()
    _growth(report, model, splitter, build, quick)
    if torch.cuda.is_available():
        _on_gpu(report, model, splitter)
    report.settings["seconds"] = round(time.perf_counter() - start)
    return report


def _joined(splitter: WordPieces, documents: list[Any]) -> list[Pieces]:
    return [splitter.join(one) for one in splitter.split([one.tokens for one in documents])]


def _encoder(model: Any, batch: Any) -> Callable[[], object]:
    def call() -> object:
        with torch.inference_mode():
            return model.encoder(input_ids=batch.ids, attention_mask=batch.attention)

    return call


def _inference(report, model, splitter, pieces, count, bar, seconds) -> None:
    joined = _joined(splitter, sentences(splitter, pieces, count))
    fast = decode_batch(model, splitter.batch(joined))
    slow = [naive.predict(model, one) for one in joined]
    if [len(one.entities) for one in fast] != [len(one[0]) for one in slow]:
        raise RuntimeError("the masks find other entities")
    rivals = {
        "ours": lambda: decode_batch(model, splitter.batch(joined)),
        "encoder alone": _encoder(model, splitter.batch(joined)),
        "masks": lambda: [naive.predict(model, one) for one in joined],
    }
    measured = measure(rivals, seconds=seconds, minimum_rounds=5)
    case = f"inference, {pieces} pieces, batch of {count}"
    report.bars += [
        Bar(case, "encoder alone, x ours", ENCODER_BAR, ratio(measured["encoder alone"], measured["ours"])),
        Bar(case, "masks one by one, x ours", bar, ratio(measured["masks"], measured["ours"])),
    ]  # fmt: skip
    entities = sum(len(one.entities) for one in fast) / count
    _tell(report, "inference", f"{case}, {entities:.1f} entities each", measured, count)


def _training(report, model, splitter, pieces, count, seconds) -> None:
    documents = sentences(splitter, pieces, count)
    joined = _joined(splitter, documents)
    generators = [np.random.default_rng([SEED, i]) for i in range(count)]
    samples = draw_samples(documents, model.types, generators)

    def stepper(loss: Callable[[Any], Any], fused: bool) -> Callable[[], None]:
        own = copy.deepcopy(model).train()
        # ours is the optimizer that `train` takes; the rival's is what PyTorch gives who does not ask
        optimizer = torch.optim.AdamW(own.parameters(), lr=1e-6, fused=fused or None)

        def step() -> None:
            loss(own).backward()
            optimizer.step()
            optimizer.zero_grad()

        return step

    rivals = {
        "ours": stepper(lambda own: own(splitter.batch(joined), samples), True),
        "masks": stepper(lambda own: naive.loss(own, joined, samples), False),
        # what no form of spans and pairs can go below
        "encoder alone": stepper(lambda own: _bare_loss(own, splitter.batch(joined)), True),
    }
    measured = measure(rivals, seconds=seconds, minimum_rounds=5)
    case = f"training step, {pieces} pieces, batch of {count}"
    report.bars.append(
        Bar(case, "masks, x ours", STEP_BAR, ratio(measured["masks"], measured["ours"]))
    )
    _tell(report, "training", case, measured, count)


def _bare_loss(model: Any, batch: Any) -> Any:
    states = model.encoder(input_ids=batch.ids, attention_mask=batch.attention).last_hidden_state
    return states.square().mean()


def _memory(report: Report) -> None:
    folders = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1] / "spert")]
    found: dict[str, float | None] = {}
    for name, whole in (("encoder", False), ("ours", True)):
        code = _PEAK.replace("{path!r}", repr(folders)).replace("{whole}", str(whole))
        found[name] = run_python(code) if Path("/proc/self/clear_refs").exists() else None
    more = None
    if None not in found.values():
        more = found["ours"] - found["encoder"]  # type: ignore[operator]
        print(f"\nMemory of a sentence of 400 words: {more / 2**20:.1f} MB above the encoder's")
    part = None if more is None else MEMORY / max(more, 2**20)
    measured = None if part is None else Ratio(part, part, part)
    report.sections["memory"] = {**found, "more": more}
    report.bars.append(
        Bar("memory, 400 words", "30 MB, x what is above the encoder's", 1.0, measured)
    )


def _growth(report, model, splitter, build: Path, quick: bool) -> None:
    import io

    import matplotlib

    from paper_lessons import plotting
    from paper_lessons.files import write_atomically

    rows = []
    for pieces in GROWTH[:3] if quick else GROWTH:
        batch = splitter.batch(_joined(splitter, sentences(splitter, pieces, 2)))
        rivals = {
            "ours": lambda batch=batch: decode_batch(model, batch),
            "encoder alone": _encoder(model, batch),
        }
        found = measure(rivals, seconds=3.0, minimum_rounds=5)
        rows.append((pieces, found["ours"].minimum / 2, found["encoder alone"].minimum / 2))
    report.sections["growth"] = [dict(zip(("pieces", "ours", "encoder"), row, strict=True)) for row in rows]  # fmt: skip
    print("\nCPU milliseconds of a sentence, by its length in pieces")
    print(table(["", *(str(row[0]) for row in rows)], [
        [name, *(f"{1e3 * row[i]:.1f}" for row in rows)] for i, name in ((1, "ours"), (2, "encoder alone"))
    ]))  # fmt: skip
    matplotlib.use("agg")
    plotting.use_style()
    figure, axis = plotting.figure(height=3.4)
    for i, name in ((1, "ours"), (2, "encoder alone")):
        axis.loglog([row[0] for row in rows], [1e3 * row[i] for row in rows], "o-", label=name)
    axis.set_xlabel("pieces of the sentence")
    axis.set_ylabel("CPU time (ms)")
    plotting.label_lines(axis)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="svg", facecolor="white")
    write_atomically(build / "spert_growth.svg", drawn.getvalue())
    report.notes.append("cost against length is drawn in spert_growth.svg, beside the record")


def _on_gpu(report, model, splitter) -> None:
    there = copy.deepcopy(model).cuda()
    rows = {}
    for pieces, count in ((36, 64), (246, 16)):
        batch = splitter.batch(_joined(splitter, sentences(splitter, pieces, count))).to("cuda")

        def timed(call: Callable[[], object]) -> Callable[[], None]:
            def synced() -> None:
                call()
                torch.cuda.synchronize()

            return synced

        rivals = {
            "ours": timed(lambda batch=batch: decode_batch(there, batch)),
            "encoder alone": timed(_encoder(there, batch)),
        }
        found = measure(rivals, seconds=3.0, minimum_rounds=9, clock=time.perf_counter)
        rows[f"{pieces} pieces, batch of {count}"] = {
            name: one.median / count for name, one in found.items()
        }
    report.sections["gpu"] = {"device": torch.cuda.get_device_name(), "seconds": rows}
    print(f"\n{torch.cuda.get_device_name()}, wall milliseconds a sentence")
    print(table(["", "ours", "encoder alone"], [
        [name, *(f"{1e3 * one[key]:.3f}" for key in ("ours", "encoder alone"))] for name, one in rows.items()
    ]))  # fmt: skip


def _tell(report: Report, section: str, case: str, measured: dict[str, Timing], count: int) -> None:
    report.sections[section][case] = {name: one.as_data() for name, one in measured.items()}
    print(f"\n{case}: CPU milliseconds a sentence")
    rows = [
        [name, f"{1e3 * one.median / count:.1f}", f"{one.median / measured['ours'].median:.2f}"]
        for name, one in measured.items()
    ]
    print(table(["", "median", "x ours"], rows))
