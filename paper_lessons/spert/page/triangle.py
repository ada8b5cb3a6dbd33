"""A figure to move: every span of a sentence as a cell, and what is left of spans and pairs at two thresholds."""

from __future__ import annotations

import hashlib
import json
from html import escape
from typing import Any

from paper_lessons.plotting import COLORS

Plain = dict[str, Any]

ENTITY, RELATION = 0.5, 0.4  # where the sliders stand at first
SHOWN = 8  # relations that are listed
CELL, ROW = 92, 40


def triangle_html(data: Plain, caption: str) -> str:
    """The triangle of spans with a slider for entities and one for relations.

    Parameters
    ----------
    data : dict
        From :func:`~paper_lessons.spert.figures.score_triangle`.
    caption : str
        What to see in it.

    Returns
    -------
    str
        HTML with its own style and script, which loads nothing. Without scripts it shows the triangle at thresholds of
        0.5 and 0.4, and a table of all spans.

    Raises
    ------
    ValueError
        If there are no spans.
    """
    if not data["spans"]:
        raise ValueError("data must have at least one span, got none")
    kept, relations = _at(data, ENTITY, RELATION)
    widest = max(one["end"] - one["start"] for one in data["spans"])
    cells = "".join(
        _cell(data, place, place in kept, widest) for place in range(len(data["spans"]))
    )
    words = "".join(
        f'<text x="{CELL * (place + 0.5):.0f}" y="{ROW * widest + 24}" class="word">{escape(one)}</text>'
        for place, one in enumerate(data["tokens"])
    )
    size = f"0 0 {CELL * len(data['tokens'])} {ROW * widest + 34}"
    found = "".join(f"<li>{escape(_told(data, one))}</li>" for one in relations[:SHOWN])
    key = "spans-" + hashlib.sha256((json.dumps(data) + caption).encode()).hexdigest()[:8]
    style = _STYLE.replace("@key", f"#{key}")
    for name in ("blue", "orange"):
        style = style.replace(f"@{name}", COLORS[name])
    # a closing tag inside a word must not end the script
    values = json.dumps(data, ensure_ascii=False).replace("</", "<\\/")
    script = _SCRIPT.replace("@key", key).replace("@data", values).replace("@shown", str(SHOWN))
    return (
        f'<div class="spans" id="{key}"><style>{style}</style>'
        f'<div class="wide" tabindex="0" role="region" aria-label="All spans"><svg viewBox="{size}" role="img" '
        f'aria-label="A triangle of {len(data["spans"])} cells, one for each span of words.">{cells}{words}</svg></div>'
        f'<div class="live" hidden>{_slider("entity", ENTITY)}{_slider("relation", RELATION)}</div>'
        f'<p role="status">{_summary(len(kept), len(relations))}</p><ul class="found">{found}</ul>'
        f"<details><summary>All spans as a table</summary>{_table(data)}</details>"
        f'<p class="caption">{escape(caption)}</p><script>{script}</script></div>'
    )


def _at(data: Plain, entity: float, relation: float) -> tuple[list[int], list[Plain]]:
    """Places of the spans that stay, and the relations between them; the script does the same."""
    kept = [i for i, one in enumerate(data["spans"]) if 1 - one["scores"][0] >= entity]
    among = [
        one
        for one in data["relations"]
        if one["score"] >= relation and one["head"] in kept and one["tail"] in kept
    ]
    return kept, sorted(among, key=lambda one: -one["score"])


def _summary(entities: int, relations: int) -> str:
    return (
        f"{entities} spans stay, which makes {entities * (entities - 1)} ordered pairs; "
        f"relations found: {relations}."
    )


def _best(data: Plain, place: int) -> str:
    scores = data["spans"][place]["scores"][1:]
    return data["types"][scores.index(max(scores))]


def _words(data: Plain, place: int) -> str:
    one = data["spans"][place]
    return " ".join(data["tokens"][one["start"] : one["end"]])


def _told(data: Plain, one: Plain) -> str:
    head, tail = _words(data, one["head"]), _words(data, one["tail"])
    return f"{head} — {one['type']} → {tail} ({one['score']:.2f})"


