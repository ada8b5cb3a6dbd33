"""The model with all that is around it: raw text in, entities and relations with their characters out."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import PreTrainedModel

from paper_lessons.files import write_atomically
from paper_lessons.spert.batches import Pieces, WordPieces, by_length, encoder_limit
from paper_lessons.spert.decoding import (
    Found,
    Given,
    Overlap,
    decode_batch,
    given_in_words,
    merge_windows,
)
from paper_lessons.spert.documents import Document, Types, annotate
from paper_lessons.spert.encoders import MINILM, load_encoder, load_tokenizer
from paper_lessons.spert.evaluation import Evaluation, evaluate
from paper_lessons.spert.model import SpERT
from paper_lessons.spert.training import Training, train
from paper_lessons.spert.words import (
    WordSplitter,
    find_words,
    sentence_starts,
    windows,
)

SETTINGS = "extractor.json"
Mark = tuple[int, int] | tuple[int, int, str]


class SpanRelationExtractor:
    """Finds entities and relations in raw text.

    Parameters
    ----------
    model : SpERT
    tokenizer : transformers.PreTrainedTokenizerFast
    words : "basic" or callable
        How texts fall into words: by :func:`~paper_lessons.spert.split_words`, or by a function of yours that gives the
        words of a text, or their (start, end) in characters.

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
        encoder: str | Path | tuple[PreTrainedModel, Any] = MINILM,
        *,
        words: str | WordSplitter = "basic",
        seed: int = 0,
        **options: Any,
    ) -> SpanRelationExtractor:
        """A model that is still to be trained, on an encoder that is.

        Parameters
        ----------
        types : Types
        encoder : str, Path, or (transformers.PreTrainedModel, tokenizer)
            As :func:`~paper_lessons.spert.load_encoder`, or what that gives.
        words : "basic" or callable
        seed : int
            Of the classifiers' first weights.
        **options
            Of :class:`SpERT`.

        Returns
        -------
        SpanRelationExtractor
        """
        network, tokenizer = encoder if isinstance(encoder, tuple) else load_encoder(encoder)
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
            As :func:`~paper_lessons.spert.train`.
        **how
            Of :class:`~paper_lessons.spert.Training`.

        Returns
        -------
        SpanRelationExtractor
            Itself. ``history_`` has the losses of each epoch, and with ``dev`` its F1.
        """

        def after(epoch: int, losses: dict[str, float]) -> dict[str, float]:
            scores = {}
            if dev is not None:
                found = self.evaluate(dev)
                scores = {
                    "dev_entities": found.entities.micro.f1,
                    "dev_strict": found.strict.micro.f1,
                }
            if on_epoch is not None:
                on_epoch(epoch, losses | scores)
            return scores

        self.history_ = train(
            self.model,
            self.tokenizer,
            train_documents,
            Training(**how),
            checkpoint=checkpoint,
            progress=progress,
            on_epoch=after,
        )
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
        several: list[Any] = [texts] if isinstance(texts, str) else list(texts)
        documents = [self._document(one) for one in several]
        given = (
            None
            if entities is None
            else given_in_words(entities, documents, several, self.model.types.entities)
        )
        parts = self._parts(documents, several, window, given)
        how = {"threshold": threshold, "overlap": overlap, "max_entities": max_entities}
        found: list[list[tuple[int, Found]]] = [[] for _ in documents]
        for part, one in zip(parts, self._decode(parts, batch_size, how), strict=True):
            found[part.document].append((part.begin, one))
        policy: Overlap = "all" if given is not None else overlap
        results = [
            merge_windows(document, some, self.model.types, policy)
            for document, some in zip(documents, found, strict=True)
        ]
        return results[0] if isinstance(texts, str) else results

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
            As :func:`~paper_lessons.spert.evaluate`.
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
        self,
        documents: Sequence[Document],
        texts: Sequence[Any],
        window: str,
        given: Sequence[Given] | None,
    ) -> list[_Part]:
        """What the encoder reads at once: sentences, or whole texts, in windows where they are too long."""
        parts: list[_Part] = []
        coded = self.splitter.split([one.tokens for one in documents])
        for number, (document, text, pieces) in enumerate(
            zip(documents, texts, coded, strict=True)
        ):
            marks = None if given is None else given[number]
            starts = (
                sentence_starts(document.text, document.words) if isinstance(text, str) else [0]
            )
            # no sentence begins inside an entity that somebody gave
            starts = [one for one in starts if not any(a < one < b for (a, b), _ in marks or ())]
            whole = starts if window == "sentence" else [0]
            own: list[_Part] = []
            for begin, end in pairwise([*whole, len(pieces)]) if pieces else ():
                costs = [len(one) for one in pieces[begin:end]]
                inside = [one - begin for one in starts if begin <= one < end]
                room = self.splitter.room or sum(costs)
                for first, last in windows(costs, room, inside, self.model.max_width):
                    here = (begin + first, begin + last)
                    own.append(
                        _Part(number, *here, self.splitter.join(pieces[slice(*here)]), marks)
                    )
            for (start, end), _ in marks or ():
                if not any(one.begin <= start and end <= one.end for one in own):
                    raise ValueError(
                        f"entities[{number}] has ({start}, {end}) in words, which no window of the encoder holds"
                    )
            parts += own
        return parts

    def _decode(self, parts: Sequence[_Part], batch_size: int, how: dict[str, Any]) -> list[Found]:
        found: list[Found] = [Found([], [])] * len(parts)
        training = self.model.training
        self.model.eval()
        try:
            for some in by_length([len(one.pieces.ids) for one in parts], batch_size):
                batch = self.splitter.batch([parts[i].pieces for i in some]).to(self.model.device)
                given = (
                    [parts[i].inside() for i in some] if parts[some[0]].given is not None else None
                )
                results = decode_batch(self.model, batch, entities=given, **how)
                for i, one in zip(some, results, strict=True):
                    found[i] = one
        finally:
            self.model.train(training)
        return found


@dataclass(frozen=True)
class _Part:
    document: int
    begin: int
    end: int
    pieces: Pieces
    given: Given | None

    def inside(self) -> Given:
        """The given entities that lie in this part, counted from its first word."""
        return [
            ((start - self.begin, end - self.begin), kind)
            for (start, end), kind in self.given or ()
            if self.begin <= start and end <= self.end
        ]
