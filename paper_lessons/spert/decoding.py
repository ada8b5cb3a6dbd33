"""From scores to entities and relations, for a whole batch at once.

The linear layers are split: [a; b] W = a W_a + b W_b. So no span's or pair's vector is ever joined, what spans of one
sentence share is computed once, and only what survives leaves the tensors.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from paper_lessons.spert.batches import Batch
from paper_lessons.spert.documents import (
    Document,
    Entity,
    Relation,
    Types,
    WordSpan,
    in_text_order,
    overlap,
)
from paper_lessons.spert.model import SpERT
from paper_lessons.spert.words import word_spans

Overlap = Literal["all", "greedy", "drop"]
Given = Sequence[tuple[WordSpan, int | None]]

CAP = 200  # entities of one sentence that are paired where nobody says how many
PAIRS = 1 << 15  # pairs whose contexts are in memory at once


@dataclass
class Found:
    """What a sentence has: entities as (start, end, type, score) in words, relations as (head, tail, type, score)."""

    entities: list[tuple[int, int, int, float]]
    relations: list[tuple[int, int, int, float]]


@dataclass
class _Spans:
    sentence: Int[Tensor, " spans"]
    spans: Int[Tensor, "spans 2"]
    kinds: Int[Tensor, " spans"]
    scores: Float[Tensor, " spans"]
    pooled: Float[Tensor, "spans hidden"]

    def take(self, places: Tensor) -> _Spans:
        return _Spans(*(getattr(self, name)[places] for name in self.__dataclass_fields__))


def given_in_words(
    entities: Sequence[Any],
    documents: Sequence[Document],
    texts: Sequence[Any],
    types: Sequence[str],
) -> list[Given]:
    """Given entities of each text in words, with the numbers of their types.

    Parameters
    ----------
    entities : sequence of sequences of (start, end) or (start, end, type)
        In characters where the text is a string, else in words.
    documents : sequence of Document
        The texts' words.
    texts : sequence
    types : sequence of str

    Returns
    -------
    list of sequences of ((int, int), int or None)

    Raises
    ------
    ValueError
        If there is not one list for each text, or one is not in the text or of no known type.
    """
    if len(entities) != len(documents) or not all(map(_is_list, entities)):
        raise ValueError(
            f"entities must be one list of spans for each text, of which there are {len(documents)}, "
            f"got {entities!r:.80}"
        )
    found: list[Given] = []
    for number, (marks, document) in enumerate(zip(entities, documents, strict=True)):
        spans = [(start, end) for start, end, *_ in marks]
        if isinstance(texts[number], str):
            spans = word_spans(document.text, document.words, spans, f"entities[{number}]")
        numbers: list[int | None] = []
        for (start, end), (_, _, *kind) in zip(spans, marks, strict=True):
            if not 0 <= start < end <= len(document.words):
                raise ValueError(
                    f"entities[{number}] must have 0 <= start < end <= {len(document.words)} words, "
                    f"got ({start}, {end})"
                )
            if kind and kind[0] not in types:
                raise ValueError(
                    f"entities[{number}] must be of the types {', '.join(types)}, got {kind[0]!r}"
                )
            numbers.append(types.index(kind[0]) if kind else None)
        found.append(list(dict(zip(spans, numbers, strict=True)).items()))
    return found


def _is_list(one: Any) -> bool:
    return isinstance(one, (list, tuple)) and (not one or isinstance(one[0], (list, tuple)))


@torch.inference_mode()
def decode_batch(
    model: SpERT,
    batch: Batch,
    *,
    threshold: float = 0.4,
    overlap: Overlap = "all",
    max_entities: int | None = None,
    entities: Sequence[Given] | None = None,
) -> list[Found]:
    """Entities and relations of each sentence of a batch.

    Parameters
    ----------
    model : SpERT
        In evaluation mode.
    batch : Batch
    threshold : float
        Relations of this probability or a higher one are kept.
    overlap : "all", "greedy" or "drop"
        All entities; the most certain ones that do not overlap (not the paper's); none that overlaps another.
    max_entities : int, optional
        The most certain ones of each sentence are kept and paired. Without it 200, with a warning where that bites.
    entities : sequence of sequences of ((int, int), type or None), optional
        Given ones for each sentence; the type of those without one is the model's most probable.

    Returns
    -------
    list of Found
        Entities by width and start.
    """
    cls, table = model.encode(batch)
    if entities is None:
        found = _entities(model, batch, cls, table)
        found = _kept(found, len(batch.words), overlap, max_entities)
    else:
        found = _given(model, cls, table, entities)
    results = [Found([], []) for _ in range(len(batch.words))]
    rows = zip(
        found.sentence.tolist(),
        found.spans.tolist(),
        found.kinds.tolist(),
        found.scores.tolist(),
        strict=True,
    )
    place = []
    for sentence, (start, end), kind, score in rows:
        place.append(len(results[sentence].entities))
        results[sentence].entities.append((start, end, kind - 1, score))
    if model.types.relations and len(place) > 1:
        for head, tail, kind, score in _relations(model, batch, cls, table, found, threshold):
            at = int(found.sentence[head])
            results[at].relations.append((place[head], place[tail], kind, score))
    return results


def merge_windows(
    document: Document, found: Iterable[tuple[int, Found]], types: Types, policy: Overlap = "all"
) -> Document:
    """One document of what was found in its windows: of what two windows found, the more certain one.

    Parameters
    ----------
    document : Document
        Its entities and relations are replaced.
    found : iterable of (int, Found)
        With the first word of each window.
    types : Types
    policy : "all", "greedy" or "drop"
        Windows that overlap can give entities that do.

    Returns
    -------
    Document
    """
    entities: dict[WordSpan, tuple[float, int]] = {}
    relations: dict[tuple[WordSpan, WordSpan, int], float] = {}
    for begin, one in found:
        spans = [(start + begin, end + begin) for start, end, _, _ in one.entities]
        for span, (_, _, kind, score) in zip(spans, one.entities, strict=True):
            if span not in entities or entities[span][0] < score:
                entities[span] = score, kind
        for head, tail, kind, score in one.relations:
            key = spans[head], spans[tail], kind
            relations[key] = max(score, relations.get(key, 0.0))
    all_spans = list(entities)
    kept = _chosen(all_spans, [entities[span][0] for span in all_spans], policy)
    places = {all_spans[i]: place for place, i in enumerate(kept)}
    made = []
    for start, end in places:
        score, kind = entities[start, end]
        first, last = document.words[start][0], document.words[end - 1][1]
        text = document.text[first:last]
        made.append(Entity(types.entities[kind], first, last, text, start, end, score))
    linked = [
        Relation(types.relations[kind], places[head], places[tail], score)
        for (head, tail, kind), score in relations.items()
        if head in places and tail in places
    ]
    return in_text_order(replace(document, entities=tuple(made), relations=tuple(linked)))


def _entity_parts(model: SpERT) -> tuple[Tensor, Tensor, Tensor]:
    hidden, weight = model.hidden, model.entity.weight
    return weight[:, :hidden].T, weight[:, hidden : 2 * hidden].T, weight[:, 2 * hidden :].T


def _entities(model: SpERT, batch: Batch, cls: Tensor, table) -> _Spans:
    for_cls, for_span, for_width = _entity_parts(model)
    shared = cls @ for_cls + model.entity.bias
    by_width = model.width.weight[: model.max_width + 1] @ for_width
    found: list[list[Tensor]] = []
    for width, pooled in enumerate(table.widths(model.max_width), start=1):
        logits = pooled @ for_span + (shared[:, None] + by_width[width])
        starts = torch.arange(pooled.shape[1], device=cls.device)
        real = starts + width <= batch.words[:, None]
        sentence, start = ((logits.argmax(-1) > 0) & real).nonzero(
            as_tuple=True,
        )
        score, kind = logits[sentence, start].float().softmax(-1).max(-1)
        spans = torch.stack([start, start + width], 1)
        found.append(
            [sentence, spans, kind, score, pooled[sentence, start]],
        )
    joined = _Spans(
        *(torch.cat(parts) for parts in zip(*found, strict=True)),
    )
    return joined.take(torch.argsort(joined.sentence, stable=True))


def _kept(found: _Spans, sentences: int, policy: Overlap, max_entities: int | None) -> _Spans:
    """The entities that stay: without overlaps, and no more of a sentence than are allowed."""
    cap = CAP if max_entities is None else max_entities
    counts = torch.bincount(found.sentence, minlength=sentences)
    crowded = bool((counts > cap).any())
    if policy == "all" and not crowded:
        return found
    if crowded and max_entities is None:
        warnings.warn(
            f"a sentence has {int(counts.max())} entities; the {CAP} most certain are kept "
            "(max_entities=... takes more). Is the model trained?",
            UserWarning,
            stacklevel=4,
        )
    spans, scores = [tuple(one) for one in found.spans.tolist()], found.scores.tolist()
    keep: list[int] = []
    end = 0
    for count in counts.tolist():
        begin, end = end, end + count
        chosen = _chosen(spans[begin:end], scores[begin:end], policy)
        keep += sorted(begin + i for i in chosen[:cap])
    return found.take(torch.tensor(keep, dtype=torch.long, device=found.spans.device))


def _chosen(spans: Sequence[WordSpan], scores: Sequence[float], policy: Overlap) -> list[int]:
    """Places of the entities that stay, the most certain first."""
    order = sorted(range(len(spans)), key=lambda i: -scores[i])  # stable: ties keep their order
    if policy == "drop":
        return [i for i in order if not any(overlap(spans[i], spans[j]) for j in order if i != j)]
    if policy == "all":
        return order
    chosen: list[int] = []
    for i in order:
        if not any(overlap(spans[i], spans[j]) for j in chosen):
            chosen.append(i)
    return chosen


def _given(model: SpERT, cls: Tensor, table, entities: Sequence[Given]) -> _Spans:
    device = cls.device
    rows = [(row, span, kind) for row, some in enumerate(entities) for span, kind in some]
    sentence = torch.tensor([row for row, _, _ in rows], dtype=torch.long, device=device)
    spans = torch.tensor([span for _, span, _ in rows], dtype=torch.long, device=device).reshape(
        -1, 2
    )
    pooled = table.ranges(sentence, spans[:, 0], spans[:, 1])
    for_cls, for_span, for_width = _entity_parts(model)
    logits = cls[sentence] @ for_cls + pooled @ for_span + model.widths(spans) @ for_width
    guessed = (logits + model.entity.bias)[:, 1:].float().softmax(-1)
    score, kind = guessed.max(-1)
    known = torch.tensor([-1 if one is None else one for _, _, one in rows], device=device)
    kinds = torch.where(known < 0, kind, known) + 1
    return _Spans(sentence, spans, kinds, torch.where(known < 0, score, 1.0), pooled)


def _relations(
    model: SpERT, batch: Batch, cls: Tensor, table, found: _Spans, threshold: float
) -> list[tuple[int, int, int, float]]:
    hidden, weight = model.hidden, model.relation.weight
    dimension = model.width.embedding_dim
    ends = [hidden, hidden, hidden, dimension, dimension]
    for_context, for_head, for_tail, head_width, tail_width = (
        one.T for one in weight.split(ends, 1)
    )
    widths = model.widths(found.spans)
    as_head = found.pooled @ for_head + widths @ head_width + model.relation.bias
    as_tail = found.pooled @ for_tail + widths @ tail_width
    symmetric = torch.tensor(
        [one in model.types.symmetric for one in model.types.relations], device=cls.device
    )
    kept: list[tuple[int, int, int, float]] = []
    first, second = _unordered_pairs(found.sentence, len(batch.words))
    for begin in range(0, len(first), PAIRS):
        # what lies between two spans is the same in both directions
        i, j = first[begin : begin + PAIRS], second[begin : begin + PAIRS]
        at = found.sentence[i]
        context = (
            model.contexts(cls, table, batch, at, found.spans[i], found.spans[j]) @ for_context
        )
        forth = torch.sigmoid((as_head[i] + as_tail[j] + context).float())
        back = torch.sigmoid((as_head[j] + as_tail[i] + context).float())
        # i comes before j in the order of pairs: of a symmetric type its score is the one that counts if both are kept
        back = torch.where(symmetric & (forth >= threshold), -1.0, back)
        for scores, heads, tails in ((forth, i, j), (back, j, i)):
            pair, kind = (scores >= threshold).nonzero(as_tuple=True)
            kept += zip(
                heads[pair].tolist(),
                tails[pair].tolist(),
                kind.tolist(),
                scores[pair, kind].tolist(),
                strict=True,
            )
    names, spans = model.types.relations, found.spans.tolist()
    turned = [
        (tail, head, kind, score)
        if names[kind] in model.types.symmetric and spans[tail] < spans[head]
        else (head, tail, kind, score)
        for head, tail, kind, score in kept
    ]
    return sorted(turned)


def _unordered_pairs(sentence: Int[Tensor, " spans"], sentences: int) -> tuple[Tensor, Tensor]:
    """Places i < j of the same sentence; spans are sorted by sentence."""
    counts = torch.bincount(sentence, minlength=sentences)
    ends = counts.cumsum(0)[sentence]
    places = torch.arange(len(sentence), device=sentence.device)
    partners = ends - places - 1
    first = torch.repeat_interleave(places, partners)
    start = partners.cumsum(0) - partners
    second = torch.arange(len(first), device=sentence.device) - start[first] + first + 1
    return first, second
