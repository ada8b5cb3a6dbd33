"""A figure to move: how many shots a new class has, and how certain a box must be to be shown."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from jaxtyping import UInt8
from torch import Tensor

from paper_lessons.once.page.report import as_uri
from paper_lessons.plotting import COLORS

THRESHOLD = 0.3  # where its slider stands at first
LEAST = 0.05

Plain = dict[str, Any]


def shots_html(
    image: UInt8[Tensor, "3 height width"],
    found: Mapping[int, Mapping[str, Any]],
    novel: str,
    caption: str,
) -> str:
    """A picture with a slider for shots and one for the threshold.

    Parameters
    ----------
    image : UInt8[Tensor, "3 height width"]
    found : mapping of int to mapping
        For each number of shots what :meth:`~paper_lessons.once.OnceDetector.detect` gave, with a low threshold.
    novel : str
        The class that was added.
    caption : str
        What to see in it.

    Returns
    -------
    str
        HTML with its own style and script, which loads nothing. Without scripts it shows the boxes of the most shots, and
        a table of all.

    Raises
    ------
    ValueError
        If there is nothing to choose from.
    """
    if not found:
        raise ValueError("found must have at least one number of shots, got none")
    data = [{"shots": count, "boxes": _rows(one)} for count, one in found.items()]
    height, width = image.shape[1:]
    last = data[-1]
    key = "shots-" + hashlib.sha256((json.dumps(data) + caption).encode()).hexdigest()[:8]
    style = _STYLE.replace("@key", f"#{key}")
    for name in ("blue", "orange"):
        style = style.replace(f"@{name}", COLORS[name])
    marks = "".join(_mark(some, novel) for some in _at_one_place(_kept(last)))
    # a closing tag inside a name must not end the script
    values = json.dumps({"choices": data, "novel": novel}, ensure_ascii=False)
    values = values.replace("</", "<\\/")
    script = _SCRIPT.replace("@key", key).replace("@data", values)
    return (
        f'<div class="shots" id="{key}"><style>{style}</style>'
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="A picture with boxes; the list below names them.">'
        f'<image href="{as_uri(image)}" width="{width}" height="{height}"/><g>{marks}</g></svg>'
        f'<div class="live" hidden><label>Shots of {escape(novel)}: <span class="value">{last["shots"]}</span> '
        f'<input type="range" data-of="shots" min="0" max="{len(data) - 1}" step="1" value="{len(data) - 1}" '
        f'aria-valuetext="{last["shots"]}"></label>'
        f'<label>Threshold: <span class="value">{THRESHOLD:.2f}</span> '
        f'<input type="range" data-of="threshold" min="{LEAST}" max="0.98" step="0.01" value="{THRESHOLD}"></label></div>'
        f'<p role="status">{escape(_summary(last))}</p>'
        f"<details><summary>All boxes as a table</summary>{_table(data)}</details>"
        f'<p class="caption">{escape(caption)}</p><script>{script}</script></div>'
    )


def _rows(found: Mapping[str, Any]) -> list[Plain]:
    boxes = found["boxes"].as_subclass(Tensor).tolist()
    return [
        {"name": name, "score": round(score, 3), "box": [round(edge, 1) for edge in box]}
        for name, score, box in zip(found["names"], found["scores"].tolist(), boxes, strict=True)
        if score >= LEAST
    ]


def _kept(choice: Plain) -> list[Plain]:
    return [one for one in choice["boxes"] if one["score"] >= THRESHOLD]


def _summary(choice: Plain) -> str:
    """What the script says, too."""
    told = [f"{one['name']} {one['score']:.2f}" for one in _kept(choice)]
    return "Found: " + (", ".join(told) or "nothing") + "."


def _at_one_place(boxes: Sequence[Plain]) -> list[list[Plain]]:
    """Classes that share a box, as their sizes and offsets are the same where their peaks are."""
    found: dict[tuple[float, ...], list[Plain]] = {}
    for one in boxes:
        found.setdefault(tuple(one["box"]), []).append(one)
    return list(found.values())


def _mark(some: Sequence[Plain], novel: str) -> str:
    left, top, right, bottom = some[0]["box"]
    kind = ' class="new"' if any(one["name"] == novel for one in some) else ""
    words = "  ".join(f"{one['name']} {one['score']:.2f}" for one in some)
    return (
        f'<rect{kind} x="{left}" y="{top}" width="{right - left:.1f}" height="{bottom - top:.1f}"/>'
        f'<text{kind} x="{left}" y="{max(5.0, top - 1)}">{escape(words)}</text>'
    )


def _table(data: Sequence[Plain]) -> str:
    names = ("shots", "class", "score", "left", "top", "right", "bottom")
    head = "".join(f'<th scope="col">{one}</th>' for one in names)
    rows = "".join(
        f"<tr><td>{choice['shots']}</td><td>{escape(one['name'])}</td><td>{one['score']:.2f}</td>"
        + "".join(f"<td>{edge:.0f}</td>" for edge in one["box"])
        + "</tr>"
        for choice in data
        for one in choice["boxes"]
    )
    return (
        '<div class="wide" tabindex="0" role="region" aria-label="All boxes">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


# the picture is as bright on a light page as on a dark one, so its marks have colours and edges of their own
_STYLE = """
@key svg{width:100%;max-width:26rem;display:block}
@key image{image-rendering:pixelated}
@key rect{fill:none;stroke:#fff;stroke-width:.9;paint-order:stroke}
@key rect.new{stroke:@orange;stroke-width:1.4}
@key text{font:4.5px sans-serif;fill:#fff;stroke:#000;stroke-width:.9;paint-order:stroke}
@key label{display:block;margin:.3rem 0}
@key input{width:60%;vertical-align:middle;accent-color:@blue}
@key input:focus-visible{outline:3px solid @blue}
@key .value{display:inline-block;width:2.5em;font-family:monospace}
@key [hidden]{display:none}
@key [role=status]{min-height:3em}
@key .wide{overflow-x:auto;max-height:20rem}
@key table{font-size:.8em;border-collapse:collapse}
@key td,@key th{padding:.1rem .6rem;text-align:left;white-space:nowrap}
"""

_SCRIPT = """(function(){
const box=document.getElementById("@key"),data=@data,group=box.querySelector("svg g");
const [shots,least]=box.querySelectorAll("input");
function add(kind,at,words,fresh){
 const one=document.createElementNS("http://www.w3.org/2000/svg",kind);
 for(const name in at)one.setAttribute(name,at[name]);
 if(fresh)one.setAttribute("class","new");
 if(words)one.textContent=words;
 group.append(one);}
function show(){
 const choice=data.choices[+shots.value];
 shots.parentElement.querySelector(".value").textContent=choice.shots;
 shots.setAttribute("aria-valuetext",choice.shots);
 least.parentElement.querySelector(".value").textContent=(+least.value).toFixed(2);
 const kept=choice.boxes.filter(one=>one.score>=+least.value);
 group.replaceChildren();
 const places=new Map();
 kept.forEach(one=>{
  const place=one.box.join();
  places.set(place,[...(places.get(place)||[]),one]);});
 places.forEach(some=>{
  const [left,top,right,bottom]=some[0].box,fresh=some.some(one=>one.name===data.novel);
  const words=some.map(one=>one.name+" "+one.score.toFixed(2)).join("  ");
  add("rect",{x:left,y:top,width:right-left,height:bottom-top},"",fresh);
  add("text",{x:left,y:Math.max(5,top-1)},words,fresh);});
 box.querySelector("[role=status]").textContent="Found: "+
  (kept.map(one=>one.name+" "+one.score.toFixed(2)).join(", ")||"nothing")+".";}
[shots,least].forEach(one=>one.addEventListener("input",show));
box.querySelector(".live").hidden=false;show();
})();"""
