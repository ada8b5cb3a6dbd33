"""What goes in and comes out: a text, its words, entities with character offsets, relations between them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

WordSpan = tuple[int, int]


@dataclass(frozen=True)
class Types:
    """Names of entities and relations; the order is that of the model's outputs.

    Attributes
    ----------
    entities, relations : tuple of str
        Without "None": that no entity is there needs no name.
    symmetric : tuple of str
        Relations that hold in both directions, such as being married.

    Raises
    ------
    ValueError
        If a name comes twice, is "None", or a symmetric type is no relation.
    """

    entities: tuple[str, ...]
    relations: tuple[str, ...] = ()
    symmetric: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for what in ("entities", "relations", "symmetric"):
            names = tuple(getattr(self, what))
            object.__setattr__(self, what, names)
            if len(set(names)) != len(names) or "None" in names:
                raise ValueError(
                    f"{what} must be names that differ, without 'None', got {list(names)}"
                )
        if not self.entities:
            raise ValueError("entities must have at least one name")
        strange = sorted(set(self.symmetric) - set(self.relations))
        if strange:
            raise ValueError(f"symmetric must be among the relations, got {strange}")

    @classmethod
    def of(cls, documents: Iterable[Document]) -> Types:
        """The types that occur in some documents, in alphabetical order; no relation counts as symmetric."""
        kept = list(documents)
        return cls(
            tuple(sorted({one.type for document in kept for one in document.entities})),
            tuple(sorted({one.type for document in kept for one in document.relations})),
        )


@dataclass(frozen=True)
class Entity:
    """A marked part of a text.

    Attributes
    ----------
    type : str
    start, end : int
        Characters, the end not included: ``document.text[start:end] == text``.
    text : str
    word_start, word_end : int
        The same in words.
    score : float
        Probability of the type; 1.0 of what a person has marked.
    """

    type: str
    start: int
    end: int
    text: str
    word_start: int
    word_end: int
    score: float = 1.0

    @property
    def words(self) -> WordSpan:
        """First word, and the word after the last."""
        return self.word_start, self.word_end


@dataclass(frozen=True)
class Relation:
    """A directed relation between two entities of a document.

    Attributes
    ----------
    type : str
    head, tail : int
        Places in the document's ``entities``.
    score : float
    """

    type: str
    head: int
    tail: int
    score: float = 1.0


@dataclass(frozen=True)
class Document:
    """A text with its words, entities and relations. Make it with :meth:`from_tokens` or ``from_char_spans``.

    Attributes
    ----------
    text : str
    words : tuple of (int, int)
        Characters of each word.
    entities : tuple of Entity
    relations : tuple of Relation
    """

    text: str
    words: tuple[tuple[int, int], ...]
    entities: tuple[Entity, ...] = ()
    relations: tuple[Relation, ...] = ()

    @classmethod
    def from_tokens(
        cls,
        tokens: Sequence[str],
        entities: Iterable[tuple[int, int, str]] = (),
        relations: Iterable[tuple[int, int, str]] = (),
    ) -> Document:
        """A document whose text is its words with a space between them.

        Parameters
        ----------
        tokens : sequence of str
        entities : iterable of (first word, word after the last, type)
        relations : iterable of (head, tail, type)
            Head and tail are places in ``entities``.

        Returns
        -------
        Document

        Raises
        ------
        ValueError
            If an entity has no words or words that are not there, two of different type have the same words, or a
            relation's head or tail is no entity, or both are the same one.

        Examples
        --------
        >>> tokens = "Ann Lee of Acme lives in Oslo".split()
        >>> found = Document.from_tokens(tokens, [(0, 2, "Person"), (6, 7, "Place")], [(0, 1, "lives_in")])
        >>> found.entities[1].text, found.entities[1].start, found.triples()
        ('Oslo', 25, [('Ann Lee', 'lives_in', 'Oslo')])
        """
        words, place = [], 0
        for token in tokens:
            words.append((place, place + len(token)))
            place += len(token) + 1
        return annotate(" ".join(tokens), words, entities, relations)

    @property
    def tokens(self) -> list[str]:
        """The words as text."""
        return [self.text[start:end] for start, end in self.words]

    def triples(self) -> list[tuple[str, str, str]]:
        """Relations as (text of the head, type, text of the tail)."""
        return [
            (self.entities[one.head].text, one.type, self.entities[one.tail].text)
            for one in self.relations
        ]

    def to_dict(self) -> dict[str, Any]:
        """Plain data: ``text``, ``entities`` and ``relations`` as dictionaries of their fields."""
        return {
            "text": self.text,
            "entities": [asdict(one) for one in self.entities],
            "relations": [asdict(one) for one in self.relations],
        }

    def to_displacy(self) -> dict[str, Any]:
        """What ``spacy.displacy.render(..., style="span", manual=True)`` takes."""
        spans = [
            {"start_token": one.word_start, "end_token": one.word_end, "label": one.type}
            for one in self.entities
        ]
        return {"text": self.text, "tokens": self.tokens, "spans": spans}

    def to_html(self) -> str:
        """The text with its entities underlined, nested ones below each other, and its relations as a list."""
        from paper_lessons.spert.page.marks import marked

        return marked(self.to_dict())

    _repr_html_ = to_html


def annotate(
    text: str,
    words: Sequence[tuple[int, int]],
    entities: Iterable[tuple[int, int, str]] = (),
    relations: Iterable[tuple[int, int, str]] = (),
) -> Document:
    """A document from spans of words, with everything checked.

    Two entities with the same words and type become one.

    Parameters
    ----------
    text : str
    words : sequence of (int, int)
        Characters of each word.
    entities, relations
        As in :meth:`Document.from_tokens`.

    Returns
    -------
    Document

    Raises
    ------
    ValueError
        If an entity has no words or words that are not there, two of different type have the same words, or a
        relation's head or tail is no entity, or both are the same one.
    """
    made: list[Entity] = []
    places: list[int] = []
    seen: dict[WordSpan, int] = {}
    for number, (start, end, kind) in enumerate(entities):
        if not 0 <= start < end <= len(words):
            raise ValueError(
                f"entities[{number}] must have 0 <= start < end <= {len(words)} words, "
                f"got start {start}, end {end}"
            )
        if (start, end) not in seen:
            seen[start, end] = len(made)
            first, last = words[start][0], words[end - 1][1]
            made.append(Entity(kind, first, last, text[first:last], start, end))
        place = seen[start, end]
        if made[place].type != kind:
            raise ValueError(
                f"entities[{number}] must not have the words {start} to {end} of an entity of another "
                f"type, got {kind!r} and {made[place].type!r}"
            )
        places.append(place)
    linked: list[Relation] = []
    for number, (head, tail, kind) in enumerate(relations):
        for name, value in (("head", head), ("tail", tail)):
            if not 0 <= value < len(places):
                raise ValueError(
                    f"relations[{number}].{name} must be a place among {len(places)} entities, got {value}"
                )
        if places[head] == places[tail]:
            raise ValueError(
                f"relations[{number}] must link two entities, got {head} and {tail}, one and the same"
            )
        linked.append(Relation(kind, places[head], places[tail]))
    return Document(text, tuple(tuple(one) for one in words), tuple(made), tuple(linked))  # type: ignore[misc]


def in_text_order(document: Document) -> Document:
    """The same with entities sorted by place (outer ones first), relations by head and tail."""
    order = sorted(
        range(len(document.entities)),
        key=lambda i: (document.entities[i].word_start, -document.entities[i].word_end),
    )
    new = {old: place for place, old in enumerate(order)}
    relations = [replace(one, head=new[one.head], tail=new[one.tail]) for one in document.relations]
    return replace(
        document,
        entities=tuple(document.entities[i] for i in order),
        relations=tuple(sorted(relations, key=lambda one: (one.head, one.tail, one.type))),
    )


def oriented(document: Document, relation: Relation, symmetric: Sequence[str]) -> Relation:
    """A relation with its head first in the text, if its type is symmetric."""
    head, tail = document.entities[relation.head], document.entities[relation.tail]
    if relation.type in symmetric and tail.words < head.words:
        return replace(relation, head=relation.tail, tail=relation.head)
    return relation


def overlap(first: WordSpan, second: WordSpan) -> bool:
    """Whether two spans of words share a word.

    Examples
    --------
    >>> overlap((0, 3), (2, 4)), overlap((0, 2), (2, 4))
    (True, False)
    """
    return first[0] < second[1] and second[0] < first[1]
