"""Training as the paper does it, on one processor, one graphics card or many machines.

Everything random (order, negatives, dropout) follows from the seed and the epoch. So a run that was killed and goes on from its
last checkpoint comes to the same numbers as one that was not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from tqdm import tqdm

from paper_lessons.files import write_atomically
from paper_lessons.spert.batches import Pieces, WordPieces, by_length, encoder_limit
from paper_lessons.spert.documents import Document
from paper_lessons.spert.model import SpERT
from paper_lessons.spert.samples import Samples, draw_samples


@dataclass(frozen=True)
class Training:
    """How to train; the defaults are the paper's.

    Attributes
    ----------
    epochs, batch_size : int
    lr : float
        Peak of the learning rate, after a linear warm-up; it falls linearly to 0.
    head_lr : float, optional
        Of the classifiers and the width embedding; ``lr`` without it.
    warmup : float
        Share of the steps.
    weight_decay : float
        Not of biases and layer norms.
    clip : float
        Largest norm of the gradient.
    negatives, negative_relations : int
        Negative spans and pairs of each sentence, at most.
    strong : bool
        Negative pairs are made of gold entities.
    accumulate : int
        Batches whose gradients are added up before a step.
    freeze_embeddings : bool
        Leave the encoder's word embeddings as they are: half of a small encoder's parameters.
    layer_decay : float
        Each layer of the encoder learns at this multiple of the rate of the layer above it.
    mixed_precision : "no", "bf16" or "fp16", optional
        Without it bf16 on a graphics card that has it, else none.
    seed : int
    """

    epochs: int = 20
    batch_size: int = 2
    lr: float = 5e-5
    head_lr: float | None = None
    warmup: float = 0.1
    weight_decay: float = 0.01
    clip: float = 1.0
    negatives: int = 100
    negative_relations: int = 100
    strong: bool = True
    accumulate: int = 1
    freeze_embeddings: bool = False
    layer_decay: float = 1.0
    mixed_precision: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "accumulate"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("negatives", "negative_relations", "weight_decay"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        for name in ("lr", "clip", "layer_decay"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        if not 0 <= self.warmup < 1:
            raise ValueError(f"warmup must lie in [0, 1), got {self.warmup}")


def check_documents(documents: Sequence[Document], model: SpERT) -> None:
    """Refuse documents that the model has no types for.

    Parameters
    ----------
    documents : sequence of Document
    model : SpERT

    Raises
    ------
    ValueError
        Naming the document.
    """
    for number, document in enumerate(documents):
        for what, known in (
            ("entities", model.types.entities),
            ("relations", model.types.relations),
        ):
            for one in getattr(document, what):
                if one.type not in known:
                    raise ValueError(
                        f"document {number}: {what} must be of the types {', '.join(known) or '(none)'}, "
                        f"got {one.type!r}"
                    )


def train(
    model: SpERT,
    tokenizer: Any,
    documents: Sequence[Document],
    how: Training,
    *,
    checkpoint: str | Path | None = None,
    progress: bool = False,
    on_epoch: Callable[[int, dict[str, float]], dict[str, float] | None] | None = None,
) -> list[dict[str, float]]:
    """Train a model in place.

    Parameters
    ----------
    model : SpERT
    tokenizer : transformers.PreTrainedTokenizerFast
    documents : sequence of Document
    how : Training
    checkpoint : str or Path, optional
        Folder in which every epoch is kept, and from which a killed run of the same settings and documents goes on.
    progress : bool
        Whether to draw a bar of text on standard error.
    on_epoch : callable, optional
        Called with the epoch's number and its mean losses; the model may be used in between. What it returns is kept
        with the losses.

    Returns
    -------
    list of dict
        For each epoch the mean losses ``"entities"`` and ``"relations"``.

    Raises
    ------
    ValueError
        If there are no documents, one has a type that the model lacks, or more pieces than the encoder takes.
    """
    if not documents:
        raise ValueError("documents must have at least one, got none")
    check_documents(documents, model)
    accelerator = Accelerator(mixed_precision=_precision(how))
    splitter = WordPieces(tokenizer, encoder_limit(model.encoder))
    pieces = _pieces(documents, splitter)
    model.encoder.get_input_embeddings().weight.requires_grad_(not how.freeze_embeddings)
    per_epoch = -(-len(documents) // how.batch_size)
    shards = accelerator.num_processes
    steps = how.epochs * -(-per_epoch // (shards * how.accumulate))
    optimizer = torch.optim.AdamW(_groups(model, how), fused=model.device.type in ("cpu", "cuda"))
    prepared, optimizer = accelerator.prepare(model, optimizer)
    keeper = _Keeper(checkpoint, model, optimizer, how, documents, accelerator)
    history = keeper.resume()
    trained = [one for one in model.parameters() if one.requires_grad]
    step = len(history) * (steps // how.epochs)
    bar = tqdm(
        total=how.epochs * per_epoch,
        initial=len(history) * per_epoch,
        disable=not (progress and accelerator.is_main_process),
        unit="batch",
    )
    with bar, torch.random.fork_rng():
        for epoch in range(len(history), how.epochs):
            torch.manual_seed(_mixed(how.seed, epoch, accelerator.process_index))
            prepared.train()
            totals = {"entities": 0.0, "relations": 0.0}
            batches = _batches(pieces, how, epoch, accelerator)
            for number, some in enumerate(batches, start=1):
                samples = _samples([(i, documents[i]) for i in some], model, how, epoch)
                batch = splitter.batch([pieces[i] for i in some])
                losses = _step_loss(prepared, model, batch, samples, accelerator, how)
                for name in totals:
                    totals[name] += losses[name] / len(batches)
                if number % how.accumulate == 0 or number == len(batches):
                    accelerator.clip_grad_norm_(trained, how.clip)
                    _step(optimizer, _schedule(step, steps, how.warmup))
                    step += 1
                bar.update(shards)
            model.eval()
            said = on_epoch(epoch, dict(totals)) if on_epoch is not None else None
            history.append(totals | (said or {}))
            keeper.keep(history)
    keeper.finish()
    model.eval()
    return history


def _step(optimizer: torch.optim.Optimizer, share: float) -> None:
    """One step at a share of the peak learning rates."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * share
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def _step_loss(prepared, model, batch, samples, accelerator, how) -> dict[str, float]:
    batch, samples = batch.to(accelerator.device), samples.to(accelerator.device)
    with accelerator.autocast():
        if accelerator.num_processes == 1:
            losses = model.loss(batch, samples)
            total = losses["entities"] + losses["relations"]
        else:
            total = prepared(batch, samples)
            losses = {"entities": total.detach(), "relations": torch.zeros(())}
    accelerator.backward(total / how.accumulate)
    return {name: float(value.detach()) for name, value in losses.items()}


