"""Maxima over words without masks: running maxima for spans, a sparse table for whatever lies between two.

`wide` holds, for words i, the maximum of `words[i : i + width]`. Sentences of a batch are padded to the longest.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor


def word_maxpool(
    pieces: Float[Tensor, "batch pieces hidden"],
    first: Int[Tensor, "batch words"],
    counts: Int[Tensor, "batch words"],
    reduce: str = "max",
) -> Float[Tensor, "batch words hidden"]:
    """Maximum (or sum) over the pieces of each word; the first piece of most words is the only one.

    Parameters
    ----------
    pieces : Float[Tensor, "batch pieces hidden"]
    first : Int[Tensor, "batch words"]
        Place of each word's first piece.
    counts : Int[Tensor, "batch words"]
        Pieces of each word; 0 for padding.
    reduce : "max" or "sum"

    Returns
    -------
    Float[Tensor, "batch words hidden"]
    """
    batch, length, hidden = pieces.shape
    flat = pieces.reshape(batch * length, hidden)
    places = first + length * torch.arange(batch, device=first.device)[:, None]
    words = flat[places]  # (batch, words) -> (batch, words, hidden)
    for more in range(1, int(counts.max()) if counts.numel() else 0):
        some = (counts > more).nonzero(as_tuple=True)
        new = flat[places[some] + more]
        joined = torch.maximum(words[some], new) if reduce == "max" else words[some] + new
        words = words.index_put(some, joined)
    return words


def span_maxpool(
    words: Float[Tensor, "batch words hidden"], max_width: int = 10
) -> Iterator[Float[Tensor, "batch starts hidden"]]:
    """Maxima of all spans, one width after the other: of width w from those of width w - 1.

    Parameters
    ----------
    words : Float[Tensor, "batch words hidden"]
    max_width : int

    Yields
    ------
    Float[Tensor, "batch starts hidden"]
        For widths 1, 2, ...; ``starts`` is ``words - width + 1``.

    Examples
    --------
    >>> [one[0, :, 0].tolist() for one in span_maxpool(torch.tensor([[[1.0], [3.0], [2.0]]]), 2)]
    [[1.0, 3.0, 2.0], [3.0, 3.0]]
    """
    current = words
    for width in range(1, min(max_width, words.shape[1]) + 1):
        if width > 1:
            current = torch.maximum(current[:, :-1], words[:, width - 1 :])
        yield current


class MaxTable:
    """Maxima over any ranges of words: two look-ups each, whatever their length.

    Parameters
    ----------
    words : Float[Tensor, "batch words hidden"]

    Examples
    --------
    >>> table = MaxTable(torch.tensor([[[1.0], [3.0], [2.0]]]))
    >>> place = torch.tensor
    >>> table.ranges(place([0, 0]), place([0, 2]), place([3, 2])).tolist()
    [[3.0], [0.0]]
    """

    def __init__(self, words: Float[Tensor, "batch words hidden"]) -> None:
        self.levels = [words]  # level k holds maxima over 2^k words
        step = 1
        while 2 * step <= words.shape[1]:
            last = self.levels[-1]
            self.levels.append(torch.maximum(last[:, :-step], last[:, step:]))
            step *= 2

    def ranges(
        self,
        sentence: Int[Tensor, " ranges"],
        start: Int[Tensor, " ranges"],
        end: Int[Tensor, " ranges"],
    ) -> Float[Tensor, "ranges hidden"]:
        """Maximum over the words ``start, ..., end - 1`` of a sentence; zeros where there are none."""
        length = end - start
        level = torch.zeros_like(length)
        for k in range(1, len(self.levels)):
            level += length >= 1 << k
        out = self.levels[0].new_zeros(len(sentence), self.levels[0].shape[-1])
        for k, values in enumerate(self.levels):
            some = ((length > 0) & (level == k)).nonzero().squeeze(1)
            if not len(some):
                continue
            flat, row = values.flatten(0, 1), sentence[some] * values.shape[1]
            found = flat[row + start[some]]
            if k:
                found = torch.maximum(found, flat[row + end[some] - (1 << k)])
            out = out.index_copy(0, some, found)
        return out

    def widths(self, max_width: int) -> Iterator[Float[Tensor, "batch starts hidden"]]:
        """As :func:`span_maxpool`."""
        return span_maxpool(self.levels[0], max_width)


class SumTable:
    """Sums or means over ranges of words, for the paper's comparison of poolings. Means are over pieces.

    Parameters
    ----------
    words : Float[Tensor, "batch words hidden"]
        Sums over the pieces of each word.
    counts : Int[Tensor, "batch words"], optional
        Pieces of each word; with them, means.
    """

    def __init__(
        self,
        words: Float[Tensor, "batch words hidden"],
        counts: Int[Tensor, "batch words"] | None = None,
    ) -> None:
        self.sums = torch.nn.functional.pad(words.cumsum(1), (0, 0, 1, 0))
        weights = words.new_zeros(words.shape[:2]) if counts is None else counts.to(words.dtype)
        self.pieces = torch.nn.functional.pad(weights.cumsum(1), (1, 0))
        self.mean = counts is not None

    def ranges(
        self,
        sentence: Int[Tensor, " ranges"],
        start: Int[Tensor, " ranges"],
        end: Int[Tensor, " ranges"],
    ) -> Float[Tensor, "ranges hidden"]:
        """As :meth:`MaxTable.ranges`."""
        end = torch.maximum(start, end)
        total = self.sums[sentence, end] - self.sums[sentence, start]
        if not self.mean:
            return total
        pieces = self.pieces[sentence, end] - self.pieces[sentence, start]
        return total / pieces.clamp(min=1)[:, None]

    def widths(self, max_width: int) -> Iterator[Float[Tensor, "batch starts hidden"]]:
        """As :meth:`MaxTable.widths`."""
        for width in range(1, min(max_width, self.sums.shape[1] - 1) + 1):
            total = self.sums[:, width:] - self.sums[:, :-width]
            pieces = self.pieces[:, width:] - self.pieces[:, :-width]
            yield total / pieces.clamp(min=1)[..., None] if self.mean else total


def between_maxpool(
    table: MaxTable | SumTable,
    sentence: Int[Tensor, " pairs"],
    head: Int[Tensor, "pairs 2"],
    tail: Int[Tensor, "pairs 2"],
) -> Float[Tensor, "pairs hidden"]:
    """The localized context: the maximum over the words strictly between two spans; zeros where there are none.

    Parameters
    ----------
    table : MaxTable
    sentence : Int[Tensor, "pairs"]
    head, tail : Int[Tensor, "pairs 2"]
        First word, and the word after the last. It does not matter which of the two is the head.

    Returns
    -------
    Float[Tensor, "pairs hidden"]

    Examples
    --------
    >>> table = MaxTable(torch.tensor([[[1.0], [3.0], [2.0], [9.0]]]))
    >>> one, spans = torch.tensor([0]), (torch.tensor([[3, 4]]), torch.tensor([[0, 1]]))
    >>> between_maxpool(table, one, *spans).item()
    3.0
    """
    start = torch.minimum(head[:, 1], tail[:, 1])
    end = torch.maximum(head[:, 0], tail[:, 0])
    # where one lies in the other or they overlap, end <= start
    return table.ranges(sentence, start, end)
