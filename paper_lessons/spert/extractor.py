"""The model with all that is around it: raw text in, entities and relations with their characters out."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch

from paper_lessons.files import write_atomically
from paper_lessons.spert.batches import WordPieces, by_length, encoder_limit
from paper_lessons.spert.decoding import Found, Given, Overlap, decode_batch
from paper_lessons.spert.documents import (
    Document,
    Entity,
    Relation,
    Types,
    annotate,
    in_text_order,
)
from paper_lessons.spert.encoders import MINILM, load_encoder, load_tokenizer
from paper_lessons.spert.evaluation import Evaluation, evaluate
from paper_lessons.spert.model import SpERT
from paper_lessons.spert.training import Training, train
from paper_lessons.spert.words import WordSplitter, find_words, sentence_starts, windows

SETTINGS = "extractor.json"
Mark = tuple[int, int] | tuple[int, int, str]
Window = tuple[int, int, int]


class SpanRelationExtractor:
    """Finds entities and relations in raw text.

    Parameters
    ----------
    model : SpERT
    tokenizer : transformers.PreTrainedTokenizerFast
    words : "basic" or callable
        How texts fall into words; see :func:`paper_lessons.spert.words.find_words`.

    Examples
    --------
    >>> from paper_lessons.spert import relation_corpus, small_encoder
    >>> corpus = relation_corpus(40, seed=0)
    >>> encoder, tokenizer = small_encoder([one.tokens for one in corpus.train], hidden=32)
    >>> model = SpERT(encoder, corpus.types.entities, corpus.types.relations)
    >>> extractor = SpanRelationExtractor(model, tokenizer)
    >>> extractor.predict("Ann Lee of Acme lives in Oslo.").tokens[:2]
    ['Ann', 'Lee']
    """

    def __init__(self, model: SpERT, tokenizer: Any, words: str | WordSplitter = "basic") -> None:
        self.model, self.tokenizer, self.words = model, tokenizer, words
        self.splitter = WordPieces(tokenizer, encoder_limit(model.encoder))

    @classmethod
    def from_encoder(
        cls,
        types: Types,
        encoder: str | Path = MINILM,
        *,
        words: str | WordSplitter = "basic",
        seed: int = 0,
        **options: Any,
    ) -> SpanRelationExtractor:
        """A model that is still to be trained, on an encoder that is.

        Parameters
        ----------
        types : Types
        encoder : str or Path
            As :func:`~paper_lessons.spert.encoders.load_encoder`.
        words : "basic" or callable
        seed : int
            Of the classifiers' first weights.
        **options
            Of :class:`SpERT`.

        Returns
        -------
        SpanRelationExtractor
        """
        network, tokenizer = load_encoder(encoder)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = SpERT(network, types.entities, types.relations, types.symmetric, **options)
        return cls(model, tokenizer, words)

    def fit(
        self,
        train_documents: Sequence[Document],
        dev: Sequence[Document] | None = None,
        *,
        checkpoint: str | Path | None = None,
        progress: bool = False,
        on_epoch: Callable[[int, dict[str, float]], None] | None = None,
        **how: Any,
    ) -> SpanRelationExtractor:
        """Train on documents.

        Parameters
        ----------
        train_documents : sequence of Document
        dev : sequence of Document, optional
            Evaluated after each epoch; the scores stand in ``history_``. Nothing is chosen by them.
        checkpoint, progress, on_epoch
            As :func:`~paper_lessons.spert.training.train`.
        **how
            Of :class:`~paper_lessons.spert.training.Training`.

        Returns
        -------
        SpanRelationExtractor
            Itself. ``history_`` has the losses of each epoch, and with ``dev`` its F1.
        """
        scores: dict[int, dict[str, float]] = {}

        def after(epoch: int, losses: dict[str, float]) -> None:
            if dev is not None:
                found = self.evaluate(dev)
                scores[epoch] = {
                    "dev_entities": found.entities.micro.f1,
                    "dev_strict": found.strict.micro.f1,
                }
            if on_epoch is not None:
                on_epoch(epoch, losses | scores.get(epoch, {}))

        history = train(
            self.model,
            self.tokenizer,
            train_documents,
            Training(**how),
            checkpoint=checkpoint,
            progress=progress,
            on_epoch=after,
        )
        self.history_ = [one | scores.get(epoch, {}) for epoch, one in enumerate(history)]
        return self

    def predict(
        self,
        texts: str | Sequence[str] | Sequence[Sequence[str]] | Sequence[Document],
        *,
        batch_size: int = 16,
        threshold: float = 0.4,
        overlap: Overlap = "all",
        entities: Sequence[Sequence[Mark]] | None = None,
        max_entities: int | None = None,
        window: Literal["sentence", "text"] = "sentence",
    ) -> Any:
        """Entities and relations of texts, or of sentences that are words already.

        Parameters
        ----------
        texts : str, or sequence of str, of lists of words, or of Document
            A text is split into words and sentences. Lists of words and documents are sentences as they are; what
            documents have is not looked at.
        batch_size : int
            Changes the time, not the result.
        threshold : float
            Relations of this probability or a higher one are kept.
        overlap : "all", "greedy" or "drop"
            All entities, as the paper; or the most certain ones that do not overlap; or none that overlaps another.
        entities : sequence of sequences of (start, end) or (start, end, type), optional
            Given entities of each text, in characters of a text, in words of lists of words and documents: only
            their relations are sought, and their types where they lack one.
        max_entities : int, optional
            Of one sentence, the most certain ones; 200 without it.
        window : "sentence" or "text"
            Whether relations are sought within sentences, or as far as the encoder can see.

        Returns
        -------
        Document, or list of Document
            A text gives one document. Entities and relations are in the text's order.

        Raises
        ------
        ValueError
            If an option is wrong or a given entity does not begin and end with words.

        Notes
        -----
        What is longer than the encoder takes is read in overlapping windows of whole sentences, or of words where a
        sentence is too long; of what two windows find, the more certain one counts.
        """
        if not 0 <= threshold <= 1:
            raise ValueError(f"threshold must lie in [0, 1], got {threshold}")
        if overlap not in ("all", "greedy", "drop"):
            raise ValueError(f"overlap must be 'all', 'greedy' or 'drop', got {overlap!r}")
        if window not in ("sentence", "text"):
            raise ValueError(f"window must be 'sentence' or 'text', got {window!r}")
        if isinstance(texts, str):
            if entities is not None and entities and not _is_list(entities[0]):
                raise ValueError("entities must be one list for each text, got one list of spans")
            return self.predict([texts], batch_size=batch_size, threshold=threshold, overlap=overlap,
                                entities=entities, max_entities=max_entities, window=window)[0]  # fmt: skip
        documents = [self._document(one) for one in texts]
        given = None
        if entities is not None:
            if len(entities) != len(documents):
                raise ValueError(
                    f"entities must be one list for each of {len(documents)} texts, got {len(entities)}"
                )
            given = [
                _as_words(marks, document, isinstance(text, str), self.model.types, number)
                for number, (marks, document, text) in enumerate(
                    zip(entities, documents, texts, strict=True)
                )
            ]
        parts, pieces = self._parts(documents, texts, window)
        found = self._decode(parts, pieces, given, batch_size, threshold, overlap, max_entities)
        return [
            self._merge(document, [(part, one) for part, one in zip(parts, found, strict=True) if part[0] == number])
            for number, document in enumerate(documents)
        ]  # fmt: skip

    __call__ = predict

    def evaluate(
        self,
        documents: Sequence[Document],
        *,
        overlapping: Literal["all", "drop"] = "all",
        **options: Any,
    ) -> Evaluation:
        """Scores on documents that people marked.

        Parameters
        ----------
        documents : sequence of Document
        overlapping : "all" or "drop"
            As :func:`~paper_lessons.spert.evaluation.evaluate`.
        **options
            Of :meth:`predict`.

        Returns
        -------
        Evaluation
        """
        found = self.predict(documents, **options)
        symmetric = self.model.types.symmetric
        return evaluate(documents, found, symmetric=symmetric, overlapping=overlapping)

    def save_pretrained(self, folder: str | Path) -> Path:
        """Write weights (safetensors), configuration and tokenizer into a folder.

        A splitter of your own is not written: pass it again when loading.

        Parameters
        ----------
        folder : str or Path

        Returns
        -------
        pathlib.Path
        """
        folder = Path(folder)
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        kept = {"words": self.words if isinstance(self.words, str) else "own"}
        write_atomically(folder / SETTINGS, json.dumps(kept) + "\n")
        return folder

    @classmethod
    def from_pretrained(
        cls, folder: str | Path, *, words: str | WordSplitter | None = None
    ) -> SpanRelationExtractor:
        """An extractor as it was saved.

        Parameters
        ----------
        folder : str or Path
        words : "basic" or callable, optional
            Needed where it was saved with a splitter of your own.

        Returns
        -------
        SpanRelationExtractor

        Raises
        ------
        ValueError
            If the folder has no extractor, or lacks its splitter.
        """
        folder = Path(folder)
        if not (folder / SETTINGS).is_file():
            raise ValueError(
                f"model must be a folder that save_pretrained wrote, got {str(folder)!r}"
            )
        kept = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))["words"]
        if words is None and kept == "own":
            raise ValueError(
                "words must be given: the extractor was saved with a splitter of its own"
            )
        # the tokenizer was trained with what is special to it, and needs nothing of the encoder's configuration
        with redirect_stdout(io.StringIO()):  # it would say that it loads
            model = SpERT.from_pretrained(folder, strict=True)
        return cls(model.eval(), load_tokenizer(folder), kept if words is None else words)

    def _document(self, text: str | Sequence[str] | Document) -> Document:
        if isinstance(text, Document):
            return replace(text, entities=(), relations=())
        if isinstance(text, str):
            return annotate(text, find_words(text, self.words))
        return Document.from_tokens([*text])

    def _parts(
        self, documents: Sequence[Document], texts: Sequence[Any], window: str
    ) -> tuple[list[Window], list[list[list[int]]]]:
        """Windows as (document, first word, word after the last), and the pieces of each document's words."""
        pieces = self.splitter.split([one.tokens for one in documents])
        parts: list[Window] = []
        for number, (document, text) in enumerate(zip(documents, texts, strict=True)):
            costs = [len(one) for one in pieces[number]]
            raw = isinstance(text, str)
            starts = sentence_starts(document.text, document.words) if raw else [0]
            ends = [*starts[1:], len(costs)] if starts else []
            whole = zip(starts, ends, strict=True) if window == "sentence" else [(0, len(costs))]
            for begin, end in whole:
                if begin == end:
                    continue
                room = self.splitter.room or sum(costs) or 1
                inside = [one - begin for one in starts if begin <= one < end]
                parts += [
                    (number, begin + first, begin + last)
                    for first, last in windows(costs[begin:end], room, inside, self.model.max_width)
                ]
        return parts, pieces

    def _decode(
        self,
        parts: Sequence[Window],
        pieces: Sequence[list[list[int]]],
        given: Sequence[Given] | None,
        batch_size: int,
        threshold: float,
        overlap: Overlap,
        max_entities: int | None,
    ) -> list[Found]:
        joined = [self.splitter.join(pieces[number][begin:end]) for number, begin, end in parts]
        found: list[Found] = [Found([], [])] * len(parts)
        training = self.model.training
        self.model.eval()
        try:
            for some in by_length([len(one.ids) for one in joined], batch_size):
                inside = None if given is None else [_inside(given, parts[i]) for i in some]
                results = decode_batch(
                    self.model,
                    self.splitter.batch([joined[i] for i in some]).to(self.model.device),
                    threshold=threshold,
                    overlap=overlap,
                    max_entities=max_entities,
                    entities=inside,
                )
                for i, one in zip(some, results, strict=True):
                    found[i] = one
        finally:
            self.model.train(training)
        return found

    def _merge(self, document: Document, found: Iterable[tuple[Window, Found]]) -> Document:
        """One document of its windows: of what two windows found, the more certain one."""
        entities: dict[tuple[int, int], tuple[float, int]] = {}
        relations: dict[tuple[tuple[int, int], tuple[int, int], int], float] = {}
        for (_, begin, _), one in found:
            spans = [(start + begin, end + begin) for start, end, _, _ in one.entities]
            for span, (_, _, kind, score) in zip(spans, one.entities, strict=True):
                if span not in entities or entities[span][0] < score:
                    entities[span] = score, kind
            for head, tail, kind, score in one.relations:
                key = spans[head], spans[tail], kind
                relations[key] = max(score, relations.get(key, 0.0))
        places = {span: place for place, span in enumerate(entities)}
        types = self.model.types
        made = []
        for (start, end), (score, kind) in entities.items():
            first, last = document.words[start][0], document.words[end - 1][1]
            text = document.text[first:last]
            made.append(Entity(types.entities[kind], first, last, text, start, end, score))
        linked = [
            Relation(types.relations[kind], places[head], places[tail], score)
            for (head, tail, kind), score in relations.items()
        ]
        return in_text_order(replace(document, entities=tuple(made), relations=tuple(linked)))


