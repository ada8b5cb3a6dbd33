"""From words to pieces and padded batches. Every word has at least one piece; words keep their places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor


@dataclass(frozen=True)
class Pieces:
    """The pieces of a sentence.

    Attributes
    ----------
    ids : Int[np.ndarray, "pieces"]
        With the tokenizer's signs around them.
    first, counts : Int[np.ndarray, "words"]
        Place of each word's first piece, and how many it has.
    """

    ids: Int[np.ndarray, " pieces"]
    first: Int[np.ndarray, " words"]
    counts: Int[np.ndarray, " words"]


class OnDevice:
    """A dataclass of tensors that can be moved."""

    def to(self, device: torch.device | str) -> Self:
        """The same on a device."""
        return type(self)(*(getattr(self, field.name).to(device) for field in fields(self)))  # type: ignore[arg-type]


@dataclass
class Batch(OnDevice):
    """Sentences padded to the longest.

    Attributes
    ----------
    ids, attention : Int[Tensor, "batch pieces"]
    words : Int[Tensor, "batch"]
        Words of each sentence.
    first, counts : Int[Tensor, "batch words"]
        As in :class:`Pieces`; padding has 0 pieces.
    """

    ids: Int[Tensor, "batch pieces"]
    attention: Int[Tensor, "batch pieces"]
    words: Int[Tensor, " batch"]
    first: Int[Tensor, "batch words"]
    counts: Int[Tensor, "batch words"]

    @property
    def real(self) -> Bool[Tensor, "batch words"]:
        """Which words are no padding."""
        return self.counts > 0


class WordPieces:
    """Splits words into the pieces of a tokenizer, as the tokenizer does with each word alone.

    Parameters
    ----------
    tokenizer : transformers.PreTrainedTokenizerFast
    limit : int, optional
        Positions that the encoder has, its signs included.

    Raises
    ------
    ValueError
        If the tokenizer has no sign to begin with, or none for what it does not know.
    """

    def __init__(self, tokenizer: Any, limit: int | None = None) -> None:
        self.tokenizer = tokenizer
        probe = tokenizer(["a"], is_split_into_words=True)
        places = [place for place, word in enumerate(probe.word_ids()) if word is not None]
        ids = probe["input_ids"]
        self.before, self.after = ids[: places[0]], ids[places[-1] + 1 :]
        if not self.before:
            start = next(
                (
                    one
                    for one in (tokenizer.cls_token_id, tokenizer.bos_token_id)
                    if one is not None
                ),
                None,
            )
            if start is None:
                raise ValueError(
                    "tokenizer must have a sign to begin with (cls_token or bos_token), it has none"
                )
            self.before = [start]
        # what a word without pieces becomes: control signs vanish in most tokenizers
        candidates = (tokenizer.unk_token_id, tokenizer.mask_token_id, tokenizer.pad_token_id)
        known = [one for one in candidates if one is not None]
        if not known:
            raise ValueError("tokenizer must have unk_token, mask_token or pad_token, it has none")
        self.unknown: int = known[0]
        self.padding = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
        self.limit = limit

    @property
    def room(self) -> int | None:
        """Pieces of words that fit into the encoder; None where it has no limit."""
        return None if self.limit is None else self.limit - len(self.before) - len(self.after)

    def split(self, sentences: Sequence[Sequence[str]]) -> list[list[list[int]]]:
        """The pieces of each word of each sentence.

        Parameters
        ----------
        sentences : sequence of sequences of str

        Returns
        -------
        list of lists of lists of int
            A word that would take more room than the encoder has is cut to what fits.
        """
        sentences = [list(one) for one in sentences]
        filled = [one for one in sentences if one]
        if not filled:
            return [[] for _ in sentences]
        coded = self.tokenizer(
            filled,
            is_split_into_words=True,
            add_special_tokens=False,
            truncation=False,
            verbose=False,  # longer ones than the encoder takes are cut into windows
        )
        unknown: list[int] = [self.unknown]
        found, row = [], 0
        for words in sentences:
            pieces: list[list[int]] = [[] for _ in words]
            if words:
                for piece, word in zip(coded["input_ids"][row], coded.word_ids(row), strict=True):
                    pieces[word].append(piece)
                row += 1
            found.append([(one or unknown)[: self.room] for one in pieces])
        return found

    def join(self, words: Sequence[Sequence[int]]) -> Pieces:
        """One sentence's pieces, with the tokenizer's signs around them.

        Parameters
        ----------
        words : sequence of sequences of int
            From :meth:`split`.

        Returns
        -------
        Pieces
        """
        counts = np.array([len(one) for one in words], dtype=np.int64)
        first = len(self.before) + np.cumsum(counts) - counts
        ids = [*self.before, *(piece for word in words for piece in word), *self.after]
        return Pieces(np.array(ids, dtype=np.int64), first, counts)

    def batch(self, sentences: Sequence[Pieces]) -> Batch:
        """Sentences side by side.

        Parameters
        ----------
        sentences : sequence of Pieces

        Returns
        -------
        Batch
        """
        length = max(len(one.ids) for one in sentences)
        words = max(1, *(len(one.counts) for one in sentences))
        ids = np.full((len(sentences), length), self.padding, dtype=np.int64)
        attention = np.zeros_like(ids)
        first = np.zeros((len(sentences), words), dtype=np.int64)
        counts = np.zeros_like(first)
        for row, one in enumerate(sentences):
            ids[row, : len(one.ids)], attention[row, : len(one.ids)] = one.ids, 1
            first[row, : len(one.first)], counts[row, : len(one.counts)] = one.first, one.counts
        sizes = np.array([len(one.counts) for one in sentences], dtype=np.int64)
        return Batch(*(torch.from_numpy(one) for one in (ids, attention, sizes, first, counts)))


def by_length(
    lengths: Sequence[int], size: int, generator: np.random.Generator | None = None, pool: int = 50
) -> list[list[int]]:
    """Batches of sentences of like length, so that little is padded.

    Parameters
    ----------
    lengths : sequence of int
    size : int
        Sentences in a batch.
    generator : numpy.random.Generator, optional
        For training: sentences are shuffled, sorted only within ``pool`` batches, and the batches shuffled again.
    pool : int

    Returns
    -------
    list of lists of int
        Places in ``lengths``, each once.

    Examples
    --------
    >>> by_length([5, 1, 4, 2], 2)
    [[1, 3], [2, 0]]
    """
    if size < 1:
        raise ValueError(f"batch_size must be at least 1, got {size}")
    order = np.arange(len(lengths)) if generator is None else generator.permutation(len(lengths))
    part = len(lengths) if generator is None else size * pool
    batches: list[list[int]] = []
    for begin in range(0, len(lengths), max(part, 1)):
        some = order[begin : begin + part]
        some = some[np.argsort(np.asarray(lengths)[some], kind="stable")]
        batches += [some[i : i + size].tolist() for i in range(0, len(some), size)]
    if generator is not None:
        generator.shuffle(batches)
    return batches


def encoder_limit(encoder: Any) -> int | None:
    """Positions that an encoder has; None where it counts them relative to one another.

    Parameters
    ----------
    encoder : transformers.PreTrainedModel

    Returns
    -------
    int or None
    """
    config = encoder.config
    limit = getattr(config, "max_position_embeddings", None)
    if limit is None or limit <= 0 or getattr(config, "position_biased_input", True) is False:
        return None
    embeddings = getattr(encoder, "embeddings", None)
    positions = getattr(embeddings, "position_embeddings", None)
    # RoBERTa counts positions from the padding index on
    offset = getattr(positions, "padding_idx", None)
    return limit - (0 if offset is None else offset + 1)