def _precision(how: Training) -> str:
    if how.mixed_precision is not None:
        return how.mixed_precision
    return "bf16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "no"


def _pieces(documents: Sequence[Document], splitter: WordPieces) -> list[Pieces]:
    pieces = [splitter.join(one) for one in splitter.split([one.tokens for one in documents])]
    for number, one in enumerate(pieces):
        if splitter.limit is not None and len(one.ids) > splitter.limit:
            raise ValueError(
                f"document {number} has {len(one.ids)} pieces, the encoder takes {splitter.limit}; "
                "train on its sentences one by one"
            )
    return pieces


def _mixed(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def _batches(
    pieces: Sequence[Pieces], how: Training, epoch: int, accelerator: Accelerator
) -> list[list[int]]:
    """This process's share of the epoch's batches; every process has as many."""
    generator = np.random.default_rng([how.seed, epoch])
    batches = by_length([len(one.ids) for one in pieces], how.batch_size, generator)
    shards = accelerator.num_processes
    batches += batches[: -len(batches) % shards]
    return batches[accelerator.process_index :: shards]


def _samples(
    some: Sequence[tuple[int, Document]], model: SpERT, how: Training, epoch: int
) -> Samples:
    return draw_samples(
        [document for _, document in some],
        model.types,
        [np.random.default_rng([how.seed, epoch, number]) for number, _ in some],
        negatives=how.negatives,
        negative_relations=how.negative_relations,
        strong=how.strong,
        max_width=model.max_width,
    )


def _schedule(step: int, steps: int, warmup: float) -> float:
    rising = warmup * steps
    if step + 1 < rising:
        return (step + 1) / rising
    return min(1.0, max(0.0, (steps - step) / max(1.0, steps - rising)))


def _groups(model: SpERT, how: Training) -> list[dict[str, Any]]:
    """Parameters by what their decay and their peak learning rate are."""
    layers = getattr(model.encoder.config, "num_hidden_layers", 0)
    norms = {
        f"{place}.{name}"
        for place, module in model.named_modules()
        if isinstance(module, nn.LayerNorm)
        for name, _ in module.named_parameters(recurse=False)
    }
    groups: dict[tuple[float, float], list[Tensor]] = {}
    for name, values in model.named_parameters():
        if not values.requires_grad:
            continue
        plain = name.endswith("bias") or name in norms
        rate = how.lr if how.head_lr is None else how.head_lr
        if name.startswith("encoder."):
            rate = how.lr * how.layer_decay ** (layers - _depth(name, layers))
        groups.setdefault((0.0 if plain else how.weight_decay, rate), []).append(values)
    return [
        {"params": values, "weight_decay": decay, "lr": rate, "peak": rate}
        for (decay, rate), values in groups.items()
    ]


def _depth(name: str, layers: int) -> int:
    """0 of embeddings, k + 1 of layer k; what belongs to no layer counts as the top."""
    if "embeddings" in name:
        return 0
    numbers = [int(part) for part in name.split(".") if part.isdecimal()]
    return numbers[0] + 1 if numbers and numbers[0] < layers else layers


class _Keeper:
    """Checkpoints: weights and the optimizer's moments as safetensors, all else as JSON."""

    def __init__(self, folder, model, optimizer, how, documents, accelerator) -> None:
        self.folder = None if folder is None else Path(folder)
        self.model, self.optimizer, self.accelerator = model, optimizer, accelerator
        digest = np.random.SeedSequence(list("".join(one.text for one in documents).encode()))
        self.settings = {
            **asdict(how),
            "documents": len(documents),
            "texts": [int(one) for one in digest.generate_state(2)],
            "processes": accelerator.num_processes,
            "types": asdict(model.types),
        }
        self.settings = json.loads(json.dumps(self.settings))

    def resume(self) -> list[dict[str, float]]:
        file = None if self.folder is None else self.folder / "progress.json"
        if file is None or not file.is_file():
            return []
        known = json.loads(file.read_text(encoding="utf-8"))
        if known["settings"] != self.settings:
            changed = sorted(
                name
                for name, value in self.settings.items()
                if known["settings"].get(name) != value
            )
            raise ValueError(
                f"checkpoint {str(self.folder)!r} is of a run with other {', '.join(changed)}; "
                "take another folder or remove it"
            )
        folder = file.parent / known["folder"]
        device = str(self.model.device)
        self.model.load_state_dict(load_file(folder / "model.safetensors", device=device))
        moments = load_file(folder / "optimizer.safetensors", device=device)
        state = self.optimizer.state_dict()
        state["state"] = {}
        for name, values in moments.items():
            number, _, key = name.partition(".")
            state["state"].setdefault(int(number), {})[key] = values
        self.optimizer.load_state_dict(state)
        return known["history"]

    def keep(self, history: list[dict[str, float]]) -> None:
        if self.folder is None or not self.accelerator.is_main_process:
            return
        name = f"epoch-{len(history)}"
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        _save(self.model.state_dict(), folder / "model.safetensors")
        moments = {
            f"{number}.{key}": values
            for number, some in self.optimizer.state_dict()["state"].items()
            for key, values in some.items()
        }
        _save(moments, folder / "optimizer.safetensors")
        # from here on this epoch counts: a run that dies before goes on from the epoch before
        written = {"settings": self.settings, "folder": name, "history": history}
        write_atomically(self.folder / "progress.json", json.dumps(written, indent=1))
        for old in self._kept():
            if old.name != name:
                _remove(old)

    def finish(self) -> None:
        self.accelerator.wait_for_everyone()
        if self.folder is not None and self.accelerator.is_main_process:
            for old in self._kept():
                _remove(old)
            (self.folder / "progress.json").unlink(missing_ok=True)

    def _kept(self) -> Iterator[Path]:
        return self.folder.glob("epoch-*")  # type: ignore[union-attr]


def _save(values: dict[str, Tensor], path: Path) -> None:
    save_file({name: one.detach().clone().contiguous() for name, one in values.items()}, path)


def _remove(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
