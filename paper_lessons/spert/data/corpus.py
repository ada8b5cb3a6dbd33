"""Sentences of a small grammar with known entities and relations: nested, negated, symmetric, across clauses.

Names of the test part `new` never occur in training: what a model finds there it has not learnt by heart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paper_lessons.spert.documents import Document, Types, in_text_order

TYPES = Types(
    ("Person", "Org", "Place"), ("works_for", "lives_in", "based_in", "married_to"), ("married_to",)
)

Names = dict[str, list[str]]

KNOWN: Names = {
    "first": [
        "Alba",
        "Bastian",
        "Carmen",
        "Damir",
        "Edith",
        "Fabio",
        "Greta",
        "Hamid",
        "Irene",
        "Joris",
        "Katja",
        "Leon",
        "Marta",
        "Nikolai",
        "Olivia",
        "Pedro",
    ],
    "last": [
        "Arnaud",
        "Bergmann",
        "Castro",
        "Dvorak",
        "Eriksen",
        "Fontana",
        "Goossens",
        "Haugen",
        "Ilves",
        "Jansson",
        "Kovacs",
        "Larsen",
        "Meyer",
        "Novotny",
    ],
    "place": [
        "Lisbon",
        "Turin",
        "Geneva",
        "Prague",
        "Oslo",
        "Bergen",
        "Antwerp",
        "Seville",
        "Krakow",
        "Dublin",
        "Graz",
        "Utrecht",
    ],
    "org": [
        "Acme",
        "Vertex",
        "Norvik",
        "Solaris",
        "Grantham",
        "Inova",
        "Umbria",
        "Helion",
        "Quartz",
        "Zenith",
    ],
}
UNSEEN: Names = {
    "first": ["Amalia", "Boris", "Chiara", "Dieter", "Esther", "Felix", "Gemma", "Henrik"],
    "last": ["Andersen", "Bruckner", "Conti", "Delgado", "Engel", "Forster"],
    "place": ["Madrid", "Vienna", "Zurich", "Helsinki", "Porto", "Lyon"],
    "org": ["Omnia", "Stellar", "Bluefin", "Kestrel", "Tyrell"],
}
KINDS = ["Labs", "Robotics", "Shipping Company", "Bank", "Foundation"]

# A clause: slots and words (one of those between bars), and the relations between its slots.
CLAUSES: tuple[tuple[str, tuple[tuple[str, int, int], ...]], ...] = (
    ("@person works for|is employed by|has joined|is an engineer at @org", (("works_for", 0, 1),)),
    ("@org hired|employs|promoted @person", (("works_for", 1, 0),)),
    ("@person never worked for|declined an offer from|sued|criticised @org", ()),
    ("@person lives in|moved to|has a house in @place", (("lives_in", 0, 1),)),
    ("@person flew over|visited|left|was never in @place", ()),
    (
        "@org , based in|, headquartered in|, a company from @place , grew|, lost money|, won a prize",
        (("based_in", 0, 1),),
    ),
    ("@org opened a shop in|exports to|left @place", ()),
    ("@person married|is the wife of|is the husband of @person", (("married_to", 0, 1),)),
    ("@person met|is not married to|thanked @person", ()),
    ("@person of @org lives in @place", (("works_for", 0, 1), ("lives_in", 0, 2))),
    ("@place resident @person founded @org", (("lives_in", 1, 0),)),
    ("@person and @person work for @org", (("works_for", 0, 2), ("works_for", 1, 2))),
)


@dataclass(frozen=True)
class RelationCorpus:
    """Sentences to learn from and to be judged on.

    Attributes
    ----------
    train : list of Document
    seen : list of Document
        Other sentences with the names of the training part.
    new : list of Document
        Sentences with names that never occur in training.
    types : Types
    """

    train: list[Document]
    seen: list[Document]
    new: list[Document]
    types: Types = TYPES


def relation_corpus(n: int = 480, seed: int = 0, *, test: int = 150) -> RelationCorpus:
    """Draw the corpus; no sentence comes twice.

    Parameters
    ----------
    n : int
        Sentences to learn from.
    seed : int
    test : int
        Sentences in each test part.

    Returns
    -------
    RelationCorpus

    Raises
    ------
    ValueError
        If a number is below 1.

    Examples
    --------
    >>> corpus = relation_corpus(3, seed=0, test=1)
    >>> len(corpus.train), len(corpus.new)
    (3, 1)
    """
    if n < 1 or test < 1:
        raise ValueError(f"n and test must be at least 1, got {n} and {test}")
    known = _sentences(n + test, KNOWN, np.random.default_rng([seed, 0]))
    unseen = _sentences(test, UNSEEN, np.random.default_rng([seed, 1]))
    return RelationCorpus(known[:n], known[n:], unseen)


def _sentences(count: int, names: Names, generator: np.random.Generator) -> list[Document]:
    found: dict[str, Document] = {}
    while len(found) < count:
        one = _Sentence(names, generator).document()
        found.setdefault(one.text, one)
    return list(found.values())


class _Sentence:
    """Words, entities and relations as they are drawn."""

    def __init__(self, names: Names, generator: np.random.Generator) -> None:
        self.names, self.generator = names, generator
        self.tokens: list[str] = []
        self.entities: list[tuple[int, int, str]] = []
        self.relations: list[tuple[int, int, str]] = []

    def document(self) -> Document:
        self.clause()
        if self.generator.random() < 0.5:
            self.say(self.choose([", while", "; meanwhile", ", but"]))
            self.clause()
        self.say(".")
        return in_text_order(Document.from_tokens(self.tokens, self.entities, self.relations))

    def clause(self) -> None:
        pattern, relations = CLAUSES[self.generator.integers(len(CLAUSES))]
        slots, words = [], ""
        for part in pattern.split():
            if part.startswith("@"):
                self.say(self.choose(words.split("|")))
                words = ""
                slots.append(getattr(self, part[1:])())
            else:
                words += " " + part
        self.say(self.choose(words.split("|")))
        self.relations += [(slots[head], slots[tail], kind) for kind, head, tail in relations]

    def person(self) -> int:
        if self.generator.random() < 0.2:
            self.say(self.choose(["Dr.", "Mrs.", "President"]))
        first = self.name("first") + " " if self.generator.random() < 0.75 else ""
        return self.mark(first + self.name("last"), "Person")

    def place(self) -> int:
        return self.mark(self.name("place"), "Place")

    def org(self) -> int:
        draw = self.generator.random()
        if draw < 0.35:  # a place inside, and nothing between the two
            begin = len(self.tokens)
            whole = self.mark(
                self.choose(["University", "Museum", "Bank"]) + " of " + self.name("place"), "Org"
            )
            self.entities.append((begin + 2, begin + 3, "Place"))
            self.relations.append((whole, len(self.entities) - 1, "based_in"))
            return whole
        if draw < 0.5:  # begins like a place and is none
            return self.mark(self.name("place") + " " + self.choose(KINDS), "Org")
        kind = " " + self.choose(KINDS) if draw < 0.85 else ""
        return self.mark(self.name("org") + kind, "Org")

    def mark(self, words: str, kind: str) -> int:
        begin = len(self.tokens)
        self.say(words)
        self.entities.append((begin, len(self.tokens), kind))
        return len(self.entities) - 1

    def say(self, words: str) -> None:
        self.tokens += words.split()

    def name(self, kind: str) -> str:
        return self.choose(self.names[kind])

    def choose(self, some: list[str]) -> str:
        return some[self.generator.integers(len(some))]
