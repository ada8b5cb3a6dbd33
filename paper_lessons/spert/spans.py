"""Spans of words and pairs of spans, one by one: the definitions that the fast code must agree with.

A span (s, e) holds the words s, ..., e - 1. Source: section 3 of the paper.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from paper_lessons.spert.documents import WordSpan


def enumerate_spans(words: int, max_width: int = 10) -> list[WordSpan]:
    """All spans of a sentence, by width and then by start.

    Parameters
    ----------
    words : int
        Words of the sentence.
    max_width : int
        Words of the widest span.

    Returns
    -------
    list of (int, int)

    Raises
    ------
    ValueError
        If there are fewer than 0 words or the width is below 1.

    Examples
    --------
    >>> enumerate_spans(3, max_width=2)
    [(0, 1), (1, 2), (2, 3), (0, 2), (1, 3)]
    """
    if words < 0 or max_width < 1:
        raise ValueError(f"words must be >= 0 and max_width >= 1, got {words} and {max_width}")
    return [
        (start, start + width)
        for width in range(1, min(max_width, words) + 1)
        for start in range(words - width + 1)
    ]


def count_spans(words: int, max_width: int = 10) -> int:
    """Their number, without making them.

    Examples
    --------
    >>> count_spans(3, max_width=2), count_spans(0)
    (5, 0)
    """
    widest = min(max_width, words)
    return widest * words - widest * (widest - 1) // 2


def filter_spans(
    spans: Sequence[WordSpan], probabilities: Float[np.ndarray, "spans types"]
) -> list[tuple[WordSpan, int, float]]:
    """The spans whose most probable type is not 0, "no entity"; they may overlap.

    Parameters
    ----------
    spans : sequence of (int, int)
    probabilities : Float[np.ndarray, "spans types"]

    Returns
    -------
    list of ((int, int), type, probability)

    Examples
    --------
    >>> filter_spans([(0, 1), (0, 2)], np.array([[0.6, 0.4], [0.1, 0.9]]))
    [((0, 2), 1, 0.9)]
    """
    kinds = np.asarray(probabilities).argmax(1)
    return [
        (span, int(kind), float(row[kind]))
        for span, kind, row in zip(spans, kinds, probabilities, strict=True)
        if kind
    ]


def relation_pairs(count: int) -> list[tuple[int, int]]:
    """Ordered pairs of different entities.

    Examples
    --------
    >>> relation_pairs(3)
    [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]
    """
    return [(head, tail) for head in range(count) for tail in range(count) if head != tail]


def between(first: WordSpan, second: WordSpan) -> WordSpan:
    """The words strictly between two spans; an empty span where there are none.

    Examples
    --------
    >>> between((6, 7), (0, 2)), between((0, 2), (2, 3)), between((0, 4), (3, 4))
    ((2, 6), (2, 2), (4, 4))
    """
    start, end = min(first[1], second[1]), max(first[0], second[0])
    return start, max(start, end)
