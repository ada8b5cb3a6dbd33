"""Precision, recall and F1 of entities, of relations, and of relations with their entities' types.

An entity counts if its words and its type are right. A relation counts if its two spans and its type are right; *strict* ones
also need the types of both entities ("with NEC" in the paper's tables). Everything is a set: what comes twice counts once.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from paper_lessons.spert.documents import Document, oriented, overlap

# Of what was found, then of what was missed.
KINDS = {
    "entities": ["right", "wrong type", "wrong border", "nothing there", "missed"],
    "relations": [
        *("right", "wrong entity", "wrong direction", "wrong type", "not related"),
        *("entity missed", "entities found"),
    ],
}


@dataclass(frozen=True)
class Score:
    """Shares in percent.

    Attributes
    ----------
    precision, recall, f1 : float
    gold, predicted, right : int
    """

    precision: float
    recall: float
    f1: float
    gold: int
    predicted: int
    right: int

    @classmethod
    def of(cls, gold: int, predicted: int, right: int) -> Score:
        """From counts; a share of nothing is 0.

        Examples
        --------
        >>> Score.of(gold=4, predicted=2, right=1).f1
        33.333...
        """
        precision = 100 * right / predicted if predicted else 0.0
        recall = 100 * right / gold if gold else 0.0
        both = precision + recall
        return cls(
            precision,
            recall,
            2 * precision * recall / both if both else 0.0,
            gold,
            predicted,
            right,
        )


@dataclass(frozen=True)
class Scores:
    """Of one question.

    Attributes
    ----------
    micro : Score
        All types together.
    macro : Score
        Mean over the types that occur in gold or prediction; counts are those of ``micro``.
    types : dict of str to Score
    """

    micro: Score
    macro: Score
    types: dict[str, Score]


@dataclass(frozen=True)
class Evaluation:
    """Of some documents.

    Attributes
    ----------
    entities, relations, strict : Scores
        ``strict`` also asks for the entities' types.
    """

    entities: Scores
    relations: Scores
    strict: Scores

    def __str__(self) -> str:
        lines = [f"{'':<24}precision  recall      F1   gold"]
        for name in ("entities", "relations", "strict"):
            scores: Scores = getattr(self, name)
            rows = {f"{name}, micro": scores.micro, f"{name}, macro": scores.macro}
            rows |= {f"  {kind}": one for kind, one in scores.types.items()}
            lines += [
                f"{title:<24}{one.precision:9.2f}{one.recall:8.2f}{one.f1:8.2f}{one.gold:7}"
                for title, one in rows.items()
            ]
        return "\n".join(lines)


def evaluate(
    gold: Sequence[Document],
    predicted: Sequence[Document],
    *,
    symmetric: Sequence[str] = (),
    overlapping: Literal["all", "drop"] = "all",
) -> Evaluation:
    """How well predictions agree with what people marked.

    Parameters
    ----------
    gold, predicted : sequence of Document
        The same sentences with the same words.
    symmetric : sequence of str
        Relations whose direction does not count.
    overlapping : "all" or "drop"
        "drop" is the paper's filter for comparisons with models that cannot nest: in gold and prediction, all
        entities that overlap another one are left out, and relations whose two entities overlap. It decodes nothing.

    Returns
    -------
    Evaluation

    Raises
    ------
    ValueError
        If there are not as many predictions, or one has other words.

    Examples
    --------
    >>> tokens = "Ann Lee of Acme lives in Oslo".split()
    >>> gold = Document.from_tokens(tokens, [(0, 2, "Person"), (6, 7, "Place")], [(0, 1, "lives_in")])
    >>> found = Document.from_tokens(tokens, [(0, 2, "Person"), (6, 7, "Org")], [(0, 1, "lives_in")])
    >>> scores = evaluate([gold], [found])
    >>> scores.entities.micro.f1, scores.relations.micro.f1, scores.strict.micro.f1
    (50.0, 100.0, 0.0)
    """
    if overlapping not in ("all", "drop"):
        raise ValueError(f"overlapping must be 'all' or 'drop', got {overlapping!r}")
    if len(gold) != len(predicted):
        raise ValueError(f"predicted must have {len(gold)} documents as gold, got {len(predicted)}")
    sides: list[list[set[tuple[Hashable, ...]]]] = [[set(), set(), set()] for _ in range(2)]
    for number, documents in enumerate(zip(gold, predicted, strict=True)):
        if documents[0].tokens != documents[1].tokens:
            raise ValueError(
                f"predicted[{number}] must have the words of gold[{number}], it has others"
            )
        for side, document in zip(sides, documents, strict=True):
            for kept, new in zip(
                side, _facts(document, symmetric, overlapping == "drop"), strict=True
            ):
                kept.update((number, *one) for one in new)
    return Evaluation(*(_scores(*pair) for pair in zip(*sides, strict=True)))


def error_kinds(
    gold: Sequence[Document], predicted: Sequence[Document], *, symmetric: Sequence[str] = ()
) -> dict[str, dict[str, int]]:
    """What is behind the scores: counts of what is right, of each kind of false find, and of what is missed.

    Parameters
    ----------
    gold, predicted : sequence of Document
        As :func:`evaluate`.
    symmetric : sequence of str

    Returns
    -------
    dict of str to dict of str to int
        ``"entities"``: ``"right"``; found with the ``"wrong type"``, with a ``"wrong border"`` (it shares a word with a
        gold entity), with ``"nothing there"``; and gold ones ``"missed"``, of which no word was found.
        ``"relations"``, strict: ``"right"``; found with a ``"wrong entity"``, in the ``"wrong direction"``, of the
        ``"wrong type"``, or ``"not related"``; and gold ones missed with an ``"entity missed"`` or with
        ``"entities found"``.

    Examples
    --------
    >>> tokens = "Ann Lee of Acme lives in Oslo".split()
    >>> gold = Document.from_tokens(tokens, [(0, 2, "Person"), (6, 7, "Place")], [(0, 1, "lives_in")])
    >>> found = Document.from_tokens(tokens, [(0, 1, "Person"), (6, 7, "Place")], [(0, 1, "lives_in")])
    >>> {kind: count for kind, count in error_kinds([gold], [found])["relations"].items() if count}
    {'wrong entity': 1, 'entity missed': 1}
    """
    counts = {what: dict.fromkeys(kinds, 0) for what, kinds in KINDS.items()}
    for one, two in zip(gold, predicted, strict=True):
        marked, found = ({each.words: each.type for each in side.entities} for side in (one, two))
        for span, kind in found.items():
            if span in marked:
                why = "right" if marked[span] == kind else "wrong type"
            else:
                near = any(overlap(span, other) for other in marked)
                why = "wrong border" if near else "nothing there"
            counts["entities"][why] += 1
        counts["entities"]["missed"] += sum(
            not any(overlap(span, other) for other in found) for span in marked
        )
        wanted, given = (set(_facts(side, symmetric, False)[2]) for side in (one, two))
        pairs = {fact[:4] for fact in wanted}
        for fact in given:
            head, head_type, tail, tail_type, _ = fact
            if fact in wanted:
                why = "right"
            elif marked.get(head) != head_type or marked.get(tail) != tail_type:
                why = "wrong entity"
            elif fact[:4] in pairs:
                why = "wrong type"
            else:
                turned = (tail, tail_type, head, head_type) in pairs
                why = "wrong direction" if turned else "not related"
            counts["relations"][why] += 1
        for head, head_type, tail, tail_type, _ in wanted - given:
            both = found.get(head) == head_type and found.get(tail) == tail_type
            counts["relations"]["entities found" if both else "entity missed"] += 1
    return counts


def _facts(
    document: Document, symmetric: Sequence[str], drop: bool
) -> tuple[list[tuple], list[tuple], list[tuple]]:
    """What counts for each of the three questions; a fact ends with its type."""
    entities = document.entities
    alone = [
        one
        for one in entities
        if not (drop and any(overlap(one.words, two.words) for two in entities if two is not one))
    ]
    relations, strict = [], []
    for one in document.relations:
        one = oriented(document, one, symmetric)
        head, tail = entities[one.head], entities[one.tail]
        if drop and overlap(head.words, tail.words):
            continue
        relations.append((head.words, tail.words, one.type))
        strict.append((head.words, head.type, tail.words, tail.type, one.type))
    return [(*one.words, one.type) for one in alone], relations, strict


def _scores(gold: set[tuple], predicted: set[tuple]) -> Scores:
    kinds = sorted({one[-1] for one in gold | predicted})
    types = {}
    for kind in kinds:
        wanted, found = ({one for one in side if one[-1] == kind} for side in (gold, predicted))
        types[kind] = Score.of(len(wanted), len(found), len(wanted & found))
    micro = Score.of(len(gold), len(predicted), len(gold & predicted))
    mean = {
        name: sum(getattr(one, name) for one in types.values()) / max(len(types), 1)
        for name in ("precision", "recall", "f1")
    }
    return Scores(micro, replace(micro, **mean), types)
