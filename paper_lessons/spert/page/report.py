"""A page to read predictions on, and the same against what people marked."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from paper_lessons.spert.page.marks import COLORS, marked

Plain = dict[str, Any]

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.6 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem;
  color: light-dark(#1c1c1c, #eaeaea); background: light-dark(#ffffff, #15181c); }
article { border-top: 1px solid light-dark(#d5d5d5, #3a3f46); padding: .6rem 0; }
h2 { font-size: .85rem; font-weight: 600; margin: 0; opacity: .75; }
pre { overflow-x: auto; } .key span { margin-right: 1.2em; white-space: nowrap; }
summary { cursor: pointer; }
"""


def page(
    title: str,
    documents: Sequence[Plain],
    kinds: Sequence[str],
    *,
    names: Sequence[str] = (),
    words: str = "",
) -> str:
    """A whole HTML page without scripts or outside files.

    Parameters
    ----------
    title : str
    documents : sequence of dict
        As :func:`~paper_lessons.spert.page.marks.marked`.
    kinds : sequence of str
        Entity types, in the order of the colours.
    names : sequence of str
        What stands above each document; its number without it.
    words : str
        Plain text under the title, such as a table of scores.

    Returns
    -------
    str
    """
    keys = "".join(
        f'<span style="border-bottom:3px solid {COLORS[place % len(COLORS)]}">{escape(kind)}</span>'
        for place, kind in enumerate(kinds)
    )
    articles = "".join(
        f"<article><h2>{escape(names[place] if names else str(place))}</h2>{marked(one, kinds)}</article>"
        for place, one in enumerate(documents)
    )
    before = f"<pre>{escape(words)}</pre>" if words else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f'<body><main><h1>{escape(title)}</h1><p class="key">{keys}</p>{before}{articles}</main></body></html>\n'
    )


def compared(gold: Plain, predicted: Plain, symmetric: Sequence[str] = ()) -> Plain:
    """Predictions and what they missed in one document, each with its state.

    Parameters
    ----------
    gold, predicted : dict
        From ``Document.to_dict()``, of the same text.
    symmetric : sequence of str

    Returns
    -------
    dict
        ``"state"`` is ``"right"``, ``"wrong"`` or ``"missed"``; a relation is right if both types are (strict).
    """

    def entity(one: Plain) -> tuple:
        return one["word_start"], one["word_end"], one["type"]

    def relation(one: Plain, entities: Sequence[Plain]) -> tuple:
        ends = [entity(entities[one[key]]) for key in ("head", "tail")]
        return (*(sorted(ends) if one["type"] in symmetric else ends), one["type"])

    wanted = {entity(one) for one in gold["entities"]}
    found = {entity(one): place for place, one in enumerate(predicted["entities"])}
    entities = [
        one | {"state": "right" if entity(one) in wanted else "wrong"}
        for one in predicted["entities"]
    ]
    for one in gold["entities"]:
        if entity(one) not in found:
            found[entity(one)] = len(entities)
            entities.append(one | {"state": "missed"})
    linked = {relation(one, gold["entities"]) for one in gold["relations"]}
    relations = [
        one | {"state": "right" if relation(one, predicted["entities"]) in linked else "wrong"}
        for one in predicted["relations"]
    ]
    known = {relation(one, predicted["entities"]) for one in predicted["relations"]}
    for one in gold["relations"]:
        if relation(one, gold["entities"]) not in known:
            ends = {key: found[entity(gold["entities"][one[key]])] for key in ("head", "tail")}
            relations.append(one | ends | {"state": "missed"})
    return {"text": gold["text"], "entities": entities, "relations": relations}
