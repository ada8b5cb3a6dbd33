"""What the classifiers are trained on: gold spans and pairs, and others that are none.

Source: section 3.2 of the paper: up to 100 random spans that are no entities, and *strong* negative pairs, made of gold entities
that are not related.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from paper_lessons.spert.batches import OnDevice
from paper_lessons.spert.documents import Document, Types, WordSpan, oriented
from paper_lessons.spert.spans import enumerate_spans, relation_pairs


@dataclass
class Samples(OnDevice):
    """Spans and pairs of a batch with their labels.

    Attributes
    ----------
    sentence : Int[Tensor, "spans"]
        Row of the batch.
    spans : Int[Tensor, "spans 2"]
        First word, and the word after the last.
    kinds : Int[Tensor, "spans"]
        Types of entities; 0 is none.
    pairs : Int[Tensor, "pairs 2"]
        Places of head and tail among the spans.
    labels : Float[Tensor, "pairs relations"]
        1 for each relation that holds; a pair may have several.
    """

    sentence: Int[Tensor, " spans"]
    spans: Int[Tensor, "spans 2"]
    kinds: Int[Tensor, " spans"]
    pairs: Int[Tensor, "pairs 2"]
    labels: Float[Tensor, "pairs relations"]


def negative_spans(
    words: int,
    entities: Sequence[WordSpan],
    count: int,
    generator: np.random.Generator,
    max_width: int = 10,
) -> list[WordSpan]:
    """Spans that are no entities, drawn uniformly and each at most once.

    Parameters
    ----------
    words : int
        Words of the sentence.
    entities : sequence of (int, int)
        Gold spans, which are not drawn.
    count : int
        At most so many.
    generator : numpy.random.Generator
    max_width : int

    Returns
    -------
    list of (int, int)

    Examples
    --------
    >>> sorted(negative_spans(2, [(0, 1)], 100, np.random.default_rng(0)))
    [(0, 2), (1, 2)]
    """
    taken = set(entities)
    free = [span for span in enumerate_spans(words, max_width) if span not in taken]
    return _some(free, count, generator)


def negative_pairs(
    count_spans: int,
    related: set[tuple[int, int]],
    count: int,
    generator: np.random.Generator,
) -> list[tuple[int, int]]:
    """Ordered pairs of spans without a relation, drawn uniformly and each at most once.

    Parameters
    ----------
    count_spans : int
        Spans that may be paired: the gold entities for strong negatives.
    related : set of (int, int)
        Pairs with a relation.
    count : int
        At most so many.
    generator : numpy.random.Generator

    Returns
    -------
    list of (int, int)

    Examples
    --------
    >>> sorted(negative_pairs(3, {(0, 1), (2, 1)}, 100, np.random.default_rng(0)))
    [(0, 2), (1, 0), (1, 2), (2, 0)]
    """
    free = [pair for pair in relation_pairs(count_spans) if pair not in related]
    return _some(free, count, generator)


def draw_samples(
    documents: Sequence[Document],
    types: Types,
    generators: Sequence[np.random.Generator],
    *,
    negatives: int = 100,
    negative_relations: int = 100,
    strong: bool = True,
    max_width: int = 10,
) -> Samples:
    """Positive and negative samples of a batch.

    Parameters
    ----------
    documents : sequence of Document
    types : Types
    generators : sequence of numpy.random.Generator
        One for each document, so that its draws do not depend on its batch.
    negatives, negative_relations : int
        At most, in each document.
    strong : bool
        Negative pairs are made of gold entities; else of all spans that were drawn.
    max_width : int
        Of negative spans. Wider entities are trained, though they can never be predicted.

    Returns
    -------
    Samples
    """
    entity_number = {name: place + 1 for place, name in enumerate(types.entities)}
    relation_number = {name: place for place, name in enumerate(types.relations)}
    sentence: list[int] = []
    spans: list[WordSpan] = []
    kinds: list[int] = []
    pairs: list[tuple[int, int]] = []
    labels: list[np.ndarray] = []
    for row, (document, generator) in enumerate(zip(documents, generators, strict=True)):
        gold = [one.words for one in document.entities]
        drawn = negative_spans(len(document.words), gold, negatives, generator, max_width)
        base = len(spans)
        spans += [*gold, *drawn]
        kinds += [entity_number[one.type] for one in document.entities] + [0] * len(drawn)
        sentence += [row] * (len(gold) + len(drawn))
        if not types.relations:
            continue
        related: dict[tuple[int, int], set[int]] = {}
        for one in document.relations:
            one = oriented(document, one, types.symmetric)
            related.setdefault((one.head, one.tail), set()).add(relation_number[one.type])
        paired = len(gold) if strong else len(gold) + len(drawn)
        without = negative_pairs(paired, set(related), negative_relations, generator)
        for head, tail in [*related, *without]:
            pairs.append((base + head, base + tail))
            row_labels = np.zeros(len(types.relations), np.float32)
            row_labels[list(related.get((head, tail), ()))] = 1.0
            labels.append(row_labels)
    return Samples(
        torch.tensor(sentence, dtype=torch.long),
        torch.tensor(spans, dtype=torch.long).reshape(-1, 2),
        torch.tensor(kinds, dtype=torch.long),
        torch.tensor(pairs, dtype=torch.long).reshape(-1, 2),
        torch.from_numpy(np.array(labels, np.float32).reshape(len(pairs), len(types.relations))),
    )


def _some(
    free: list[tuple[int, int]], count: int, generator: np.random.Generator
) -> list[tuple[int, int]]:
    if not free:
        return []
    return [free[i] for i in generator.choice(len(free), min(count, len(free)), replace=False)]
