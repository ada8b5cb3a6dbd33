"""Files of annotated sentences: SpERT's JSON, DyGIE's JSON lines, and texts with marked characters."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from paper_lessons.files import write_atomically
from paper_lessons.spert.documents import Document, Types, annotate
from paper_lessons.spert.words import WordSplitter, find_words, word_spans

# As the Penn Treebank writes brackets; encoders have seen the signs.
BRACKETS = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]"}


def read_types(path: str | Path) -> Types:
    """The types of SpERT's ``types.json``.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Types

    Raises
    ------
    ValueError
        If it is no such file.
    """
    found = _json(path)
    if not isinstance(found, dict) or not isinstance(found.get("entities"), dict):
        raise ValueError(
            f"{_name(path)}: 'entities' must be an object of entity types, it is absent"
        )
    relations = found.get("relations") or {}
    symmetric = [name for name, one in relations.items() if one.get("symmetric")]
    try:
        return Types(tuple(found["entities"]), tuple(relations), tuple(symmetric))
    except ValueError as error:
        raise ValueError(f"{_name(path)}: {error}") from None


def read_spert_json(path: str | Path, types: Types | None = None) -> list[Document]:
    """Sentences of SpERT's JSON: a list of ``{"tokens", "entities", "relations"}``.

    Parameters
    ----------
    path : str or Path
    types : Types, optional
        With them, other types are refused.

    Returns
    -------
    list of Document

    Raises
    ------
    ValueError
        Naming the file, the sentence and the field.
    """
    found = _json(path)
    if not isinstance(found, list):
        raise ValueError(f"{_name(path)}: must be a list of sentences, it is {_kind(found)}")
    return [_sentence(one, f"{_name(path)}: sentence {i}", types) for i, one in enumerate(found)]


def write_spert_json(path: str | Path, documents: Iterable[Document]) -> Path:
    """Write sentences as SpERT's JSON, as a whole or not at all.

    Parameters
    ----------
    path : str or Path
    documents : iterable of Document

    Returns
    -------
    pathlib.Path
    """
    written = [
        {
            "tokens": document.tokens,
            "entities": [
                {"type": one.type, "start": one.word_start, "end": one.word_end}
                for one in document.entities
            ],
            "relations": [
                {"type": one.type, "head": one.head, "tail": one.tail} for one in document.relations
            ],
        }
        for document in documents
    ]
    return write_atomically(path, json.dumps(written, ensure_ascii=False) + "\n")


def read_dygie_jsonl(path: str | Path) -> list[Document]:
    """Sentences of DyGIE's and SciERC's JSON lines, one text a line.

    Relations between sentences are left out; brackets written as ``-LRB-`` become signs.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    list of Document

    Raises
    ------
    ValueError
        Naming the file, the line and the field.
    """
    documents = []
    lines = _read(path).splitlines()
    for number, line in enumerate(lines, start=1):
        if line.strip():
            place = f"{_name(path)}: line {number}"
            documents += list(_dygie(_parsed(line, place), place))
    return documents


def from_char_spans(
    text: str,
    entities: Iterable[tuple[int, int, str]],
    relations: Iterable[tuple[int, int, str]] = (),
    *,
    words: str | WordSplitter = "basic",
) -> Document:
    """A document from marked characters, as BRAT, Prodigy or spaCy have them.

    Parameters
    ----------
    text : str
    entities : iterable of (start, end, type)
        Characters, the end not included.
    relations : iterable of (head, tail, type)
        Places in ``entities``.
    words : "basic" or callable

    Returns
    -------
    Document

    Raises
    ------
    ValueError
        If a mark does not begin and end with words.

    Examples
    --------
    >>> from_char_spans("Ann left Oslo.", [(0, 3, "Person"), (9, 13, "Place")]).entities[1].text
    'Oslo'
    """
    found, marks = find_words(text, words), list(entities)
    spans = word_spans(text, found, [(start, end) for start, end, _ in marks])
    named = [(*span, kind) for span, (_, _, kind) in zip(spans, marks, strict=True)]
    return annotate(text, found, named, relations)


def _sentence(one: Any, place: str, types: Types | None) -> Document:
    if not isinstance(one, dict):
        raise ValueError(f"{place}: must be an object with 'tokens', it is {_kind(one)}")
    tokens = one.get("tokens")
    if not isinstance(tokens, list) or not all(isinstance(word, str) for word in tokens):
        raise ValueError(f"{place}: 'tokens' must be a list of words, it is {_kind(tokens)}")
    entities = _rows(
        one, "entities", ("start", "end"), place, None if types is None else types.entities
    )
    relations = _rows(
        one, "relations", ("head", "tail"), place, None if types is None else types.relations
    )
    try:
        return Document.from_tokens(tokens, entities, relations)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None


def _rows(
    one: dict[str, Any],
    field: str,
    numbers: tuple[str, str],
    place: str,
    types: Sequence[str] | None,
) -> Iterator[tuple[int, int, str]]:
    rows = one.get(field) or []
    if not isinstance(rows, list):
        raise ValueError(f"{place}: {field!r} must be a list, it is {_kind(rows)}")
    for number, row in enumerate(rows):
        where = f"{place}: {field}[{number}]"
        if not isinstance(row, dict):
            raise ValueError(f"{where} must be an object, it is {_kind(row)}")
        for key in numbers:
            if not isinstance(row.get(key), int):
                raise ValueError(
                    f"{where}.{key} must be a whole number, it is {_kind(row.get(key))}"
                )
        if not isinstance(row.get("type"), str):
            raise ValueError(f"{where}.type must be a name, it is {_kind(row.get('type'))}")
        if types is not None and row["type"] not in types:
            known = ", ".join(types) or "(none)"
            raise ValueError(f"{where}.type must be one of {known}; it is {row['type']!r}")
        yield row[numbers[0]], row[numbers[1]], row["type"]


def _dygie(one: Any, place: str) -> Iterator[Document]:
    if not isinstance(one, dict) or not isinstance(one.get("sentences"), list):
        raise ValueError(f"{place}: 'sentences' must be a list of lists of words, it is absent")
    begin = 0
    for number, words in enumerate(one["sentences"]):
        end = begin + len(words)
        marks, links = (
            (one[field][number] if one.get(field) else []) for field in ("ner", "relations")
        )
        try:
            entities = [(s - begin, e + 1 - begin, kind) for s, e, kind, *_ in marks]
            places = {span[:2]: i for i, span in enumerate(entities)}
            relations = []
            for s1, e1, s2, e2, kind, *_ in links:
                both = [places.get((s - begin, e + 1 - begin)) for s, e in ((s1, e1), (s2, e2))]
                if None not in both:
                    relations.append((both[0], both[1], kind))
            signs = [BRACKETS.get(word, word) for word in words]
            yield Document.from_tokens(signs, entities, relations)  # type: ignore[arg-type]
        except (ValueError, TypeError) as error:
            raise ValueError(f"{place}: sentence {number}: {error}") from None
        begin = end


def _json(path: str | Path) -> Any:
    return _parsed(_read(path), _name(path))


def _read(path: str | Path) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{_name(path)}: must be UTF-8, byte {error.start} is not") from None


def _parsed(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{place}: must be JSON: {error}") from None


def _name(path: str | Path) -> str:
    return Path(path).name


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", type(None): "absent"}
    return names.get(type(value), f"{value!r}")