def _is_list(one: Any) -> bool:
    return isinstance(one, (list, tuple)) and (not one or isinstance(one[0], (list, tuple)))


def _inside(given: Sequence[Given], part: Window) -> Given:
    number, begin, end = part
    return [
        ((first - begin, last - begin), kind)
        for (first, last), kind in given[number]
        if begin <= first and last <= end
    ]


def _as_words(
    marks: Sequence[Mark], document: Document, characters: bool, types: Types, number: int
) -> Given:
    """Given entities in words, with the numbers of their types."""
    begins = {start: place for place, (start, _) in enumerate(document.words)}
    ends = {end: place + 1 for place, (_, end) in enumerate(document.words)}
    found: dict[tuple[int, int], int | None] = {}
    for mark in marks:
        start, end, *rest = mark
        if rest and rest[0] not in types.entities:
            raise ValueError(
                f"entities[{number}] must be of the types {', '.join(types.entities)}, got {rest[0]!r}"
            )
        if characters:
            if start not in begins or end not in ends or begins[start] >= ends[end]:
                raise ValueError(
                    f"entities[{number}] must begin and end with words, got ({start}, {end}): "
                    f"{document.text[start:end]!r}"
                )
            start, end = begins[start], ends[end]
        elif not 0 <= start < end <= len(document.words):
            raise ValueError(
                f"entities[{number}] must have 0 <= start < end <= {len(document.words)} words, "
                f"got ({start}, {end})"
            )
        found[start, end] = types.entities.index(rest[0]) if rest else None
    return list(found.items())
