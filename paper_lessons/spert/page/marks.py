"""A document as HTML: entities underlined, nested ones below each other, relations as a list. No script, no outside file."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from html import escape
from typing import Any

Plain = dict[str, Any]

# At least 3:1 on white and on the dark page. Words and labels keep the page's own colour.
COLORS = ("#0072b2", "#c25700", "#00805c", "#b0508a", "#8a6d00", "#4a7bd0", "#b3403a", "#6f7c12")
STEP = 5  # pixels between two underlines


def marked(document: Plain, kinds: Sequence[str] | None = None) -> str:
    """The text of a document with its entities and relations.

    Parameters
    ----------
    document : dict
        From ``Document.to_dict()``. An entity or relation may have a ``"state"``: ``"right"``, ``"wrong"`` or
        ``"missed"``, which is written beside it.
    kinds : sequence of str, optional
        Types in the order of their colours; those of the document without it.

    Returns
    -------
    str
        One ``<div>``.
    """
    entities = document["entities"]
    names = list(kinds or dict.fromkeys(sorted(one["type"] for one in entities)))
    levels = _levels(entities)
    depth = max(levels, default=-1) + 1
    text = document["text"]
    borders = sorted({0, len(text), *(one[key] for one in entities for key in ("start", "end"))})
    parts = []
    for start, end in itertools.pairwise(borders):
        inside = escape(text[start:end]).replace("\n", "<br>")
        over = [i for i, one in enumerate(entities) if one["start"] <= start and end <= one["end"]]
        # the innermost underline is the nearest to the text
        for i in sorted(over, key=lambda i: levels[i]):
            inside = _underlined(inside, entities[i], levels[i], names)
        parts.append(inside)
        parts += [
            _label(entities[i], names) for i in sorted(over, key=lambda i: levels[i]) if entities[i]["end"] == end
        ]  # fmt: skip
    height = f"line-height:{2.0 + 0.35 * depth:.2f}"
    return f'<div class="spert-text" style="{height}">{"".join(parts)}</div>{_relations(document)}'


def _underlined(inside: str, one: Plain, level: int, names: Sequence[str]) -> str:
    dashed = "dashed" if one.get("state") == "missed" else "solid"
    style = f"border-bottom:2.5px {dashed} {_color(one['type'], names)};padding-bottom:{1 + STEP * level}px"
    return f'<span style="{style}" title="{escape(_told(one), quote=True)}">{inside}</span>'


def _label(one: Plain, names: Sequence[str]) -> str:
    state = one.get("state")
    sign = {"wrong": " ✗", "missed": " ?"}.get(state or "", "")
    style = (
        f"border-left:4px solid {_color(one['type'], names)};padding-left:2px;font-size:70%;"
        "font-weight:600;margin:0 3px 0 2px"
    )
    return f'<sub style="{style}" title="{escape(_told(one), quote=True)}">{escape(one["type"])}{sign}</sub>'


def _told(one: Plain) -> str:
    said = f"{one.get('text', '')} · {one['type']} · {one['score']:.2f}".lstrip(" ·")
    return said + (f" · {one['state']}" if one.get("state") else "")


def _relations(document: Plain) -> str:
    if not document["relations"]:
        return ""
    entities = document["entities"]
    rows = []
    for one in document["relations"]:
        head, tail = (escape(entities[one[key]]["text"]) for key in ("head", "tail"))
        state = f" <em>{one['state']}</em>" if one.get("state") else ""
        rows.append(
            f'<li title="probability {one["score"]:.2f}">{head} <b>— {escape(one["type"])} →</b> {tail} '
            f"<small>{one['score']:.2f}</small>{state}</li>"
        )
    return f'<ul class="spert-relations" style="margin:.2em 0 .8em">{"".join(rows)}</ul>'


def _color(kind: str, names: Sequence[str]) -> str:
    return COLORS[names.index(kind) % len(COLORS)] if kind in names else COLORS[0]


def _levels(entities: Sequence[Plain]) -> list[int]:
    """Which line each entity's mark takes: 0 under the text, and below it what holds or crosses those above."""
    levels = [0] * len(entities)
    placed: list[int] = []
    for i in sorted(
        range(len(entities)), key=lambda i: (entities[i]["end"] - entities[i]["start"], i)
    ):
        one = entities[i]
        taken = {
            levels[j]
            for j in placed
            if entities[j]["start"] < one["end"] and one["start"] < entities[j]["end"]
        }
        levels[i] = max(taken, default=-1) + 1
        placed.append(i)
    return levels