def _cell(data: Plain, place: int, kept: bool, widest: int) -> str:
    one = data["spans"][place]
    width, p = one["end"] - one["start"], 1 - one["scores"][0]
    x, y = CELL * (one["start"] + one["end"] - 1) / 2, ROW * (widest - width)
    name = _best(data, place)
    mark = ' class="kept"' if kept else ""
    return (
        f'<g data-span="{place}"{mark}><title>{escape(_words(data, place))}: {escape(name)} {p:.2f}</title>'
        f'<rect x="{x + 4:.0f}" y="{y + 3:.0f}" width="{CELL - 8}" height="{ROW - 6}" rx="4" '
        f'fill-opacity="{0.4 * p:.3f}"/><text x="{x + CELL / 2:.0f}" y="{y + 25:.0f}">{escape(name)}</text></g>'
    )


def _slider(name: str, value: float) -> str:
    return (
        f"<label>Threshold of {'entities' if name == 'entity' else 'relations'}: "
        f'<span class="value">{value:.2f}</span> '
        f'<input type="range" data-of="{name}" min="0.01" max="0.99" step="0.01" value="{value}"></label>'
    )


def _table(data: Plain) -> str:
    names = ["span", "no entity", *data["types"]]
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in names)
    rows = "".join(
        f'<tr><th scope="row">{escape(_words(data, place))}</th>'
        + "".join(f"<td>{score:.2f}</td>" for score in one["scores"])
        + "</tr>"
        for place, one in enumerate(data["spans"])
    )
    return (
        '<div class="wide" tabindex="0" role="region" aria-label="Probabilities of all spans">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


# text and borders take the colour of the page's text, so that they are seen on light and on dark pages
_STYLE = """
@key svg{min-width:34rem;width:100%;display:block}
@key rect{fill:@blue;stroke:@blue;stroke-width:1}
@key g text{visibility:hidden;font-size:15px;text-anchor:middle;fill:currentColor}
@key g.kept rect{stroke:@orange;stroke-width:3.5}
@key g.kept text{visibility:visible}
@key .word{font-size:17px;text-anchor:middle;fill:currentColor}
@key label{display:block;margin:.3rem 0}
@key input{width:60%;vertical-align:middle;accent-color:@blue}
@key input:focus-visible{outline:3px solid @blue}
@key .value{display:inline-block;width:2.5em;font-family:monospace}
@key [hidden]{display:none}
@key .wide{overflow-x:auto;max-height:30rem}
@key .found{min-height:5em}
@key table{font-size:.8em;border-collapse:collapse}
@key td,@key th{padding:.1rem .6rem;text-align:left;white-space:nowrap}
"""

_SCRIPT = """(function(){
const box=document.getElementById("@key"),data=@data;
const cells=[...box.querySelectorAll("g[data-span]")],list=box.querySelector(".found");
const words=i=>data.tokens.slice(data.spans[i].start,data.spans[i].end).join(" ");
function show(){
 const at={};
 box.querySelectorAll("input").forEach(one=>{at[one.dataset.of]=+one.value;
  one.parentElement.querySelector(".value").textContent=(+one.value).toFixed(2);});
 const kept=new Set();
 data.spans.forEach((one,i)=>{if(1-one.scores[0]>=at.entity)kept.add(i);});
 cells.forEach((one,i)=>one.classList.toggle("kept",kept.has(i)));
 const found=data.relations.filter(one=>one.score>=at.relation&&kept.has(one.head)&&kept.has(one.tail));
 found.sort((a,b)=>b.score-a.score);
 const n=kept.size;
 box.querySelector("[role=status]").textContent=n+" spans stay, which makes "+n*(n-1)+
  " ordered pairs; relations found: "+found.length+".";
 list.replaceChildren(...found.slice(0,@shown).map(one=>{
  const item=document.createElement("li");
  item.textContent=words(one.head)+" \\u2014 "+one.type+" \\u2192 "+words(one.tail)+" ("+one.score.toFixed(2)+")";
  return item;}));}
box.querySelectorAll("input").forEach(one=>one.addEventListener("input",show));
box.querySelector(".live").hidden=false;show();
})();"""
